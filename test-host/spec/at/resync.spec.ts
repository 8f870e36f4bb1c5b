import assert from "node:assert/strict";
import { failure } from "../../../modules/diagnosis/failure.js";
import {
  attention,
  Collector,
  framed,
  probeAnswer,
  probeLine,
  receive,
  Rig,
  send,
  signal,
  sourceOf,
  textOf,
  upload,
  type Outcome,
} from "./harness.js";

const ok = (result?: unknown): Outcome[] => [{ failure: undefined, result }];
const failed = (kind: string, command: string): Outcome[] => [
  { failure: failure(kind as "timeout", command), result: undefined },
];

/** A command that timed out; the channel is probing. */
function timedOut(): Rig {
  const rig = new Rig();
  const outcome = rig.run(signal, []);
  rig.timer.advance(299);
  assert.deepEqual([...outcome], []);
  rig.taken();
  rig.timer.advance(1);
  assert.deepEqual([...outcome], failed("timeout", "AT+CSQ"));
  assert.equal(rig.taken(), probeLine);
  return rig;
}

describe("a module that is silent", () => {
  it("fails what waits with no-answer and tells it, after probes and an attempt to end a payload", () => {
    const rig = new Rig();
    const first = rig.run(signal, []);
    const second = rig.run(attention, []);
    const third = rig.run(signal, []);
    rig.timer.advance(300);
    assert.deepEqual([...first], failed("timeout", "AT+CSQ"));
    rig.taken();
    rig.timer.advance(1_000);
    assert.equal(rig.taken(), "\x1b" + probeLine);
    rig.timer.advance(1_000);
    assert.equal(rig.taken(), "\r".repeat(1460));
    rig.timer.advance(2_000);
    assert.equal(rig.taken(), probeLine);
    rig.timer.advance(2_999);
    assert.equal(rig.taken(), probeLine + probeLine);
    assert.deepEqual([[...second], [...third], rig.silences], [[], [], 0]);
    rig.timer.advance(1);
    assert.deepEqual([...second], failed("no-answer", "AT"));
    assert.deepEqual([...third], failed("no-answer", "AT"));
    assert.equal(rig.silences, 1);
    rig.timer.drain();
    assert.deepEqual([rig.timer.pending, rig.channel.pending, rig.taken()], [0, 0, ""]);
    assert.deepEqual([rig.counters.timeouts, rig.counters.resynchronisations], [1, 1]);
  });

  it("is asked again before the next command, which works when it has come back", () => {
    const rig = timedOut();
    rig.timer.drain();
    assert.equal(rig.silences, 1);
    rig.taken();
    const outcome = rig.run(signal, []);
    assert.equal(rig.taken(), probeLine);
    rig.line.receive(probeAnswer);
    assert.equal(rig.taken(), "AT+CSQ\r");
    rig.line.receive(framed("+CSQ: 3,4", "OK"));
    assert.deepEqual([...outcome], ok("3,4"));
  });

  it("gives its late answers to nobody when it comes back", () => {
    const rig = timedOut();
    rig.timer.drain();
    rig.taken();
    const outcome = rig.run(attention, []);
    rig.line.receive(framed("+CSQ: 1,1", "OK"));
    rig.line.receive(framed("ERROR"));
    assert.deepEqual([...outcome], []);
    rig.line.receive(probeAnswer);
    assert.equal(rig.taken(), probeLine + "AT\r");
    rig.line.receive(framed("OK"));
    assert.deepEqual([...outcome], ok());
  });

  it("fails the next command with no-answer when it stays away", () => {
    const rig = timedOut();
    rig.timer.drain();
    const outcome = rig.run(attention, []);
    rig.timer.drain();
    assert.deepEqual([...outcome], failed("no-answer", "AT"));
    assert.equal(rig.silences, 2);
  });

  it("still delivers reports", () => {
    const rig = timedOut();
    rig.line.receive(framed("RDY"));
    assert.deepEqual(rig.reports, ["boot()"]);
  });
});

describe("a late answer", () => {
  const answers: readonly [what: string, bytes: string][] = [
    ["an OK", framed("OK")],
    ["an answer like the next one's", framed("+CSQ: 9,9", "OK")],
    ["half a line and an error", "Q: 9,9\r\n" + framed("ERROR")],
    ["an error", framed("+CME ERROR: 3")],
  ];
  for (const [what, bytes] of answers)
    for (const piece of [Infinity, 1])
      it(`is not the next command's result: ${what}, in pieces of ${String(piece)}`, () => {
        const rig = timedOut();
        const outcome = rig.run(signal, []);
        rig.line.receive(bytes, piece);
        assert.deepEqual([[...outcome], rig.taken()], [[], ""]);
        rig.line.receive(probeAnswer, piece);
        assert.equal(rig.taken(), "AT+CSQ\r");
        assert.deepEqual([...outcome], []);
        rig.line.receive(framed("+CSQ: 1,2", "OK"));
        assert.deepEqual([...outcome], ok("1,2"));
      });

  it("is not the next command's result when several probes were sent and all are answered", () => {
    const rig = timedOut();
    const outcome = rig.run(signal, []);
    rig.timer.advance(1_000);
    assert.equal(rig.taken(), "\x1b" + probeLine);
    rig.line.receive(framed("+CSQ: 9,9", "OK") + probeAnswer);
    assert.equal(rig.taken(), "", "the second probe's answer is still to come");
    rig.timer.advance(299);
    rig.line.receive(probeAnswer);
    assert.equal(rig.taken(), "AT+CSQ\r");
    rig.line.receive(framed("+CSQ: 1,2", "OK"));
    assert.deepEqual([...outcome], ok("1,2"));
  });

  it("of a command in between two probes is no answer to the second", () => {
    const rig = timedOut();
    rig.run(attention, []);
    rig.timer.advance(1_000);
    rig.taken();
    rig.line.receive(probeAnswer + framed("OK"));
    rig.timer.advance(299);
    assert.equal(rig.taken(), "");
  });

  it("to a probe of an earlier resynchronisation, in halves, is no answer to a new probe", () => {
    const rig = timedOut();
    rig.timer.advance(6_500);
    rig.line.receive(framed("+CMEE: 1"));
    rig.timer.drain();
    assert.equal(rig.silences, 1);
    rig.run(attention, []);
    rig.taken();
    rig.line.receive(framed("OK"));
    assert.equal(rig.taken(), "");
  });

  it("is waited for no longer than a silence shows that the module did not keep the first probe", () => {
    const rig = timedOut();
    const outcome = rig.run(attention, []);
    rig.timer.advance(1_000);
    rig.taken();
    rig.line.receive(probeAnswer);
    rig.timer.advance(299);
    assert.equal(rig.taken(), "");
    rig.timer.advance(1);
    assert.equal(rig.taken(), "AT\r");
    rig.line.receive(framed("OK"));
    assert.deepEqual([...outcome], ok());
  });

  it("delays nothing for ever: other lines do not prolong the wait", () => {
    const rig = timedOut();
    rig.run(attention, []);
    rig.timer.advance(1_000);
    rig.taken();
    rig.line.receive(probeAnswer);
    for (let i = 0; i < 30; i++) {
      rig.timer.advance(10);
      rig.line.receive(framed("garbage", "OK", "RDY"));
    }
    assert.equal(rig.taken(), "AT\r");
  });

  it("that announces raw data has them dropped, whatever they hold", () => {
    for (const piece of [Infinity, 1, 3]) {
      const rig = new Rig();
      const sink = new Collector();
      const first = rig.run(receive, [0, 99], { sink });
      const second = rig.run(signal, []);
      rig.timer.advance(120_000);
      assert.deepEqual([...first], failed("timeout", "AT+QIRD"));
      rig.taken();
      const nasty = framed("RDY", "+CMEE: 1", "OK", '+QIURC: "closed",0');
      rig.line.receive(`\r\n+QIRD: ${String(nasty.length)}\r\n${nasty}` + framed("OK"), piece);
      assert.deepEqual([rig.reports, sink.bytes, rig.taken()], [[], [], ""]);
      rig.line.receive(probeAnswer, piece);
      assert.equal(rig.taken(), "AT+CSQ\r");
      rig.line.receive(framed("+CSQ: 1,2", "OK"));
      assert.deepEqual([...second], ok("1,2"));
    }
  });

  it("that announces raw data and breaks off is given up too", () => {
    const rig = new Rig();
    rig.run(receive, [0, 99]);
    rig.timer.advance(120_000);
    rig.line.receive("\r\n+QIRD: 50\r\nabc");
    rig.taken();
    rig.timer.advance(5_000);
    assert.equal(rig.taken(), "\x1b" + probeLine);
    rig.line.receive(probeAnswer + probeAnswer);
    const next = rig.run(attention, []);
    assert.equal(rig.taken(), "AT\r");
    rig.line.receive(framed("OK"));
    assert.deepEqual([...next], ok());
  });

  it("to a refused probe is no sign of life", () => {
    const rig = timedOut();
    rig.line.receive(framed("ERROR"));
    rig.timer.advance(1_000);
    assert.equal(rig.taken(), "\x1b" + probeLine);
  });

  it("may come with the echo of command and probe", () => {
    const rig = timedOut();
    const outcome = rig.run(attention, []);
    rig.line.receive("AT+CSQ\r" + framed("+CSQ: 1,2", "OK") + probeLine + probeAnswer);
    assert.equal(rig.taken(), "AT\r");
    rig.line.receive("AT\r" + framed("OK"));
    assert.deepEqual([...outcome], ok());
  });
});

describe("a prompt that never comes", () => {
  it("is given up with ESC and leaves the channel in step", () => {
    const rig = new Rig();
    const outcome = rig.run(send, [0, 3], { source: sourceOf("abc") });
    rig.taken();
    rig.timer.advance(4_999);
    assert.deepEqual([...outcome], []);
    rig.timer.advance(1);
    assert.deepEqual([...outcome], failed("timeout", "AT+QISEND"));
    assert.equal(rig.taken(), "\x1b" + probeLine);
    const next = rig.run(attention, []);
    rig.line.receive(framed("OK") + probeAnswer);
    assert.equal(rig.taken(), "AT\r");
    rig.line.receive(framed("OK"));
    assert.deepEqual([...next], ok());
  });

  it("does not get its payload when it comes late", () => {
    const rig = new Rig();
    rig.run(send, [0, 3], { source: sourceOf("abc") });
    rig.timer.advance(5_000);
    rig.taken();
    rig.line.receive("\r\n> ");
    assert.equal(rig.taken(), "");
  });

  it("of a module that takes ESC for payload is ended by completing the payload", () => {
    const rig = new Rig();
    const source = sourceOf("x".repeat(2_000));
    rig.run(upload, ["a", 2_000], { source });
    const next = rig.run(attention, []);
    rig.timer.advance(5_000);
    rig.timer.advance(1_000);
    rig.taken();
    rig.timer.advance(1_000);
    assert.equal(rig.taken(), "\r".repeat(2_000));
    rig.line.receive("+QFUPL: 2000,57\r\n" + framed("OK"));
    rig.timer.advance(2_000);
    assert.equal(rig.taken(), probeLine);
    rig.line.receive(probeAnswer);
    rig.timer.advance(300);
    assert.equal(rig.taken(), "AT\r");
    rig.line.receive(framed("OK"));
    assert.deepEqual([...next], ok());
  });
});

describe("a timeout", () => {
  it("begins anew behind the prompt", () => {
    const rig = new Rig();
    const outcome = rig.run(send, [0, 3], { source: sourceOf("abc") });
    rig.timer.advance(4_000);
    rig.line.receive("\r\n> ");
    rig.timer.advance(119_999);
    assert.deepEqual([...outcome], []);
    rig.timer.advance(1);
    assert.deepEqual([...outcome], failed("timeout", "AT+QISEND"));
  });

  it("is the command's own where no raw data follow, and behind raw data", () => {
    for (const bytes of ["\r\n+QIRD: 0\r\n", "\r\n+QIRD: 3\r\nabc"]) {
      const rig = new Rig();
      const outcome = rig.run(receive, [0, 10]);
      rig.line.receive(bytes);
      rig.timer.advance(119_999);
      assert.deepEqual([...outcome], []);
      rig.line.receive(framed("OK"));
      assert.equal(outcome[0]?.failure, undefined);
    }
  });

  it("comes soon when announced raw data break off", () => {
    const rig = new Rig();
    const sink = new Collector();
    const outcome = rig.run(receive, [0, 10], { sink });
    rig.line.receive("\r\n+QIRD: 10\r\nabc");
    rig.timer.advance(4_999);
    assert.deepEqual([...outcome], []);
    rig.timer.advance(1);
    assert.deepEqual([...outcome], failed("timeout", "AT+QIRD"));
    assert.equal(textOf(sink.bytes), "abc");
  });

  it("is not prolonged by reports", () => {
    const rig = new Rig();
    const outcome = rig.run(signal, []);
    for (let i = 0; i < 3; i++) {
      rig.timer.advance(100);
      rig.line.receive(framed("RDY"));
    }
    assert.deepEqual([...outcome], failed("timeout", "AT+CSQ"));
  });

  it("leaves no timer behind when the answer comes", () => {
    const rig = new Rig();
    rig.run(signal, []);
    rig.line.receive(framed("+CSQ: 1,2", "OK"));
    rig.timer.advance(1);
    assert.equal(rig.timer.pending, 0);
  });
});

describe("lost bytes", () => {
  it("amid raw data end the command; the rest is dropped until it is through", () => {
    const rig = new Rig();
    const sink = new Collector();
    const outcome = rig.run(receive, [0, 100], { sink });
    const next = rig.run(attention, []);
    rig.line.receive("\r\n+QIRD: 100\r\n0123456789");
    rig.taken();
    rig.line.overrun();
    assert.deepEqual([...outcome], failed("overrun", "AT+QIRD"));
    assert.deepEqual([rig.overruns, rig.counters.overruns], [1, 1]);
    for (let i = 0; i < 3; i++) {
      rig.line.receive(framed("RDY", "OK"));
      rig.timer.advance(299);
    }
    assert.deepEqual([rig.reports, rig.taken()], [[], ""]);
    rig.timer.advance(1);
    assert.equal(rig.taken(), probeLine);
    rig.line.receive(probeAnswer);
    assert.equal(rig.taken(), "AT\r");
    rig.line.receive(framed("OK"));
    assert.deepEqual([...next], ok());
    assert.equal(textOf(sink.bytes), "0123456789");
  });

  it("in front of raw data that were not read yet end the command too", () => {
    const rig = new Rig();
    const outcome = rig.run(receive, [0, 100]);
    rig.line.overrun();
    assert.deepEqual([...outcome], failed("overrun", "AT+QIRD"));
    rig.line.receive(framed("RDY", "ERROR"));
    assert.deepEqual(rig.reports, []);
  });

  it("are waited out no longer than the data that were announced", () => {
    const rig = new Rig();
    rig.run(receive, [0, 100]);
    rig.line.receive("\r\n+QIRD: 10\r\nabc");
    rig.line.overrun();
    rig.taken();
    rig.line.receive("0123456");
    assert.equal(rig.taken(), probeLine);
  });

  it("elsewhere are told and counted, and the command goes on", () => {
    const rig = new Rig();
    const outcome = rig.run(signal, []);
    rig.line.overrun();
    assert.equal(rig.overruns, 1);
    rig.line.receive(framed("+CSQ: 1,2", "OK"));
    assert.deepEqual([...outcome], ok("1,2"));
  });
});

describe("reset", () => {
  const reason = failure("module-reset");

  it("fails everything with its reason, in order", () => {
    const rig = new Rig();
    const outcomes = [rig.run(signal, []), rig.run(attention, []), rig.run(signal, [])];
    rig.channel.reset(reason);
    for (const outcome of outcomes) assert.deepEqual([...outcome], [{ failure: reason, result: undefined }]);
    assert.equal(rig.channel.pending, 0);
    rig.timer.drain();
    assert.equal(rig.timer.pending, 0);
  });

  it("amid raw data reads lines again", () => {
    const rig = new Rig();
    const sink = new Collector();
    rig.run(receive, [0, 100], { sink });
    rig.line.receive("\r\n+QIRD: 100\r\nabc");
    rig.channel.reset(reason);
    rig.line.receive(framed("APP RDY"));
    assert.deepEqual(rig.reports, ["ready()"]);
    assert.equal(textOf(sink.bytes), "abc");
  });

  it("amid a payload sends no more of it", () => {
    const rig = new Rig({ capacity: 17 });
    rig.run(send, [0, 100], { source: sourceOf("x".repeat(100)) });
    rig.timer.advance(5);
    rig.line.receive("\r\n> ");
    rig.taken();
    rig.channel.reset(reason);
    rig.timer.drain();
    assert.equal(rig.taken(), "");
  });

  it("amid an exchange has the next command wait for a probe, because an answer may still come", () => {
    const rig = new Rig({
      onReport: () => {
        rig.channel.reset(reason);
      },
    });
    rig.run(attention, []);
    rig.line.receive(framed("APP RDY"));
    rig.taken();
    const outcome = rig.run(attention, []);
    assert.equal(rig.taken(), probeLine);
    rig.line.receive(framed("ERROR") + probeAnswer);
    assert.equal(rig.taken(), "AT\r");
    rig.line.receive(framed("OK"));
    assert.deepEqual([...outcome], ok());
  });

  it("between two exchanges costs nothing", () => {
    const rig = new Rig();
    rig.channel.reset(reason);
    rig.run(attention, []);
    assert.equal(rig.taken(), "AT\r");
  });

  it("amid a resynchronisation ends it", () => {
    const rig = timedOut();
    rig.channel.reset(reason);
    rig.timer.drain();
    assert.deepEqual([rig.taken(), rig.silences], ["", 0]);
  });
});

describe("a module that restarted without a report", () => {
  it("is known by its echo, once", () => {
    const rig = new Rig();
    const exchange = (echo: boolean): void => {
      rig.run(attention, []);
      rig.line.receive((echo ? "AT\r" : "") + framed("OK"));
    };
    exchange(true);
    exchange(true);
    exchange(false);
    exchange(false);
    assert.equal(rig.restarts, 0);
    exchange(true);
    assert.equal(rig.restarts, 1);
    exchange(true);
    assert.equal(rig.restarts, 1);
  });

  it("is known by the echo of a probe", () => {
    const rig = new Rig();
    rig.run(attention, []);
    rig.line.receive(framed("OK"));
    rig.run(receive, [0, 100]);
    // The boot report is swallowed as raw data.
    rig.line.receive("\r\n+QIRD: 100\r\nabc" + framed("RDY", "APP RDY"));
    rig.timer.advance(5_000);
    assert.equal(rig.restarts, 0);
    rig.line.receive(probeLine + probeAnswer);
    assert.equal(rig.restarts, 1);
  });

  it("is no surprise after a reset", () => {
    const rig = new Rig();
    rig.run(attention, []);
    rig.line.receive(framed("OK"));
    rig.channel.reset(failure("module-reset"));
    rig.run(attention, []);
    rig.line.receive("AT\r" + framed("OK"));
    assert.equal(rig.restarts, 0);
  });
});
