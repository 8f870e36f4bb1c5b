import assert from "node:assert/strict";
import type { EngineAbort } from "../../simulator/engine.js";
import { EngineError } from "../../xs/index.js";
import type { EngineOptions } from "../../xs/index.js";
import { XsEngine } from "../../xs/xs-engine.js";
import { ENGINES, PROGRAMS, withProgram } from "./support.js";

const PROBE = `${PROGRAMS}/probe`;

async function abortOf(options: EngineOptions, message: object): Promise<EngineAbort | undefined> {
  let abort: EngineAbort | undefined;
  await withProgram("probe", options, async bench => {
    await bench.start();
    ({ abort } = await bench.message(message));
  });
  return abort;
}

describe("a run that ends by itself", () => {
  for (const engine of ENGINES) {
    describe(engine, () => {
      it("tells the error that left a callback, with the calls that it passed", async () => {
        const abort = await abortOf({ engine }, { run: "throwError" });
        assert.equal(abort?.reason, "unhandled exception");
        assert.match(abort.detail, /^RangeError: out of reach\n +at .*throwError/);
      });

      it("tells a thrown value that is no error", async () => {
        const abort = await abortOf({ engine }, { run: "throwString" });
        assert.deepEqual(abort, { reason: "unhandled exception", detail: "just text" });
      });

      it("tells a rejection that nobody handles", async () => {
        const abort = await abortOf({ engine }, { run: "reject" });
        assert.equal(abort?.reason, "unhandled rejection");
        assert.match(abort.detail, /^Error: nobody listens/);
      });

      it("goes on after a rejection that is handled in the same turn", async () => {
        await withProgram("probe", { engine }, async bench => {
          await bench.start();
          assert.deepEqual(await bench.ask({ run: "handledRejection" }), [["caught", "Error: handled"]]);
        });
      });

      it("runs promise jobs at the turn's end, not later", async () => {
        await withProgram("probe", { engine }, async bench => {
          await bench.start();
          assert.deepEqual(await bench.ask({ run: "jobs" }), [["turn's end"], ["first job"], ["second job"]]);
        });
      });

      it("refuses further turns", async () => {
        await withProgram("probe", { engine }, async bench => {
          await bench.start();
          await bench.message({ run: "throwError" });
          await assert.rejects(
            bench.message({ run: "values" }),
            (error: unknown) => error instanceof EngineError && error.kind === "stopped",
          );
        });
      });

      it("keeps the flash for the restart", async () => {
        await withProgram("probe", { engine }, async bench => {
          await bench.start();
          await bench.message({ run: "flash" });
          await bench.message({ run: "throwError" });
          assert.deepEqual(
            (await bench.engine.flash()).subarray(4096, 4099),
            Uint8Array.of(0x30, 0x0f, 0xff),
          );
        });
      });

      it("aborts when a timer's callback throws", async () => {
        await withProgram("probe", { engine }, async bench => {
          await bench.start();
          await bench.message({ run: "timerError" });
          const { abort } = await bench.turn({ kind: "timer", id: 1 });
          assert.equal(abort?.reason, "unhandled exception");
          assert.match(abort.detail, /^RangeError: in a timer/);
        });
      });
    });
  }

  it("names the module of each function that an error passed, also of one without a name", async () => {
    const abort = await abortOf({}, { run: "throwError" });
    assert.equal(
      abort?.detail,
      `RangeError: out of reach\n at throwError (${PROBE})\n at (anonymous) (${PROBE})`,
    );
  });

  it("tells no place where there is none: a thrown value that is no error has its text only", async () => {
    assert.equal((await abortOf({}, { run: "throwString" }))?.detail, "just text");
  });

  it("a process that was killed ends the turn as a crash, and figures are refused by a typed error", async () => {
    await withProgram("probe", {}, async bench => {
      assert.ok(bench.engine instanceof XsEngine && bench.engine.processId);
      process.kill(bench.engine.processId, "SIGKILL");
      assert.equal((await bench.start()).abort?.reason, "engine crashed");
      for (const question of [() => bench.engine.memory(), () => bench.engine.flash()])
        await assert.rejects(
          question(),
          (error: unknown) => error instanceof EngineError && error.kind === "stopped",
        );
    });
  });

  it("gives what was done before the error", async () => {
    await withProgram("probe", {}, async bench => {
      await bench.start();
      const { actions, abort } = await bench.turn({ kind: "message", text: "no JSON" });
      assert.deepEqual(actions, []);
      assert.match(abort?.detail ?? "", /^SyntaxError/);
    });
  });

  it("ends as stack overflow when calls nest too deep", async () => {
    const abort = await abortOf({}, { run: "endlessRecursion" });
    assert.equal(abort?.reason, "stack overflow");
    const calls = abort.detail.split("\n");
    assert.equal(calls[0], `at deepest (${PROBE})`);
    assert.deepEqual([calls.length, calls.at(-1)], [11, " at ..."]);
  });

  it("has a device's stack: 512 slots carry 40 nested calls, not 120", async () => {
    assert.equal(await abortOf({}, { run: "recurse", count: 40 }), undefined);
    assert.equal((await abortOf({}, { run: "recurse", count: 120 }))?.reason, "stack overflow");
  });

  it("takes the size of the stack from its options", async () => {
    assert.equal(await abortOf({ stackSlots: 2048 }, { run: "recurse", count: 120 }), undefined);
  });

  it("ends a turn that never ends as watchdog", async () => {
    const abort = await abortOf({ computeLimit: 100_000 }, { run: "endlessLoop" });
    assert.equal(abort?.reason, "watchdog");
    assert.match(abort.detail, /^at endlessLoop \(test-host\/spec\/xs\/programs\/probe\)\n/);
  });

  it("counts the byte codes of the turn that the watchdog ended", async () => {
    await withProgram("probe", { computeLimit: 100_000 }, async bench => {
      await bench.start();
      const { compute } = await bench.message({ run: "endlessLoop" });
      assert.ok(compute > 100_000 && compute < 101_000, String(compute));
    });
  });
});
