import assert from "node:assert/strict";
import { command } from "../../../modules/at/command.js";
import { failure, type Failure } from "../../../modules/diagnosis/failure.js";
import {
  attention,
  framed,
  probeAnswer,
  probeLine,
  receive,
  Rig,
  signal,
  type RigOptions,
} from "./harness.js";

const refused = command<readonly [number]>({ text: "AT+X=", timeoutMs: 1 });

const broken = (): never => {
  throw new Error("application");
};

describe("a callback that throws", () => {
  const rows: readonly [what: string, options: RigOptions, provoke: (rig: Rig) => void][] = [
    [
      "done",
      {},
      rig => {
        rig.channel.run(attention, [], broken);
        rig.line.receive(framed("OK"));
      },
    ],
    [
      "done after a timeout",
      {},
      rig => {
        rig.channel.run(attention, [], broken);
        rig.timer.advance(1_000);
        rig.line.receive(probeAnswer);
      },
    ],
    [
      "done of a reset",
      {},
      rig => {
        rig.channel.run(attention, [], broken);
        rig.channel.reset(failure("module-reset"));
      },
    ],
    [
      "done of a parameter that cannot be sent",
      {},
      rig => {
        rig.channel.run(refused, [NaN], broken);
        rig.timer.advance(0);
      },
    ],
    [
      "done of a lost answer",
      {},
      rig => {
        rig.channel.run(receive, [0, 1], broken);
        rig.line.overrun();
        rig.timer.advance(300);
        rig.line.receive(probeAnswer);
      },
    ],
    [
      "onReport",
      { onReport: broken },
      rig => {
        rig.line.receive(framed("RDY"));
      },
    ],
    [
      "onSilent",
      { onSilent: broken },
      rig => {
        rig.run(attention, []);
        rig.timer.drain();
      },
    ],
    [
      "onOverrun",
      { onOverrun: broken },
      rig => {
        rig.line.overrun();
      },
    ],
    [
      "onRestart",
      { onRestart: broken },
      rig => {
        for (const echo of ["", "AT\r"]) {
          rig.run(attention, []);
          rig.line.receive(echo + framed("OK"));
        }
      },
    ],
    [
      "the shape test of a report",
      { urcs: [{ name: "x", prefix: "+X:", accept: broken }] },
      rig => {
        rig.line.receive(framed("+X: 1"));
      },
    ],
  ];
  for (const [what, options, provoke] of rows)
    for (const careless of [false, true])
      it(`is told${careless ? ", the telling throws too," : ""} and nothing else happens: ${what}`, () => {
        const rig = new Rig(careless ? { ...options, onException: broken } : options);
        provoke(rig);
        assert.equal(rig.exceptions.length, 1);
        const next = rig.run(attention, []);
        // After a silence, and a reset amid an exchange, the channel asks first.
        if (rig.line.text.endsWith(probeLine)) rig.line.receive(probeAnswer);
        rig.line.receive(framed("OK"));
        assert.deepEqual([...next], [{ failure: undefined, result: undefined }]);
        rig.timer.drain();
        assert.equal(rig.timer.pending, 0);
      });

  it("does not keep the rest of what was received from being read", () => {
    let reports = 0;
    const rig = new Rig({
      onReport: () => {
        reports++;
        broken();
      },
    });
    rig.line.receive(framed("RDY", "RDY", "APP RDY"));
    assert.deepEqual([reports, rig.exceptions.length], [3, 3]);
  });

  it("does not keep other commands of a reset from being failed", () => {
    const rig = new Rig();
    rig.channel.run(attention, [], broken);
    const second = rig.run(attention, []);
    rig.channel.reset(failure("module-reset"));
    assert.equal(second[0]?.failure?.kind, "module-reset");
  });
});

describe("run from within a callback", () => {
  it("is possible in done, and the next is the one that waited longest", () => {
    const rig = new Rig();
    const order: string[] = [];
    rig.channel.run(attention, [], () => {
      order.push("first");
      rig.channel.run(signal, [], () => order.push("third"));
    });
    rig.channel.run(attention, [], () => order.push("second"));
    for (let i = 0; i < 3; i++) rig.line.receive(framed("+CSQ: 1,2", "OK"));
    assert.deepEqual(order, ["first", "second", "third"]);
    assert.equal(rig.taken(), "AT\rAT\rAT+CSQ\r");
  });

  it("is possible in onReport, amid another command", () => {
    const rig = new Rig({
      onReport: () => {
        rig.channel.run(signal, [], (_, result) => results.push(result));
      },
    });
    const results: unknown[] = [];
    const outcome = rig.run(signal, []);
    rig.line.receive(framed("RDY", "+CSQ: 1,1", "OK"));
    assert.deepEqual([...outcome], [{ failure: undefined, result: "1,1" }]);
    assert.deepEqual(results, []);
    rig.line.receive(framed("+CSQ: 2,2", "OK"));
    assert.deepEqual(results, ["2,2"]);
  });

  it("is possible in done of a reset and of a silence", () => {
    const rig = new Rig();
    const kinds: (string | undefined)[] = [];
    const again = (reason: Failure | undefined): void => {
      kinds.push(reason?.kind);
      if (kinds.length < 3) rig.channel.run(attention, [], again);
    };
    rig.channel.run(attention, [], again);
    rig.channel.reset(failure("module-reset"));
    rig.timer.drain();
    assert.deepEqual(kinds, ["module-reset", "no-answer", "no-answer"]);
  });
});

describe("reset from within a callback", () => {
  it("in done fails those that wait", () => {
    const rig = new Rig();
    rig.channel.run(attention, [], () => {
      rig.channel.reset(failure("module-reset"));
    });
    const second = rig.run(attention, []);
    rig.line.receive(framed("OK", "OK"));
    assert.equal(second[0]?.failure?.kind, "module-reset");
  });

  it("in onReport, amid raw data of the same read, reads lines behind it", () => {
    const rig = new Rig({
      onReport: urc => {
        if (urc.name === "boot") rig.channel.reset(failure("module-reset"));
      },
    });
    const outcome = rig.run(receive, [0, 9]);
    rig.line.receive(framed("RDY") + "\r\n+QIRD: 9\r\n" + framed("APP RDY"));
    assert.equal(outcome[0]?.failure?.kind, "module-reset");
    assert.deepEqual(rig.reports, ["boot()", "ready()"]);
  });
});

describe("close", () => {
  it("closes the port, stops the timers and lets what waits end unheard", () => {
    const rig = new Rig();
    const outcomes = [rig.run(attention, []), rig.run(attention, [])];
    rig.timer.advance(1);
    rig.channel.close();
    rig.channel.close();
    assert.ok(rig.line.closed);
    assert.equal(rig.timer.pending, 0);
    rig.timer.advance(200_000);
    assert.deepEqual(
      outcomes.map(outcome => outcome.length),
      [0, 0],
    );
  });

  it("stops the timer of a command that could not be sent", () => {
    const rig = new Rig();
    const outcome = rig.run(refused, [NaN]);
    rig.channel.close();
    assert.equal(rig.timer.pending, 0);
    assert.deepEqual([...outcome], []);
  });

  it("leaves every other call harmless", () => {
    const rig = new Rig();
    rig.channel.close();
    const outcome = rig.run(attention, []);
    rig.channel.reset(failure("module-reset"));
    assert.ok(outcome.request);
    rig.channel.cancel(outcome.request);
    rig.line.writable(10);
    rig.line.overrun();
    rig.timer.drain();
    assert.deepEqual([[...outcome], rig.channel.pending, rig.taken(), rig.overruns], [[], 0, "", 0]);
  });

  const closers: readonly [where: string, provoke: (rig: Rig) => void][] = [
    [
      "done",
      rig => {
        rig.channel.run(attention, [], () => {
          rig.channel.close();
        });
        rig.run(attention, []);
        rig.line.receive(framed("OK", "RDY"));
      },
    ],
    [
      "done of a reset",
      rig => {
        rig.channel.run(attention, [], () => {
          rig.channel.close();
        });
        rig.run(attention, []);
        rig.channel.reset(failure("module-reset"));
      },
    ],
    [
      "done of a timeout",
      rig => {
        rig.channel.run(attention, [], () => {
          rig.channel.close();
        });
        rig.timer.advance(1_000);
      },
    ],
    [
      "done of a refused parameter",
      rig => {
        rig.channel.run(refused, [NaN], () => {
          rig.channel.close();
        });
        rig.run(attention, []);
        rig.timer.advance(0);
      },
    ],
    [
      "onReport",
      rig => {
        rig.run(attention, []);
        rig.line.receive(framed("RDY", "RDY", "OK"));
      },
    ],
    [
      "a sink",
      rig => {
        const sink = {
          write: () => {
            rig.channel.close();
          },
        };
        rig.run(receive, [0, 4], { sink });
        rig.line.receive("\r\n+QIRD: 4\r\nab");
      },
    ],
    [
      "onSilent",
      rig => {
        rig.run(attention, []);
        rig.timer.drain();
      },
    ],
    [
      "onOverrun",
      rig => {
        rig.run(receive, [0, 4]);
        rig.line.overrun();
      },
    ],
    [
      "done, amid a restart",
      rig => {
        rig.channel.run(attention, []);
        rig.line.receive(framed("OK"));
        rig.channel.run(attention, [], () => {
          rig.channel.close();
        });
        rig.line.receive("AT\r" + framed("OK"));
        assert.equal(rig.restarts, 0);
      },
    ],
    [
      "onRestart",
      rig => {
        for (const echo of ["", "AT\r"]) {
          rig.channel.run(attention, []);
          rig.line.receive(echo + framed("OK"));
        }
      },
    ],
  ];
  for (const [where, provoke] of closers)
    it(`in ${where} is the last that is heard`, () => {
      let heard = 0;
      const close = (): void => {
        heard++;
        rig.channel.close();
      };
      const rig: Rig = new Rig({
        onReport: close,
        onSilent: close,
        onOverrun: close,
        onRestart: close,
      });
      provoke(rig);
      assert.ok(rig.line.closed);
      assert.ok(heard <= 1);
      assert.deepEqual(rig.exceptions, []);
      assert.equal(rig.channel.pending, 0);
      rig.timer.drain();
    });
});

describe("a serial port that calls back amid a callback", () => {
  it("finds the channel reading already: the report's line stays, nothing is lost or out of order", () => {
    let nested = false;
    const rig: Rig = new Rig({
      onReport: (_, line) => {
        if (nested) return;
        nested = true;
        rig.line.receive(framed("APP RDY"));
        assert.equal(line.text(0), "closed");
      },
    });
    rig.line.receive("x");
    rig.line.receive("\r\n" + framed('+QIURC: "closed",1'));
    rig.line.receive('\r\n+QIURC: "recv",0\r\n');
    assert.deepEqual(rig.reports, ["socket(closed|1)", "ready()", "socket(recv|0)"]);
    assert.deepEqual(rig.exceptions, []);
  });
});

describe("cancel from within a callback", () => {
  it("in done of the one before keeps the next from being sent", () => {
    const rig = new Rig();
    rig.channel.run(attention, [], () => {
      rig.channel.cancel(second);
    });
    const second = rig.channel.run(signal, [], broken);
    rig.taken();
    rig.line.receive(framed("OK"));
    assert.deepEqual([rig.taken(), rig.exceptions], ["", []]);
  });
});
