import assert from "node:assert/strict";
import { parseFault, type Fault } from "../../simulator/faults.js";
import { AtBench } from "./at-bench.js";

const open = 'AT+QIOPEN=1,0,"TCP","broker.test",7\r';

describe("faults", () => {
  const texts: readonly [string, Fault][] = [
    ["lose to=host at=12 count=3", { kind: "lose", to: "host", at: 12, count: 3 }],
    ["double to=module,at=1", { kind: "double", to: "module", at: 1, count: 1 }],
    ["flip to=host at=5 mask=0x20", { kind: "flip", to: "host", at: 5, mask: 0x20 }],
    ["garbage to=host at=9 hex=00ff", { kind: "garbage", to: "host", at: 9, hex: "00ff" }],
    ["noise to=module rate=0.001", { kind: "noise", to: "module", rate: 0.001 }],
    ["send-fail nth=2", { kind: "send-fail", nth: 2 }],
    ["corrupt-upload byte=7", { kind: "corrupt-upload", nth: 1, byte: 7 }],
    ["late command=+qiact ms=160000", { kind: "late", command: "+QIACT", nth: 1, ms: 160_000 }],
    ["hold-urc urc=+QIURC ms=50", { kind: "hold-urc", urc: "+QIURC", nth: 1, ms: 50 }],
    ["reset byte=100", { kind: "event", trigger: { on: "byte", byte: 100 }, action: { kind: "reset" } }],
    [
      "silence command=+QIRD nth=3 for=5000",
      {
        kind: "event",
        trigger: { on: "command", command: "+QIRD", nth: 3 },
        action: { kind: "silence", forMs: 5_000 },
      },
    ],
    [
      "peer-close sent=877 socket=2",
      {
        kind: "event",
        trigger: { on: "sent", socket: 2, bytes: 877 },
        action: { kind: "peer-close", socket: 2 },
      },
    ],
    [
      "pdpdeact ms=60000",
      { kind: "event", trigger: { on: "time", ms: 60_000 }, action: { kind: "pdpdeact", context: 1 } },
    ],
  ];
  for (const [text, fault] of texts) {
    it(`reads "${text}"`, () => assert.deepEqual(parseFault(text), fault));
  }

  for (const text of [
    "explode",
    "lose at=1",
    "lose to=host at=0",
    "flip to=up at=1",
    "reset",
    "send-fail nth=x",
    "send-fail colour=red",
  ]) {
    it(`refuses "${text}" with a sentence`, () => assert.throws(() => parseFault(text), /^Error: Fault "/));
  }

  async function ready(...faults: string[]): Promise<AtBench> {
    const bench = await AtBench.memory({ faults }).ready();
    return bench;
  }

  /** Bytes that `ready` exchanges before a test begins. */
  async function offsets(): Promise<{ toHost: number; toModule: number }> {
    const bench = await ready();
    return { toHost: bench.modem.faults.toHostBytes, toModule: bench.modem.faults.toModuleBytes };
  }

  it("loses, doubles, flips and adds exactly the bytes named, in either direction", async () => {
    const { toHost, toModule } = await offsets();
    const cases: readonly [string, string][] = [
      [`lose to=host at=${String(toHost + 3)} count=2`, "\r\n\r\n"],
      [`double to=host at=${String(toHost + 3)}`, "\r\nOOK\r\n"],
      [`flip to=host at=${String(toHost + 3)} mask=0x02`, "\r\nMK\r\n"],
      [`garbage to=host at=${String(toHost + 3)} hex=2a2a`, "\r\n**OK\r\n"],
      [`lose to=module at=${String(toModule + 1)}`, ""],
      [`double to=module at=${String(toModule + 3)}`, "\r\nOK\r\n"],
    ];
    for (const [fault, answer] of cases) {
      const bench = await ready(fault);
      bench.type("AT\r");
      assert.equal(await bench.pass(100), answer, fault);
    }
  });

  it("repeats noise by seed, and makes other noise with another", async () => {
    const heard = async (seed: number): Promise<string> => {
      const bench = AtBench.memory({ faults: ["noise to=host rate=0.05"], seed });
      bench.modem.bootNow();
      for (let round = 0; round < 20; round++) bench.type("ATI\r");
      return bench.pass(5_000);
    };
    assert.equal(await heard(1), await heard(1));
    assert.notEqual(await heard(1), await heard(2));
  });

  it("resets the module at an exact byte, in the middle of a payload", async () => {
    const { toModule } = await offsets();
    const bench = await ready(`reset byte=${String(toModule + open.length + "AT+QISEND=0,10\r".length + 4)}`);
    let got = 0;
    bench.network.serve(7, peer => (peer.onData = bytes => void (got += bytes.length)));
    await bench.exchange(open, /QIOPEN: 0,0/);
    await bench.ask("AT+QISEND=0,10");
    bench.type("0123456789");
    assert.match(await bench.pass(20_000), /^\r\nRDY\r\n/);
    assert.equal(got, 0);
    assert.equal(bench.modem.faults.struck.length, 1);
  });

  it("resets at the nth command of a name", async () => {
    const bench = await ready("reset command=+CSQ nth=2");
    assert.match(await bench.ask("AT+CSQ"), /OK/);
    bench.type("AT+CSQ\r");
    assert.match(await bench.pass(20_000), /^\r\nRDY\r\n/);
  });

  it("is silent for a time, or until it is restarted", async () => {
    const bench = await ready("silence command=+CSQ for=5000", "silence command=+CREG");
    bench.type("AT+CSQ\rAT\r");
    assert.equal(await bench.pass(4_999), "");
    await bench.pass(2);
    assert.equal(await bench.ask("AT"), "\r\nOK\r\n");
    bench.type("AT+CREG?\r");
    await bench.pass(1_000);
    bench.type("AT\r");
    assert.equal(await bench.pass(100_000_000), "");
    bench.modem.resetLine(true);
    await bench.pass(2_500);
    bench.modem.resetLine(false);
    assert.match(await bench.pass(10_000), /^\r\nRDY\r\n/);
  });

  it("keeps a record of what struck, byte by byte", async () => {
    const { toHost } = await offsets();
    const bench = await ready(`lose to=host at=${String(toHost + 1)} count=3`);
    await bench.ask("AT", 100);
    assert.deepEqual(
      bench.modem.faults.struck.map(({ fault }) => fault.kind),
      ["lose", "lose", "lose"],
    );
  });

  it("answers late, and with a gap that URCs fall into", async () => {
    const bench = await ready("late command=+CSQ ms=7000", "gap command=+CGMM ms=500");
    bench.type("AT+CSQ\r");
    assert.equal(await bench.pass(6_999), "");
    assert.match(await bench.pass(10), /\+CSQ/);
    bench.type("AT+CGMM\r");
    await bench.pass(100);
    bench.modem.module.urc("+QIND: SMS DONE");
    assert.equal(await bench.pass(1_000), "\r\n+QIND: SMS DONE\r\n\r\nOK\r\n");
  });

  it("answers ERROR to the nth command of a name", async () => {
    const bench = await ready("error command=+CSQ nth=2");
    assert.match(await bench.ask("AT+CSQ"), /OK/);
    assert.equal(await bench.ask("AT+CSQ"), "\r\nERROR\r\n");
    assert.match(await bench.ask("AT+CSQ"), /OK/);
  });

  it("fails the nth send without sending", async () => {
    const bench = await ready("send-fail nth=1");
    let got = "";
    bench.network.serve(7, peer => (peer.onData = bytes => void (got += Buffer.from(bytes).toString())));
    await bench.exchange(open, /QIOPEN: 0,0/);
    await bench.ask("AT+QISEND=0,1");
    assert.equal(await bench.exchange("a", /SEND .*\r\n/), "\r\nSEND FAIL\r\n");
    await bench.ask("AT+QISEND=0,1");
    assert.equal(await bench.exchange("b", /SEND .*\r\n/), "\r\nSEND OK\r\n");
    await bench.pass(10);
    assert.equal(got, "b");
  });

  it("stores one byte of an upload wrong, and tells the checksum of what it stored", async () => {
    const bench = await ready("corrupt-upload byte=2 nth=2");
    for (const [name, stored] of [
      ["a", "AB"],
      ["b", "Ab"],
    ] as const) {
      await bench.ask(`AT+QFUPL="${name}",2`);
      const sum = Buffer.from(stored).toString("hex");
      assert.match(await bench.exchange("AB", /OK/), new RegExp(`QFUPL: 2,${sum}`));
    }
  });

  it("closes a connection from the peer's side after so many payload bytes", async () => {
    const bench = await ready("peer-close sent=877 socket=0");
    bench.network.serve(7, () => undefined);
    await bench.exchange(open, /QIOPEN: 0,0/);
    for (const count of [500, 376]) {
      await bench.ask(`AT+QISEND=0,${String(count)}`);
      await bench.exchange(Buffer.alloc(count), /SEND OK\r\n/);
      assert.equal(await bench.pass(1_000), "");
    }
    await bench.ask("AT+QISEND=0,1");
    await bench.exchange("x", /SEND OK\r\n/);
    assert.equal(await bench.pass(1_000), '\r\n+QIURC: "closed",0\r\n');
    await bench.ask("AT+QICLOSE=0");
    await bench.exchange(open, /QIOPEN: 0,0/);
    await bench.ask("AT+QISEND=0,900");
    await bench.exchange(Buffer.alloc(900), /SEND OK\r\n/);
    assert.equal(await bench.pass(1_000), "");
  });

  it("deactivates a context, loses it without a word, and loses registration", async () => {
    const bench = await ready(
      "pdpdeact command=+CSQ",
      "context-loss command=+CSQ nth=2",
      "registration-loss command=+CSQ nth=3 for=1000",
    );
    assert.match(await bench.ask("AT+CSQ"), /pdpdeact",1/);
    await bench.ask("AT+QIDEACT=1;+QIACT=1");
    assert.doesNotMatch(await bench.ask("AT+CSQ"), /QIURC/);
    assert.equal(await bench.ask("AT+QIACT?"), "\r\nOK\r\n");
    await bench.ask("AT+CEREG=1");
    assert.match(await bench.ask("AT+CSQ"), /\+CEREG: 2\r\n/);
    assert.match(await bench.pass(2_000), /\+CEREG: 1\r\n/);
  });

  it("holds a URC back, or loses it", async () => {
    const bench = await ready("hold-urc urc=+QIURC ms=3000", "hold-urc urc=+QIURC nth=2");
    const peers: { write(text: string): void }[] = [];
    bench.network.serve(7, peer => peers.push(peer));
    await bench.exchange(open, /QIOPEN: 0,0/);
    peers[0]?.write("a");
    assert.equal(await bench.pass(2_999), "");
    assert.equal(await bench.pass(10), '\r\n+QIURC: "recv",0\r\n');
    await bench.ask("AT+QIRD=0");
    peers[0]?.write("b");
    assert.equal(await bench.pass(100_000), "");
    assert.equal(await bench.ask("AT+QIRD=0,0"), "\r\n+QIRD: 2,1,1\r\n\r\nOK\r\n");
  });
});
