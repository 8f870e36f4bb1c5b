import assert from "node:assert/strict";
import { setTimeout as wall } from "node:timers/promises";
import fc from "fast-check";
import { Scheduler } from "../../simulator/scheduler.js";

describe("scheduler", () => {
  it("runs events in order of time, and of scheduling for equal times", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 }), async times => {
        const scheduler = new Scheduler();
        const ran: (readonly [number, number])[] = [];
        times.forEach((atMs, order) => scheduler.at(atMs, () => void ran.push([atMs, order])));
        assert.equal(await scheduler.run(), "idle");
        const expected = times
          .map((atMs, order) => [atMs, order] as const)
          .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
        assert.deepEqual(ran, expected);
      }),
    );
  });

  it("never runs a cancelled event", async () => {
    const scheduler = new Scheduler();
    const ran: string[] = [];
    const task = scheduler.after(5, () => void ran.push("cancelled"));
    scheduler.after(1, () => task.cancel());
    scheduler.after(9, () => void ran.push("kept"));
    await scheduler.run();
    assert.deepEqual(ran, ["kept"]);
    assert.equal(task.pending, false);
  });

  it("lets time stand while an event awaits", async () => {
    const scheduler = new Scheduler();
    const seen: number[] = [];
    scheduler.after(1, async () => {
      await wall(5);
      seen.push(scheduler.nowMs);
    });
    scheduler.after(1.5, () => void seen.push(scheduler.nowMs));
    await scheduler.run();
    assert.deepEqual(seen, [1, 1.5]);
  });

  it("passes a simulated week at once in virtual mode", async () => {
    const scheduler = new Scheduler();
    const startMs = performance.now();
    let ticks = 0;
    const tick = (): void => {
      if (++ticks < 7 * 24) scheduler.after(3_600_000, tick);
    };
    scheduler.after(3_600_000, tick);
    await scheduler.run();
    assert.equal(scheduler.nowMs, 7 * 24 * 3_600_000);
    assert.ok(performance.now() - startMs < 1_000);
  });

  it("stops at a condition and at a time, and runs on from there", async () => {
    const scheduler = new Scheduler();
    let count = 0;
    for (let ms = 1; ms <= 10; ms++) {
      scheduler.at(ms, () => {
        count++;
      });
    }
    assert.equal(await scheduler.run({ until: () => count === 3 }), "condition");
    assert.equal(scheduler.nowMs, 3);
    assert.equal(await scheduler.run({ untilMs: 6.5 }), "time");
    assert.deepEqual([count, scheduler.nowMs], [6, 6.5]);
    assert.equal(await scheduler.run(), "idle");
    assert.equal(count, 10);
  });

  it("keeps time still while something is blocked, and runs what is posted", async () => {
    const scheduler = new Scheduler();
    const seen: string[] = [];
    const hold = scheduler.block();
    scheduler.after(1, () => void seen.push(`event at ${String(scheduler.nowMs)}`));
    setTimeout(() => {
      scheduler.post(() => {
        seen.push(`posted at ${String(scheduler.nowMs)}`);
        hold.release();
      });
    }, 10);
    await scheduler.run();
    assert.deepEqual(seen, ["posted at 0", "event at 1"]);
  });

  it("advances no faster than the wall clock while a real answer is outstanding, and jumps before and after", async () => {
    let wallMs = 1_000;
    const scheduler = new Scheduler({ mode: "sockets", wallMs: () => wallMs });
    const seen: [string, number][] = [];
    scheduler.at(60_000, () => {
      const expected = scheduler.expect();
      wallMs += 30;
      setTimeout(() => {
        scheduler.post(() => {
          expected.release();
          seen.push(["answer", scheduler.nowMs]);
        });
      }, 5);
    });
    scheduler.at(60_020, () => void seen.push(["before", scheduler.nowMs]));
    scheduler.at(90_000, () => void seen.push(["far", scheduler.nowMs]));
    await scheduler.run();
    assert.deepEqual(seen, [
      ["before", 60_020],
      ["answer", 60_030],
      ["far", 90_000],
    ]);
  });

  it("waits for a silent peer no longer than its patience", async () => {
    const scheduler = new Scheduler({ mode: "sockets", patienceMs: 20 });
    let ran = false;
    scheduler.expect();
    scheduler.at(3_600_000, () => {
      ran = true;
    });
    await scheduler.run();
    assert.ok(ran);
  });

  it("follows the wall clock one to one in real time", async () => {
    const scheduler = new Scheduler({ mode: "realtime" });
    const startMs = performance.now();
    scheduler.after(40, () => scheduler.stop());
    assert.equal(await scheduler.run(), "stopped");
    assert.ok(performance.now() - startMs >= 39);
  });
});
