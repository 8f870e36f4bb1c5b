import assert from "node:assert/strict";
import fc from "fast-check";
import { command, query, type Urc } from "../../../modules/at/command.js";
import type { Line } from "../../../modules/at/line.js";
import { attention, Collector, Rig, signal, sourceOf, textOf } from "./harness.js";

const urcs: readonly Urc[] = [
  { name: "tls", prefix: "+QSSLURC:", inline: { fields: 4, counted: true } },
  // `+QMTRECV: 0,1` reports a message that waits; with a topic behind it that is the answer to a read.
  { name: "waiting", prefix: "+QMTRECV:", accept: line => !line.has(2) },
  { name: "socket", prefix: "+QIURC:" },
];

const pushed: readonly Urc[] = [{ name: "message", prefix: "+QMTRECV:", inline: { fields: 3 } }];

const take = query<string, readonly [client: number, place: number]>({
  text: "AT+QMTRECV=",
  timeoutMs: 5_000,
  prefix: "+QMTRECV:",
  inline: 4,
  empty: "",
  raw: line => line.int(3),
  read: line => line.text(2),
});

/** What happens to hold quotes, line ends, results and reports. */
const HARD = [
  'say "hi"',
  "\r\n",
  "\r\nOK\r\n",
  '"\r\n',
  '\r\n+QIURC: "recv",0\r\n',
  "",
  "\0\x1a\x1b",
  'a","b',
];

const push = (data: string): string => `\r\n+QSSLURC: "recv",1,5,${data.length},"${data}"\r\n`;

/** Sizes of pieces that the bytes come in. */
const PIECES = [1, 2, 3, 7, 64, Infinity];

describe("a report with a counted payload in its line", () => {
  for (const data of HARD)
    it(`brings ${JSON.stringify(data)} whole, in pieces of any size`, () => {
      for (const piece of PIECES) {
        const rig = new Rig({ urcs });
        rig.line.receive(push(data), piece);
        assert.deepEqual(rig.payloads, [`tls:${data}`], `pieces of ${piece}`);
        assert.deepEqual(rig.reports, [`tls(recv|1|5|${data.length})`]);
        assert.deepEqual([rig.counters.strays, rig.counters.resynchronisations], [0, 0]);
      }
    });

  it("longer than the receive buffer passes through it", () => {
    const data = '0123456789"\r\n'.repeat(100);
    for (const piece of PIECES) {
      const rig = new Rig({ urcs });
      rig.line.receive(push(data), piece);
      assert.deepEqual(rig.payloads, [`tls:${data}`]);
      assert.equal(rig.counters.overflows, 0);
    }
  });

  it("without a payload is a line like any other", () => {
    for (const piece of PIECES) {
      const rig = new Rig({ urcs });
      rig.line.receive('\r\n+QSSLURC: "closed",1,5\r\n', piece);
      assert.deepEqual(rig.reports, ["tls(closed|1|5)"]);
      assert.deepEqual(rig.payloads, []);
    }
  });

  it("between a command and its answer disturbs neither", () => {
    for (const piece of PIECES) {
      const rig = new Rig({ urcs });
      const outcome = rig.run(signal, []);
      rig.line.receive(`${push("\r\nOK\r\n")}\r\n+CSQ: 28,99\r\n${push('"')}\r\nOK\r\n`, piece);
      assert.deepEqual([...outcome], [{ failure: undefined, result: "28,99" }]);
      assert.deepEqual(rig.payloads, ["tls:\r\nOK\r\n", 'tls:"']);
    }
  });

  it("that is under way lets no command begin before its end", () => {
    const rig = new Rig({ urcs });
    const bytes = push("0123456789");
    rig.line.receive(bytes.slice(0, 35));
    rig.run(attention, []);
    assert.equal(rig.taken(), "");
    rig.line.receive(bytes.slice(35));
    assert.equal(rig.taken(), "AT\r");
  });

  it("any bytes, cut anywhere, with a command under way, come out as they went in", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 4 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
        (payloads, sizes) => {
          const rig = new Rig({ urcs });
          const outcome = rig.run(signal, []);
          const bytes = payloads.map(one => push(textOf(one))).join("") + "\r\n+CSQ: 1,2\r\n\r\nOK\r\n";
          for (let at = 0, turn = 0; at < bytes.length; turn++) {
            const size = sizes[turn % sizes.length] ?? 1;
            rig.line.receive(bytes.slice(at, at + size));
            at += size;
          }
          assert.deepEqual(
            rig.payloads,
            payloads.map(one => `tls:${textOf(one)}`),
          );
          assert.deepEqual([...outcome], [{ failure: undefined, result: "1,2" }]);
        },
      ),
    );
  });

  it("that lost a byte is told as damaged, and the channel finds its way again", () => {
    const bytes = push("0123456789");
    // Any byte behind the opening quote.
    for (let lost = bytes.indexOf(',"0') + 2; lost < bytes.length; lost++) {
      const rig = new Rig({ urcs });
      rig.line.receive(bytes.slice(0, lost) + bytes.slice(lost + 1));
      rig.timer.advance(6_000);
      rig.taken();
      assert.ok(
        rig.payloads.at(-1)?.endsWith("!") || rig.payloads.at(-1) === "tls:0123456789",
        `byte ${lost}: ${JSON.stringify(rig.payloads)}`,
      );
      if (lost < bytes.length - 3) assert.ok(rig.payloads.at(-1)?.endsWith("!"), `byte ${lost}`);
      const outcome = rig.run(attention, []);
      for (let turn = 0; turn < 20 && outcome.length === 0; turn++) {
        if (rig.taken().includes("AT+CMEE?")) rig.line.receive("\r\n+CMEE: 1\r\n\r\nOK\r\n");
        else rig.line.receive("\r\nOK\r\n");
        rig.timer.advance(400);
      }
      assert.deepEqual([...outcome], [{ failure: undefined, result: undefined }], `byte ${lost}`);
    }
  });

  it("that stops in the middle is told as damaged after its time", () => {
    const rig = new Rig({ urcs });
    rig.line.receive(push("0123456789").slice(0, -6));
    rig.timer.advance(4_999);
    assert.ok(rig.payloads.at(-1)?.endsWith("..."));
    rig.timer.advance(1);
    assert.ok(rig.payloads.at(-1)?.endsWith("!"));
  });

  it("is told as damaged when the serial port lost bytes", () => {
    const rig = new Rig({ urcs });
    rig.line.receive(push("0123456789").slice(0, -6));
    rig.line.overrun();
    assert.ok(rig.payloads.at(-1)?.endsWith("!"));
  });

  it("whose length cannot be read is told as damaged", () => {
    const rig = new Rig({ urcs });
    rig.line.receive('\r\n+QSSLURC: "recv",1,5,x,"abc"\r\n');
    assert.deepEqual(rig.payloads, ["tls:!"]);
  });
});

describe("a report with hexadecimal digits in its line", () => {
  const digits = "00ff1A2b".repeat(200);
  it("brings them whole, in pieces of any size", () => {
    for (const piece of PIECES) {
      const rig = new Rig({ urcs: pushed });
      rig.line.receive(`\r\n+QMTRECV: 0,0,"a/b","${digits}"\r\n`, piece);
      assert.deepEqual(rig.payloads, [`message:${digits}`]);
      assert.deepEqual(rig.reports, ["message(0|0|a/b)"]);
      assert.equal(rig.counters.strays, 0);
    }
  });

  it("may be empty", () => {
    const rig = new Rig({ urcs: pushed });
    rig.line.receive('\r\n+QMTRECV: 0,0,"t",""\r\n', 1);
    assert.deepEqual(rig.payloads, ["message:"]);
  });

  it("is told as damaged at the first byte that is no digit", () => {
    const rig = new Rig({ urcs: pushed });
    rig.line.receive('\r\n+QMTRECV: 0,0,"t","00f\r\n');
    assert.deepEqual(rig.payloads, ["message:00f!"]);
  });
});

describe("an answer with a counted payload in its line", () => {
  for (const data of HARD)
    it(`brings ${JSON.stringify(data)} whole, in pieces of any size`, () => {
      for (const piece of PIECES) {
        const rig = new Rig({ urcs });
        const sink = new Collector();
        const outcome = rig.run(take, [0, 1], { sink });
        rig.line.receive(`\r\n+QMTRECV: 0,1,"a,b",${data.length},"${data}"\r\n\r\nOK\r\n`, piece);
        assert.deepEqual([...outcome], [{ failure: undefined, result: "a,b" }], `pieces of ${piece}`);
        assert.equal(textOf(sink.bytes), data);
        assert.deepEqual(rig.reports, []);
      }
    });

  it("is told apart from the report with the same prefix", () => {
    const rig = new Rig({ urcs });
    const outcome = rig.run(take, [0, 1], { sink: new Collector() });
    rig.line.receive('\r\n+QMTRECV: 0,2\r\n\r\n+QMTRECV: 0,1,"t",1,"x"\r\n\r\nOK\r\n', 1);
    assert.deepEqual(rig.reports, ["waiting(0|2)"]);
    assert.deepEqual([...outcome], [{ failure: undefined, result: "t" }]);
  });

  it("that lost a byte fails the command", () => {
    const rig = new Rig({ urcs });
    const outcome = rig.run(take, [0, 1], { sink: new Collector() });
    rig.line.receive('\r\n+QMTRECV: 0,1,"t",5,"0123"\r\n\r\nOK\r\n');
    rig.timer.advance(6_000);
    assert.equal(outcome[0]?.failure?.kind, "overrun");
  });

  it("may not be there at all", () => {
    const rig = new Rig({ urcs });
    const outcome = rig.run(take, [0, 1], { sink: new Collector() });
    rig.line.receive("\r\nOK\r\n");
    assert.deepEqual([...outcome], [{ failure: undefined, result: "" }]);
  });
});

describe("a payload behind a prompt", () => {
  const upload = query<number, readonly [context: number, connection: number, item: string]>({
    text: "AT+QSSLCFG=",
    timeoutMs: 20_000,
    prefix: "+QSSLCFG:",
    prompt: ">",
    pauseMs: 500,
    terminator: 0x1a,
    read: line => line.int(3),
  });

  it("waits for the pause, and is ended by Ctrl+Z", () => {
    const rig = new Rig();
    const outcome = rig.run(upload, [1, 5, "cacert"], { source: sourceOf("PEM\n") });
    assert.equal(rig.taken(), 'AT+QSSLCFG=1,5,"cacert"\r');
    rig.line.receive("\r\n> ");
    rig.timer.advance(499);
    assert.equal(rig.taken(), "");
    rig.timer.advance(10);
    assert.equal(rig.taken(), "PEM\n\x1a");
    rig.line.receive('\r\n+QSSLCFG: 1,5,"cacert",4\r\n\r\nOK\r\n', 1);
    assert.deepEqual([...outcome], [{ failure: undefined, result: 4 }]);
  });

  it("that the module repeats is passed over", () => {
    const rig = new Rig();
    const outcome = rig.run(upload, [1, 5, "cacert"], { source: sourceOf("A\nB\n") });
    rig.line.receive("\r\n> ");
    rig.timer.advance(510);
    rig.line.receive('A\nB\n\r\n+QSSLCFG: 1,5,"cacert",4\r\n\r\nOK\r\n', 1);
    assert.deepEqual([...outcome], [{ failure: undefined, result: 4 }]);
  });

  it("is not sent any more when the module restarted in the pause", () => {
    const rig = new Rig();
    rig.run(upload, [1, 5, "cacert"], { source: sourceOf("PEM\n") });
    rig.taken();
    rig.line.receive("\r\n> ");
    rig.channel.reset({ kind: "module-reset" });
    rig.timer.advance(600);
    assert.equal(rig.taken(), "");
  });

  it("without an answer is given up by ESC before the first probe", () => {
    const rig = new Rig({ onStuckPayload: () => assert.fail("nothing is stuck") });
    rig.run(upload, [1, 5, "cacert"], { source: sourceOf("PEM\n") });
    rig.line.receive("\r\n> ");
    rig.timer.advance(510);
    rig.taken();
    rig.timer.advance(20_000);
    assert.ok(rig.taken().startsWith("\x1bAT+CMEE?\r"));
  });

  it("in pieces of any room is ended once", () => {
    for (const capacity of [1, 2, 3, 17]) {
      const rig = new Rig({ capacity });
      rig.run(upload, [1, 5, "key"], { source: sourceOf("0123456789") });
      rig.timer.advance(100);
      rig.taken();
      rig.line.receive("\r\n> ");
      rig.timer.advance(1_000);
      assert.equal(rig.taken(), "0123456789\x1a", `room ${capacity}`);
    }
  });
});

describe("a payload as hexadecimal digits", () => {
  const sendHex = command<readonly [id: number, byteLength: number]>({
    text: "AT+QISENDEX=",
    timeoutMs: 10_000,
    hex: true,
    final: "SEND OK",
  });

  it("stands in the command itself", () => {
    const rig = new Rig();
    const outcome = rig.run(sendHex, [0, 4], { source: sourceOf(Uint8Array.of(0, 0x1a, 0xff, 0x22)) });
    rig.timer.advance(10);
    assert.equal(rig.taken(), "AT+QISENDEX=0,4,001AFF22\r");
    rig.line.receive("\r\nOK\r\n");
    assert.deepEqual([...outcome], []);
    rig.line.receive("\r\nSEND OK\r\n");
    assert.deepEqual([...outcome], [{ failure: undefined, result: undefined }]);
  });

  it("of any length goes out whole with any room of the serial port", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 600 }),
        fc.constantFrom(2, 3, 17, 128, 4096),
        (bytes, capacity) => {
          const rig = new Rig({ capacity });
          rig.run(sendHex, [0, bytes.length], { source: sourceOf(bytes) });
          rig.timer.advance(2_000);
          const digits = Buffer.from(bytes).toString("hex").toUpperCase();
          assert.equal(rig.taken(), `AT+QISENDEX=0,${bytes.length},${digits}\r`);
        },
      ),
    );
  });
});

describe("other final results", () => {
  const close = command<readonly [id: number]>({ text: "AT+QICLOSE=", timeoutMs: 10_000, final: "CLOSE OK" });
  const deactivate = command({ text: "AT+CGACT=0,1", timeoutMs: 150_000, final: "NO CARRIER" });
  const vectors: readonly { what: typeof attention; answer: string; kind: string | undefined }[] = [
    { what: { ...close, parameters: [] }, answer: "\r\nOK\r\n\r\nCLOSE OK\r\n", kind: undefined },
    { what: { ...close, parameters: [] }, answer: "\r\nOK\r\n\r\nCLOSE FAIL\r\n", kind: "error" },
    { what: { ...close, parameters: [] }, answer: "\r\nERROR\r\n", kind: "error" },
    { what: deactivate, answer: "\r\nNO CARRIER\r\n", kind: undefined },
    { what: deactivate, answer: "\r\nOK\r\n", kind: undefined },
    { what: deactivate, answer: "\r\n+CME ERROR: 767\r\n", kind: "cme" },
  ];
  for (const { what, answer, kind } of vectors)
    it(`end ${what.text} by ${JSON.stringify(answer)} with ${kind ?? "success"}`, () => {
      for (const piece of PIECES) {
        const rig = new Rig();
        const outcome = rig.run(what, []);
        rig.line.receive(answer, piece);
        assert.equal(outcome.length, 1);
        assert.equal(outcome[0]?.failure?.kind, kind);
      }
    });
});

/** Lines are read in place; a field of a header that is cut at its quote must not reach behind it. */
describe("the header of a payload", () => {
  it("has no field of the payload", () => {
    const seen: (string | boolean)[] = [];
    const note = (line: Line): void => {
      seen.push(line.has(4), line.text(3));
    };
    const rig = new Rig({ urcs, onReport: (_, line) => note(line) });
    rig.line.receive(push("abc"));
    assert.deepEqual(seen, [false, "3"]);
  });
});
