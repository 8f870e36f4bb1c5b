import assert from "node:assert/strict";
import { EngineError } from "../../xs/index.js";
import type { EngineOptions } from "../../xs/index.js";
import { ENGINES, reports, untimed, withProgram, type Bench } from "./support.js";

async function withLife(options: EngineOptions, work: (bench: Bench) => Promise<void>): Promise<void> {
  await withProgram("life", options, async bench => {
    await bench.start();
    await work(bench);
  });
}

function isStopped(error: unknown): boolean {
  return error instanceof EngineError && error.kind === "stopped";
}

describe("a run that the firmware ends", () => {
  for (const engine of ENGINES) {
    describe(engine, () => {
      it("cannot be ended where the platform has no sleep and no restart", async () => {
        await withProgram("life", { engine }, async bench => {
          const [boot] = reports(await bench.start());
          assert.deepEqual((boot as unknown[]).slice(0, 3), ["boot", 1, ""]);
        });
      });

      it("ends in a sleep, with what was done before and nothing of what would follow", async () => {
        await withLife({ engine, restarts: true }, async bench => {
          const turn = await bench.message("sleep 90000");
          assert.deepEqual(turn.end, { reason: "sleep", ms: 90_000 });
          assert.equal(turn.abort, undefined);
          assert.deepEqual(reports(turn), [["before"]]);
          await assert.rejects(bench.message("time"), isStopped);
        });
      });

      it("ends in a restart", async () => {
        await withLife({ engine, restarts: true }, async bench => {
          const turn = await bench.message("restart");
          assert.deepEqual(turn.end, { reason: "restart" });
          assert.deepEqual(reports(turn), []);
        });
      });

      it("ends where it is ended: nothing behind it has an effect", async () => {
        await withLife({ engine, restarts: true }, async bench => {
          const turn = await bench.message("caught");
          assert.deepEqual(turn.end, { reason: "restart" });
          assert.deepEqual(reports(turn), []);
          assert.equal((await bench.engine.flash())[100], 0xff);
        });
      });

      it("leaves flash and the clock to the next one", async () => {
        await withLife({ engine, restarts: true }, async bench => {
          bench.inputs.nowMs = 5000;
          await bench.message("clock 1700000000");
          await bench.message("restart");
          const flash = await bench.engine.flash();
          assert.deepEqual([flash[0], flash[1]], [0, 0xff]);
          assert.equal(await bench.engine.epochMs(), 1_700_000_000_000 - 5000);
        });
      });

      it("cannot end in a sleep of no length", async () => {
        await withLife({ engine, restarts: true }, async bench => {
          for (const ms of ["-1", "x", "Infinity"])
            assert.deepEqual((await bench.ask(`sleep ${ms}`)).at(-1), [
              "thrown",
              "RangeError: invalid interval",
            ]);
        });
      });

      it("begins with the clock that it is given", async () => {
        await withProgram(
          "life",
          { engine, epochMs: 1_700_000_000_000, ticksOffsetMs: -4000 },
          async bench => {
            bench.inputs.nowMs = 5000;
            const [boot] = reports(await bench.start());
            assert.deepEqual((boot as unknown[]).slice(3, 5), [1000, 1_700_000_005_000]);
          },
        );
      });

      it("is watched over from its first turn, where there is a watchdog", async () => {
        await withProgram("life", { engine, watchdogMs: 5000 }, async bench => {
          const turn = await bench.start();
          assert.deepEqual(untimed(turn)[0], { kind: "feed", timeoutMs: 5000 });
          assert.equal((reports(turn)[0] as unknown[])[2], "watchdog");
        });
      });
    });
  }
});

describe("the module's lines on the board", () => {
  for (const engine of ENGINES) {
    for (const [what, wired, expected] of [
      ["all but that for waking", undefined, "powerKey reset status"],
      ["that for waking too", { wake: true }, "powerKey reset status wake"],
      ["PWRKEY alone", { reset: false, status: false }, "powerKey"],
      ["none", { powerKey: false, reset: false, status: false }, ""],
    ] as const) {
      it(`are ${what} (${engine})`, async () => {
        await withLife({ engine, ...(wired && { wired }) }, async bench => {
          const [told] = await bench.ask("key 0");
          assert.equal((told as unknown[])[1], expected);
        });
      });
    }

    it(`drive the pin that wakes the module (${engine})`, async () => {
      await withLife({ engine, wired: { wake: true } }, async bench => {
        assert.deepEqual(untimed(await bench.message("wake 1"))[0], {
          kind: "line",
          line: "WAKE",
          asserted: true,
        });
        assert.deepEqual(untimed(await bench.message("wake 0"))[0], {
          kind: "line",
          line: "WAKE",
          asserted: false,
        });
      });
    });
  }
});
