import assert from "node:assert/strict";
import { command, query } from "../../../modules/at/command.js";
import {
  attention,
  Collector,
  framed,
  identify,
  receive,
  registration,
  Rig,
  send,
  signal,
  sourceOf,
  textOf,
  upload,
  type Outcome,
} from "./harness.js";

const ok = (result?: unknown): Outcome[] => [{ failure: undefined, result }];
const failed = (failure: object): Outcome[] => [
  { failure: failure as Outcome["failure"], result: undefined },
];

describe("a command that fails", () => {
  const rows: readonly { answer: string; failure: object }[] = [
    { answer: framed("ERROR"), failure: { kind: "error", command: "AT+CSQ" } },
    { answer: framed("+CME ERROR: 10"), failure: { kind: "cme", command: "AT+CSQ", code: 10 } },
    {
      answer: framed("+CME ERROR: SIM not inserted"),
      failure: { kind: "cme", command: "AT+CSQ", detail: "SIM not inserted" },
    },
    { answer: framed("+CMS ERROR: 310"), failure: { kind: "cms", command: "AT+CSQ", code: 310 } },
    {
      answer: framed("+CMS ERROR: memory full"),
      failure: { kind: "cms", command: "AT+CSQ", detail: "memory full" },
    },
    { answer: framed("+CSQ: 17,99", "ERROR"), failure: { kind: "error", command: "AT+CSQ" } },
    {
      answer: framed("OK"),
      failure: { kind: "malformed", command: "AT+CSQ", detail: "no information line" },
    },
  ];
  for (const { answer, failure } of rows)
    for (const piece of [Infinity, 1, 2, 3])
      it(`tells ${JSON.stringify(answer)} in pieces of ${String(piece)}`, () => {
        const rig = new Rig();
        const outcome = rig.run(signal, []);
        rig.line.receive(answer, piece);
        assert.deepEqual([...outcome], failed(failure));
        assert.equal(rig.channel.pending, 0);
        assert.equal(rig.timer.pending, 1, "only the port's own");
      });

  it("lets the next one go out, each with its own result", () => {
    const rig = new Rig();
    const first = rig.run(attention, []);
    const second = rig.run(attention, []);
    const third = rig.run(signal, []);
    assert.equal(rig.taken(), "AT\r");
    rig.line.receive(framed("ERROR"));
    assert.deepEqual([...first], failed({ kind: "error", command: "AT" }));
    assert.equal(rig.taken(), "AT\r");
    rig.line.receive(framed("+CME ERROR: 3"));
    assert.deepEqual([...second], failed({ kind: "cme", command: "AT", code: 3 }));
    rig.line.receive(framed("+CSQ: 5,99", "OK"));
    assert.deepEqual([...third], ok("5,99"));
  });

  it("has a malformed result when the line could not be read", () => {
    const broken = query<string>({
      text: "AT+X",
      timeoutMs: 100,
      prefix: "+X:",
      read: () => {
        throw new Error("unreadable");
      },
    });
    const rig = new Rig();
    const outcome = rig.run(broken, []);
    rig.line.receive(framed("+X: 1", "OK"));
    assert.deepEqual(
      [...outcome],
      failed({ kind: "malformed", command: "AT+X", detail: "no information line" }),
    );
    assert.equal(rig.exceptions.length, 1);
  });
});

describe("a command", () => {
  it("is sent with its parameters and ends with OK", () => {
    const rig = new Rig();
    const open = command<readonly [number, string, number | undefined, string, undefined]>({
      text: "AT+QIOPEN=",
      timeoutMs: 100,
    });
    const outcome = rig.run(open, [1, "TCP", undefined, "", undefined]);
    assert.equal(rig.taken(), 'AT+QIOPEN=1,"TCP",,""\r');
    rig.line.receive(framed("OK"));
    assert.deepEqual([...outcome], ok());
  });

  it("folds several information lines into one result", () => {
    const rig = new Rig();
    const outcome = rig.run(identify, []);
    rig.line.receive("\r\nQuectel\r\nBG95-M3\r\nRevision: BG95M3LAR02A03\r\n\r\nOK\r\n");
    assert.deepEqual([...outcome], ok("Quectel/BG95-M3/Revision: BG95M3LAR02A03"));
  });

  it("has its declared result when no line comes", () => {
    const rig = new Rig();
    const address = query<string>({
      text: "AT+QIACT?",
      timeoutMs: 100,
      prefix: "+QIACT:",
      empty: "",
      read: line => line.text(3),
    });
    const first = rig.run(address, []);
    rig.line.receive(framed("OK"));
    assert.deepEqual([...first], ok(""));
    const second = rig.run(address, []);
    rig.line.receive(framed('+QIACT: 1,1,1,"10.0.0.1"', "OK"));
    assert.deepEqual([...second], ok("10.0.0.1"));
  });

  it("is told apart from a report with the prefix of its answer", () => {
    const rig = new Rig();
    const outcome = rig.run(registration, []);
    rig.line.receive(framed("+CEREG: 5", "+CEREG: 2,1", '+CEREG: 1,"66C0","1042",8', "OK"));
    assert.deepEqual([...outcome], ok("2,1"));
    assert.deepEqual(rig.reports, ["registration(5)", "registration(1|66C0|1042|8)"]);
  });

  it("works with echo on, off, and with the echo overtaken by a report", () => {
    const rig = new Rig();
    for (const echo of ["AT+CSQ\r", "", "\r\nRDY\r\nAT+CSQ\r"]) {
      const outcome = rig.run(signal, []);
      rig.line.receive(echo + framed("+CSQ: 1,2", "OK"));
      assert.deepEqual([...outcome], ok("1,2"));
    }
    assert.equal(rig.counters.strays, 0);
  });

  it("takes no result from what was received before it was sent", () => {
    const rig = new Rig({
      onReport: () => {
        outcome = rig.run(attention, []);
      },
    });
    let outcome: Outcome[] = [];
    rig.line.receive(framed("RDY", "OK", "ERROR"));
    assert.equal(rig.taken(), "AT\r");
    assert.deepEqual([...outcome], []);
    assert.equal(rig.counters.strays, 2);
    rig.line.receive(framed("OK"));
    assert.deepEqual([...outcome], ok());
  });

  it("is sent at once, or in order behind those that wait", () => {
    const rig = new Rig();
    const outcomes = [1, 2, 3].map(() => rig.run(attention, []));
    assert.equal(rig.channel.pending, 3);
    assert.equal(rig.counters.queueHighWater, 2);
    for (const outcome of outcomes) {
      assert.equal(rig.taken(), "AT\r");
      rig.line.receive(framed("OK"));
      assert.deepEqual([...outcome], ok());
    }
    assert.equal(rig.counters.commands, 3);
    rig.timer.drain();
    assert.equal(rig.timer.pending, 0);
  });
});

describe("a send behind a prompt", () => {
  const payload = "OK\r\nERROR\r\n> \0\x1b\x1aSEND OK\r\n";

  it("fails when the module refuses it, before or behind the prompt", () => {
    for (const [bytes, failure] of [
      [framed("ERROR"), { kind: "error", command: "AT+QISEND" }],
      ["\r\n> " + framed("ERROR"), { kind: "error", command: "AT+QISEND" }],
      ["\r\n> " + framed("SEND FAIL"), { kind: "send-fail", command: "AT+QISEND" }],
      [framed("+CME ERROR: 3"), { kind: "cme", command: "AT+QISEND", code: 3 }],
      [framed("OK"), { kind: "malformed", command: "AT+QISEND", detail: "no prompt" }],
    ] as const) {
      const rig = new Rig();
      const outcome = rig.run(send, [0, payload.length], { source: sourceOf(payload) });
      rig.line.receive(bytes);
      assert.deepEqual([...outcome], failed(failure));
    }
  });

  it("sends nothing of the payload before the prompt, and all of it behind it", () => {
    const rig = new Rig();
    const outcome = rig.run(send, [0, payload.length], { source: sourceOf(payload) });
    assert.equal(rig.taken(), `AT+QISEND=0,${String(payload.length)}\r`);
    rig.line.receive("\r\n");
    assert.equal(rig.taken(), "");
    rig.line.receive(">");
    assert.equal(rig.taken(), payload);
    rig.line.receive(" " + framed("SEND OK"));
    assert.deepEqual([...outcome], ok());
    assert.equal(rig.counters.strays, 0);
  });

  for (const [where, bytes] of [
    ["in front of", framed('+QIURC: "recv",0') + "\r\n> " + framed("SEND OK")],
    ["right in front of", '\r\n+QIURC: "recv",0\r\n> ' + framed("SEND OK")],
    ["behind", "\r\n> " + framed('+QIURC: "recv",0') + framed("SEND OK")],
    ["right behind", '\r\n> +QIURC: "recv",0\r\n' + framed("SEND OK")],
  ] as const)
    for (const piece of [Infinity, 1, 2, 3])
      it(`takes a report ${where} the prompt, in pieces of ${String(piece)}`, () => {
        const rig = new Rig();
        const outcome = rig.run(send, [0, 3], { source: sourceOf("abc") });
        rig.taken();
        rig.line.receive(bytes, piece);
        assert.equal(rig.taken(), "abc");
        assert.deepEqual([...outcome], ok());
        assert.deepEqual(rig.reports, ["socket(recv|0)"]);
      });

  it("ends at SEND OK, with the next command's echo on its line", () => {
    const rig = new Rig();
    const sent = rig.run(send, [0, 3], { source: sourceOf("abc") });
    const query = rig.run(signal, []);
    rig.line.receive("\r\n> ");
    rig.line.receive("\r\nSEND OK");
    assert.deepEqual([...sent], ok());
    rig.line.receive("AT+CSQ\r" + framed("+CSQ: 1,2", "OK"));
    assert.deepEqual([...query], ok("1,2"));
    assert.equal(rig.counters.strays, 0);
  });

  it("does not end at an OK in front of SEND OK", () => {
    const rig = new Rig();
    const outcome = rig.run(send, [0, 3], { source: sourceOf("abc") });
    rig.line.receive("\r\n> " + framed("OK"));
    assert.deepEqual([...outcome], []);
    rig.line.receive(framed("SEND OK"));
    assert.deepEqual([...outcome], ok());
  });

  it("does not take an answer for an echo because the payload was the same", () => {
    const rig = new Rig();
    const payload = "+CME ERROR: 10";
    const outcome = rig.run(send, [0, payload.length], { source: sourceOf(payload) });
    assert.equal(rig.taken().length - 1, payload.length);
    rig.line.receive("\r\n> " + framed(payload));
    assert.equal(outcome[0]?.failure?.code, 10);
  });

  it("uploads behind CONNECT and reads what the module counted", () => {
    const rig = new Rig();
    const outcome = rig.run(upload, ["a.pem", 4], { source: sourceOf("+++\r") });
    assert.equal(rig.taken(), 'AT+QFUPL="a.pem",4\r');
    rig.line.receive('AT+QFUPL="a.pem",4\r\r\nCONNECT\r\n');
    assert.equal(rig.taken(), "+++\r");
    rig.line.receive("+QFUPL: 4,f5f\r\n" + framed("OK"));
    assert.deepEqual([...outcome], ok("4,f5f"));
  });
});

describe("raw data of an answer", () => {
  const nasty = '\r\nOK\r\n\0> RDY\r\nERROR\r\n+QIURC: "closed",0\r\n\x1b\x1a';

  for (const piece of [Infinity, 1, 2, 3, 7])
    it(`go to the sink unread, in pieces of ${String(piece)}`, () => {
      const rig = new Rig();
      const sink = new Collector();
      const outcome = rig.run(receive, [0, 100], { sink });
      rig.line.receive(`\r\n+QIRD: ${String(nasty.length)}\r\n${nasty}` + framed("OK"), piece);
      assert.equal(textOf(sink.bytes), nasty);
      assert.deepEqual([...outcome], ok(nasty.length));
      assert.deepEqual(rig.reports, []);
    });

  it("may be none", () => {
    const rig = new Rig();
    const sink = new Collector();
    const outcome = rig.run(receive, [0, 100], { sink });
    rig.line.receive(framed("+QIRD: 0", "OK"));
    assert.deepEqual([...outcome], ok(0));
    assert.equal(sink.bytes.length, 0);
  });

  it("may be longer than every buffer", () => {
    const rig = new Rig();
    const sink = new Collector();
    const data = Uint8Array.from({ length: 1500 }, (_, i) => i * 7);
    const outcome = rig.run(receive, [0, 1500], { sink });
    rig.line.receive("\r\n+QIRD: 1500\r\n");
    rig.line.receive(data, 128);
    rig.line.receive(framed("OK"));
    assert.deepEqual(Uint8Array.from(sink.bytes), data);
    assert.deepEqual([...outcome], ok(1500));
    assert.equal(rig.counters.overflows, 0);
  });

  it("make the command fail when the sink does not take them, and nothing else", () => {
    const rig = new Rig();
    let writes = 0;
    const sink = {
      write() {
        writes++;
        throw new Error("full");
      },
    };
    const outcome = rig.run(receive, [0, 9], { sink });
    rig.line.receive("\r\n+QIRD: 9\r\nabc");
    rig.line.receive("defghi");
    rig.line.receive(framed("OK"));
    assert.deepEqual(
      [...outcome],
      failed({ kind: "malformed", command: "AT+QIRD", detail: "raw data were not taken" }),
    );
    assert.equal(writes, 1);
    assert.equal(rig.exceptions.length, 1);
    const next = rig.run(attention, []);
    rig.line.receive(framed("OK"));
    assert.deepEqual([...next], ok());
  });

  it("are dropped when nobody waits for them", () => {
    const rig = new Rig();
    const outcome = rig.run(receive, [0, 100]);
    rig.line.receive("\r\n+QIRD: 6\r\n\r\nOK\r\n" + framed("OK"));
    assert.deepEqual([...outcome], ok(6));
  });
});

describe("a command that was cancelled", () => {
  it("is not sent when it was waiting", () => {
    const rig = new Rig();
    const first = rig.run(attention, []);
    const second = rig.run(signal, []);
    const third = rig.run(attention, []);
    assert.ok(second.request);
    rig.channel.cancel(second.request);
    rig.taken();
    rig.line.receive(framed("OK"));
    assert.equal(rig.taken(), "AT\r");
    rig.line.receive(framed("OK"));
    assert.deepEqual([[...first], [...second], [...third]], [ok(), [], ok()]);
  });

  it("ends unheard when it is in flight, and its raw data go nowhere", () => {
    const rig = new Rig();
    const sink = new Collector();
    const first = rig.run(receive, [0, 10], { sink });
    const second = rig.run(attention, []);
    rig.line.receive("\r\n+QIRD: 6\r\n\r\nO");
    assert.ok(first.request);
    rig.channel.cancel(first.request);
    rig.channel.cancel(first.request);
    rig.taken();
    rig.line.receive("K\r\n" + framed("OK"));
    assert.equal(rig.taken(), "AT\r");
    assert.equal(textOf(sink.bytes), "\r\nO");
    rig.line.receive(framed("OK"));
    assert.deepEqual([[...first], [...second]], [[], ok()]);
  });

  it("still sends the payload that the module counts on", () => {
    const rig = new Rig();
    const outcome = rig.run(send, [0, 3], { source: sourceOf("abc") });
    assert.ok(outcome.request);
    rig.channel.cancel(outcome.request);
    rig.taken();
    rig.line.receive("\r\n> ");
    assert.equal(rig.taken(), "abc");
  });

  it("may have ended already", () => {
    const rig = new Rig();
    const outcome = rig.run(attention, []);
    rig.line.receive(framed("OK"));
    assert.ok(outcome.request);
    rig.channel.cancel(outcome.request);
    assert.deepEqual([...outcome], ok());
  });
});

describe("lines and bytes that are out of the ordinary", () => {
  it("are dropped and counted when a line is longer than the buffer, and nothing behind it is lost", () => {
    for (const piece of [Infinity, 1, 7, 128]) {
      const rig = new Rig();
      const outcome = rig.run(signal, []);
      rig.line.receive("\r\n+CSQ: " + "9".repeat(1300) + "\r\n" + framed("RDY", "+CSQ: 1,2", "OK"), piece);
      assert.deepEqual([...outcome], ok("1,2"));
      assert.equal(rig.counters.overflows, 1);
      assert.deepEqual(rig.reports, ["boot()"]);
    }
  });

  it("fit when they are, with their line end, just as long as the buffer", () => {
    for (const [length, overflows] of [
      [510, 0],
      [511, 1],
    ] as const)
      for (const piece of [Infinity, 1, 100]) {
        const rig = new Rig();
        const outcome = rig.run(identify, []);
        const line = "x".repeat(length);
        rig.line.receive("\r\n" + line + "\r\n" + framed("y", "OK"), piece);
        assert.deepEqual([...outcome], ok(overflows ? "y" : line + "/y"));
        assert.equal(rig.counters.overflows, overflows);
      }
  });

  it("are strays when nobody waits for them", () => {
    const rig = new Rig();
    rig.line.receive(framed("OK", "+CSQ: 1,2", "garbage") + "\0\xff\xfe\r\n");
    assert.equal(rig.counters.strays, 4);
    assert.deepEqual(rig.reports, []);
  });

  it("leave the memory of the fullest moment", () => {
    const rig = new Rig();
    rig.line.receive("x".repeat(300) + "\r\n");
    rig.line.receive("y\r\n");
    assert.equal(rig.counters.receiveHighWater, 302);
  });

  it("may be blank in any number", () => {
    const rig = new Rig();
    const outcome = rig.run(signal, []);
    rig.line.receive("\r\r\n\n\r\n  \r\n+CSQ: 1,2\r\n\r\n\r\n \r\n \r\nOK\r\n");
    assert.deepEqual([...outcome], ok("1,2"));
    assert.equal(rig.counters.strays, 0);
  });
});
