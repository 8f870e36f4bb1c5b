import assert from "node:assert/strict";
import type { Modem } from "../../simulator/modem/modem.js";
import { BC66 } from "../../simulator/bc66/bc66.js";
import { BG95 } from "../../simulator/bg95/bg95.js";
import { MemoryNetwork } from "../../simulator/memory.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { DeviceLife, type DeviceLifeOptions } from "../../xs/device-life.js";
import type { EngineOptions } from "../../xs/index.js";
import { ENGINES, PROGRAMS } from "./support.js";

interface Scene {
  readonly life: DeviceLife;
  readonly scheduler: Scheduler;
  readonly modem: Modem;
  readonly reports: (readonly unknown[])[];
  /** Sends a message and runs for so long, simulated. */
  tell(message: string, ms?: number): ReturnType<DeviceLife["run"]>;
  /** What the boots reported behind their name: number, services, ticks, date. */
  boots(): (readonly unknown[])[];
}

type Given = Omit<Partial<DeviceLifeOptions>, "engine"> & {
  readonly engine?: EngineOptions | ((lives: number) => EngineOptions);
  readonly module?: "bg95" | "bc66";
};

async function withLife(given: Given, work: (scene: Scene) => Promise<void>): Promise<void> {
  const { module = "bg95", engine = {}, ...rest } = given;
  const scheduler = new Scheduler();
  const common = { scheduler, network: new MemoryNetwork({ scheduler }) };
  const modem = module === "bc66" ? new BC66(common) : new BG95(common);
  const reports: unknown[][] = [];
  const entry = `${PROGRAMS}/life`;
  const life = new DeviceLife({
    scheduler,
    modem,
    cost: { nanosecondsPerStep: 500, collectionMs: 0 },
    onReport: text => reports.push(JSON.parse(text) as unknown[]),
    ...rest,
    engine: count => ({ engine: "xs", entry, ...(typeof engine === "function" ? engine(count) : engine) }),
  });
  const scene: Scene = {
    life,
    scheduler,
    modem,
    reports,
    tell: (message, ms = 1000) => {
      life.send(JSON.stringify(message));
      return life.run({ untilMs: scheduler.nowMs + ms });
    },
    boots: () => reports.flatMap(([name, ...values]) => (name === "boot" ? [values] : [])),
  };
  try {
    await life.run({ untilMs: 100 });
    await work(scene);
  } finally {
    await life.stop();
  }
}

describe("a device over its restarts", () => {
  for (const engine of ENGINES) {
    describe(engine, () => {
      it("begins anew after a sleep, when it is over, with ticks from 0 and the clock going on", async () => {
        await withLife({ engine: { engine } }, async scene => {
          await scene.tell("clock 1700000000", 0);
          const end = await scene.tell("sleep 60000", 50_000);
          assert.deepEqual(end, { reason: "time" });
          assert.equal(scene.boots().length, 1, "it sleeps");
          assert.equal(scene.life.engine, undefined);
          await scene.life.run({ untilMs: 100_000 });
          const [, second] = scene.boots();
          assert.deepEqual(second?.slice(0, 3), [2, "sleep restart", 0]);
          const [past] = scene.life.lives;
          assert.deepEqual(past?.end, { reason: "sleep", ms: 60_000 });
          const date = Number(second[3]);
          assert.ok(Math.abs(date - (1_700_000_000_000 + 60_300)) < 2, `${date}`);
          assert.ok(!scene.reports.some(([name]) => name === "never"), "timers of a life end with it");
        });
      });

      it("begins anew after a restart, and boots take their time", async () => {
        await withLife({ engine: { engine }, bootMs: 500 }, async scene => {
          await scene.tell("restart", 499);
          assert.equal(scene.boots().length, 1);
          await scene.life.run({ untilMs: scene.scheduler.nowMs + 10 });
          assert.deepEqual(
            scene.boots().map(([number]) => number),
            [1, 2],
          );
          assert.deepEqual(
            scene.life.lives.map(({ end }) => end.reason),
            ["restart"],
          );
        });
      });

      it("is reset by a watchdog that is not fed in time", async () => {
        await withLife({ engine: { engine, watchdogMs: 5000 } }, async scene => {
          // At 0.1, 3.1, 6.1 s; then no more.
          await scene.tell("feed 3000 3", 10_900);
          assert.equal(scene.life.lives.length, 0);
          await scene.life.run({ untilMs: 12_000 });
          const [past] = scene.life.lives;
          assert.deepEqual(past?.end, { reason: "watchdog reset" });
          assert.ok(Math.abs(past.endedMs - 11_100) < 1, `${past.endedMs}`);
          assert.equal(scene.boots().length, 2);
        });
      });

      it("ends with an abort, and begins anew when it is run again", async () => {
        await withLife({ engine: { engine } }, async scene => {
          const end = await scene.tell("fail");
          assert.equal(end.reason, "abort");
          assert.match(end.abort?.detail ?? "", /on purpose/);
          await scene.life.run({ untilMs: scene.scheduler.nowMs + 1000 });
          assert.equal(scene.boots().length, 2);
        });
      });

      it("ends with a power cut, which leaves flash torn and the clock at its beginning", async () => {
        const powerCut = { afterSteps: 4 };
        await withLife({ engine: count => ({ engine, ...(count === 0 && { powerCut }) }) }, async scene => {
          await scene.tell("clock 1700000000", 0);
          const end = await scene.tell("boots 10");
          assert.deepEqual(end, { reason: "power cut" });
          // One step was the boot's, three the message's, and some bits of the fourth byte may be done.
          const { journal } = await scene.life.partitions();
          assert.deepEqual([...(journal?.subarray(0, 3) ?? [])], [0, 0, 0]);
          assert.equal(journal?.[4], 0xff);
          await scene.life.run({ untilMs: scene.scheduler.nowMs + 1000 });
          const [, second] = scene.boots();
          assert.ok(Number(second?.[3]) < 1, `1970: ${String(second?.[3])}`);
        });
      });

      it("leaves every partition to the next life", async () => {
        const partitions = { other: new Uint8Array(4096).fill(7) };
        await withLife(
          { engine: { engine, partitions, flash: new Uint8Array(4096).fill(0xff) } },
          async scene => {
            await scene.tell("restart");
            await scene.tell("restart");
            const left = await scene.life.partitions();
            assert.deepEqual(Object.keys(left).sort(), ["journal", "other"]);
            assert.deepEqual(left["other"], partitions.other);
            assert.deepEqual([...(left["journal"]?.subarray(0, 4) ?? [])], [0, 0, 0, 0xff]);
          },
        );
      });

      it("has other chances in each life, the same in each run", async () => {
        const seen: unknown[] = [];
        for (let round = 0; round < 2; round++)
          await withLife({ engine: { engine, seed: 5 } }, async scene => {
            await scene.tell("restart");
            seen.push(...scene.boots().map(values => values[4]));
          });
        assert.equal(seen.length, 4);
        assert.deepEqual(seen.slice(0, 2), seen.slice(2));
        assert.notEqual(seen[0], seen[1]);
      });
    });
  }

  it("is reset in the middle of a turn that takes too long", async () => {
    await withLife({ engine: { watchdogMs: 2000 } }, async scene => {
      // Some 20 byte codes each, of half a microsecond.
      await scene.tell("spin 500000", 20_000);
      assert.deepEqual(scene.life.lives[0]?.end, { reason: "watchdog reset" });
      assert.ok(!scene.reports.some(([name]) => name === "spun"));
    });
  });

  it("sends what lies in the UART's FIFO before it restarts, and no more", async () => {
    for (const [count, expected] of [
      [100, 100],
      [400, 128],
    ] as const) {
      let heard = 0;
      await withLife({ engine: { console: true } }, async scene => {
        scene.life.console.onData = bytes => (heard += bytes.length);
        await scene.tell(`talk ${count}`);
        assert.equal(heard, expected);
        assert.equal(scene.boots().length, 2);
      });
    }
  });

  it("keeps the far end of its console, and loses what that says while it boots", async () => {
    await withLife({ engine: { console: true } }, async scene => {
      const { console } = scene.life;
      await scene.tell("restart", 100);
      console.write(Buffer.alloc(50));
      await scene.life.run({ untilMs: 2000 });
      console.write(Buffer.alloc(20));
      await scene.life.run({ untilMs: 3000 });
      assert.equal(scene.life.simulation?.consoleUart.counters.toHostBytes, 20);
    });
  });

  it("lets the module live on, and lets go of its lines", async () => {
    await withLife({}, async scene => {
      const { modem } = scene;
      await scene.tell("key 1", 2000);
      const releases: boolean[] = [];
      const powerKey = modem.powerKey.bind(modem);
      modem.powerKey = asserted => {
        releases.push(asserted);
        powerKey(asserted);
      };
      await scene.tell("sleep 60000", 30_000);
      assert.deepEqual(releases, [false]);
      assert.equal(modem.status, true, "the module was switched on and runs");
    });
  });

  it("tells the memory of each life", async () => {
    await withLife({}, async scene => {
      await scene.tell("restart");
      await scene.tell("restart");
      assert.deepEqual(
        scene.life.lives.map(({ memory }) => memory.peakBytes > 0),
        [true, true],
      );
    });
  });
});

describe("the pin that wakes a module", () => {
  it("reaches PSM_EINT of a BC66 and PON_TRIG of a BG95", async () => {
    for (const module of ["bc66", "bg95"] as const) {
      await withLife({ module, engine: { wired: { wake: true } } }, async scene => {
        const seen: boolean[] = [];
        scene.modem.wakeLine = asserted => void seen.push(asserted);
        await scene.tell("wake 1");
        await scene.tell("wake 0");
        assert.deepEqual(seen, [true, false], module);
      });
    }
  });
});
