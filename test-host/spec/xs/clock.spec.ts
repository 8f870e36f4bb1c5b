import assert from "node:assert/strict";
import { ENGINES, reports, untimed, withProgram } from "./support.js";

describe("timers of an engine", () => {
  for (const engine of ENGINES) {
    describe(engine, () => {
      it("asks the scheduler for each timer and gives up what is cleared, once", async () => {
        await withProgram("probe", { engine }, async bench => {
          await bench.start();
          assert.deepEqual(untimed(await bench.message({ run: "setTimers" })), [
            { kind: "setTimer", id: 1, ms: 10 },
            { kind: "setTimer", id: 2, ms: 20, repeatMs: 30 },
            { kind: "setTimer", id: 3, ms: 0 },
            { kind: "clearTimer", id: 1 },
          ]);
        });
      });

      it("calls back when the scheduler says so", async () => {
        await withProgram("probe", { engine }, async bench => {
          await bench.start();
          await bench.message({ run: "setTimers" });
          assert.deepEqual(reports(await bench.turn({ kind: "timer", id: 3 })), [["at once"]]);
          assert.deepEqual(reports(await bench.turn({ kind: "timer", id: 2 })), [["repeating"]]);
          assert.deepEqual(reports(await bench.turn({ kind: "timer", id: 2 })), [["repeating"]]);
        });
      });

      it("calls a timer that has fired or was cleared no more", async () => {
        await withProgram("probe", { engine }, async bench => {
          await bench.start();
          await bench.message({ run: "setTimers" });
          await bench.turn({ kind: "timer", id: 3 });
          assert.deepEqual(untimed(await bench.turn({ kind: "timer", id: 3 })), []);
          assert.deepEqual(untimed(await bench.turn({ kind: "timer", id: 1 })), []);
        });
      });

      it("keeps a timer that is scheduled again in its own callback", async () => {
        await withProgram("schedule", { engine }, async bench => {
          assert.deepEqual(untimed(await bench.start()), [{ kind: "setTimer", id: 1, ms: 5 }]);
          assert.deepEqual(untimed(await bench.turn({ kind: "timer", id: 1 })), [
            { kind: "report", text: '["fired",1]' },
            { kind: "setTimer", id: 1, ms: 50 },
          ]);
          assert.deepEqual(untimed(await bench.turn({ kind: "timer", id: 1 })), [
            { kind: "report", text: '["fired",2]' },
          ]);
          assert.deepEqual(untimed(await bench.turn({ kind: "timer", id: 1 })), []);
        });
      });
    });
  }

  it("lets a collection take a timer only after it has fired", async () => {
    await withProgram("probe", {}, async bench => {
      await bench.start();
      await bench.message({ run: "setTimers" });
      await bench.message({ run: "garbage", count: 500 });
      assert.deepEqual(reports(await bench.turn({ kind: "timer", id: 2 })), [["repeating"]]);
    });
  });
});

describe("the clock of an engine", () => {
  for (const engine of ENGINES) {
    describe(engine, () => {
      it("starts in 1970 and follows the simulated time", async () => {
        await withProgram("probe", { engine }, async bench => {
          await bench.start();
          bench.inputs.nowMs = 1234.75;
          assert.deepEqual(await bench.ask({ run: "now" }), [["now", 1234, 1234]]);
        });
      });

      it("shows the date that was set, and goes on from there", async () => {
        await withProgram("probe", { engine }, async bench => {
          await bench.start();
          bench.inputs.nowMs = 1000;
          const [before, after, delta] = await bench.ask({ run: "clock" });
          assert.deepEqual(before, ["before", 1000, 1000, 1970]);
          assert.deepEqual(after, ["after", 1000, 1.7e12, 1.7e12, "2023-11-14T22:13:20.000Z"]);
          assert.deepEqual(delta, ["delta", 5, 20]);
          bench.inputs.nowMs = 61_000;
          assert.deepEqual(await bench.ask({ run: "now" }), [["now", 1.7e12 + 60_000, 1.7e12 + 60_000]]);
        });
      });

      it("ticks wraps at 2^31, and delta goes across", async () => {
        await withProgram("probe", { engine, ticksOffsetMs: 0x7fffffff }, async bench => {
          await bench.start();
          assert.deepEqual(await bench.ask({ run: "ticks" }), [["ticks", 0x7fffffff, 1]]);
          bench.inputs.nowMs = 1;
          assert.deepEqual(await bench.ask({ run: "ticks" }), [["ticks", -0x80000000, 1]]);
        });
      });

      it("gives the same numbers for the same seed, and others for another", async () => {
        const numbers = async (seed: number): Promise<unknown> => {
          let asked: unknown;
          await withProgram("probe", { engine, seed }, async bench => {
            await bench.start();
            asked = await bench.ask({ run: "random" });
          });
          return asked;
        };
        assert.deepEqual(await numbers(5), await numbers(5));
        assert.notDeepEqual(await numbers(5), await numbers(6));
      });
    });
  }
});
