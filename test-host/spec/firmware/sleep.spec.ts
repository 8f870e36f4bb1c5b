import assert from "node:assert/strict";
import type { ModuleName } from "../../../hosts/firmware/config.js";
import { Mosquitto } from "../cli/mosquitto.js";
import { connectAsync } from "mqtt";
import { EVERY_MS, startSide, Station, type Side, type StationOptions } from "./station-scene.js";

const MODULES: readonly ModuleName[] = ["bg95", "bc66"];
const ASLEEP = { bg95: "psm", bc66: "deep-sleep" } as const;
/** From the end of a sleep to the firmware, as the simulated device has it. */
const BOOT_MS = 300;

/** Numbers of the readings, as they arrived. */
function numbers({ messages }: Side): number[] {
  return messages.map(({ payload }) => (JSON.parse(Buffer.from(payload).toString()) as { n: number }).n);
}

async function withStation(
  options: StationOptions,
  work: (station: Station) => Promise<void>,
): Promise<void> {
  const station = new Station(options);
  try {
    await work(station);
  } finally {
    await station.stop();
  }
}

describe("reports with deep sleep between them", function () {
  this.timeout(60_000);
  let side: Side;
  before(async () => {
    side = await startSide();
  });
  after(() => side.broker.close());
  beforeEach(() => {
    side.messages.length = 0;
  });

  for (const module of MODULES) {
    describe(module, () => {
      for (const engine of ["xs", "node"] as const)
        it(`three go through mutual TLS to a broker, each once, at their interval (${engine})`, async () => {
          await withStation({ module, side, engine: { engine } }, async station => {
            await station.sleeps(3);
            assert.deepEqual(numbers(side), [1, 2, 3]);
            assert.deepEqual(station.told("failure"), []);
            const [first = NaN, second = NaN, third = NaN] = station.at("reading");
            assert.ok(Math.abs(second - first - EVERY_MS - BOOT_MS) < 50, `${second - first}`);
            assert.ok(Math.abs(third - second - EVERY_MS - BOOT_MS) < 50, `${third - second}`);
            assert.deepEqual(
              station.told("reading").map(([n]) => n),
              [1, 2, 3],
            );
          });
        });

      it("let the module sleep deeply meanwhile, registered", async () => {
        await withStation({ module, side, engine: { engine: "node" } }, async station => {
          await station.sleeps(1);
          await station.life.run({ untilMs: station.scheduler.nowMs + 120_000 });
          assert.equal(station.moduleState, ASLEEP[module]);
        });
      });

      it("turn the module off meanwhile, where that is configured", async () => {
        await withStation(
          { module, side, sleep: { module: "off" }, engine: { engine: "node" } },
          async station => {
            await station.sleeps(1);
            await station.life.run({ untilMs: station.scheduler.nowMs + 120_000 });
            assert.equal(station.moduleState, "off");
            await station.sleeps(2);
            assert.deepEqual(numbers(side), [1, 2]);
          },
        );
      });

      it("are kept while the broker is down, over wakes that only store, and arrive in order when it is back", async () => {
        const first = await startSide();
        await first.broker.close();
        const options = {
          module,
          side: first,
          sleep: { awakeMs: 30_000 },
          engine: { engine: "node" },
        } as const;
        await withStation(options, async station => {
          await station.sleeps(3);
          assert.deepEqual(
            station.told("reading").map(([n, stored, failures]) => [n, stored, failures]),
            [
              [1, 1, 0],
              [2, 2, 1],
              [3, 3, 1],
            ],
          );
          assert.equal(station.told("late").length, 2);
          // The second wake stored its reading and asked for no network.
          const [, second = NaN, third = NaN] = station.at("reading");
          assert.ok(!station.at("state").some(atMs => atMs > second && atMs < third - BOOT_MS - 1));
          await station.life.run({ untilMs: station.scheduler.nowMs + 120_000 });
          assert.equal(station.moduleState, "off", "a module that is left searching empties a battery");
          const back = await startSide(first);
          try {
            // Wakes 4 to 6 are passed over.
            await station.sleeps(7);
            assert.deepEqual(numbers(back), [1, 2, 3, 4, 5, 6, 7]);
            const [n, stored, failures] = station.told("reading").at(-1) ?? [];
            assert.deepEqual([n, stored, failures], [7, 7, 2]);
            await station.sleeps(8);
            assert.deepEqual(station.told("reading").at(-1), [8, 1, 0]);
          } finally {
            await back.broker.close();
          }
        });
      });

      it("take a command that came to the broker while they slept, and keep what it sets", async function () {
        const mosquitto = await Mosquitto.start(this);
        const control = await connectAsync(`mqtt://127.0.0.1:${mosquitto.port}`);
        try {
          await withStation({ module, port: mosquitto.port, engine: { engine: "xs" } }, async station => {
            await station.sleeps(1);
            await control.publishAsync("devices/device-1/command", '{"everyS":600}', { qos: 1 });
            await station.sleeps(2);
            assert.deepEqual(station.told("interval"), [[600_000]]);
            await station.sleeps(4);
            const [, second = NaN, third = NaN, fourth = NaN] = station.at("reading");
            assert.ok(Math.abs(third - second - 600_000 - BOOT_MS) < 50, `${third - second}`);
            assert.ok(Math.abs(fourth - third - 600_000 - BOOT_MS) < 50, `${fourth - third}`);
            assert.deepEqual(station.told("failure"), []);
          });
        } finally {
          await control.endAsync();
          await mosquitto.stop();
        }
      });
    });
  }

  it("are gathered, where only each third wake is to send", async () => {
    await withStation({ side, sleep: { sendEvery: 3 }, engine: { engine: "node" } }, async station => {
      await station.sleeps(1);
      assert.deepEqual(numbers(side), [1]);
      await station.sleeps(3);
      assert.deepEqual(numbers(side), [1]);
      await station.sleeps(4);
      assert.deepEqual(numbers(side), [1, 2, 3, 4]);
    });
  });

  it("give the oldest readings up when flash is full, and say how many", async () => {
    const journal = new Uint8Array(2 * 4096).fill(0xff);
    const options = {
      port: 9,
      sleep: { awakeMs: 10_000, skipMost: 255 },
      engine: { engine: "node", flash: journal },
    } as const;
    await withStation(options, async station => {
      await station.sleeps(220);
      const dropped = station.told("dropped").reduce((sum, [count]) => sum + Number(count), 0);
      const [n, stored] = station.told("reading").at(-1) ?? [];
      assert.ok(dropped > 0 && Number(stored) > 20, `${dropped} of ${String(stored)}`);
      assert.equal(n, 220);
      assert.equal(Number(stored) + dropped, 220);
      assert.deepEqual(
        station.told("failure").filter(([stage]) => stage === "flash"),
        [],
      );
    });
  });

  it("wake a BC66 by PSM_EINT where PWRKEY does not", async () => {
    const wired = { wake: true } as const;
    const options = {
      module: "bc66",
      side,
      bc66: { powerKeyWakes: false },
      engine: { engine: "node", wired },
    } as const;
    await withStation(options, async station => {
      await station.sleeps(2);
      assert.deepEqual(numbers(side), [1, 2]);
      assert.deepEqual(station.told("reading").length, 2);
      assert.deepEqual(station.told("failure"), []);
    });
  });

  it("wake a BG95 by PON_TRIG where PWRKEY is not wired", async () => {
    const wired = { powerKey: false, reset: false, wake: true } as const;
    await withStation({ side, engine: { engine: "node", wired } }, async station => {
      station.modem.bootNow();
      await station.sleeps(2);
      assert.deepEqual(numbers(side), [1, 2]);
      assert.deepEqual(station.told("failure"), []);
    });
  });

  it("go on at their interval without sleep, connected, where the platform cannot", async () => {
    await withStation(
      { side, config: { keepAlive: 0 }, engine: { engine: "node", restarts: false } },
      async station => {
        await station.life.run({ untilMs: 2.5 * EVERY_MS });
        assert.deepEqual(numbers(side), [1, 2, 3]);
        assert.deepEqual(station.told("sleep"), []);
        assert.equal(station.told("mqtt").length, 1);
      },
    );
  });

  it("tell of a sensor that fails, and sleep all the same", async () => {
    await withStation({ side, volts: null, engine: { engine: "node" } }, async station => {
      await station.sleeps(2);
      const [first] = station.told("failure");
      assert.deepEqual(first?.slice(0, 5), ["sensor", "exception", null, "reading", "Error: no sensor"]);
      assert.deepEqual(numbers(side), []);
    });
  });

  it("tell of a command that is none", async function () {
    await withStation({ side, engine: { engine: "node" } }, async station => {
      side.broker.command("devices/device-1/command", "reboot");
      await station.sleeps(1);
      assert.deepEqual(station.told("unknown command"), [["devices/device-1/command"]]);
      assert.deepEqual(station.told("failure"), []);
    });
  });
});

describe("a report of a device whose power fails", function () {
  this.timeout(60_000);
  let side: Side;
  before(async () => {
    side = await startSide();
  });
  after(() => side.broker.close());

  // Steps on flash of a wake: the record, the reading, what is removed.
  for (const afterSteps of [0, 5, 20, 40, 60, 80, 100])
    it(`after ${afterSteps} steps on flash is there in the end, or its number was never given twice`, async () => {
      side.messages.length = 0;
      const engine = (lives: number) => ({
        engine: "node" as const,
        // In the second wake.
        ...(lives === 1 && { powerCut: { afterSteps, tear: "scatter" as const, seed: afterSteps + 1 } }),
      });
      await withStation({ side, engine }, async station => {
        await station.sleeps(1);
        const end = await station.sleeps(2);
        const wasCut = end.reason === "power cut";
        await station.sleeps(4);
        const got = numbers(side);
        // Each that was stored; once more where power failed between acknowledgement and removal.
        assert.deepEqual(
          [...new Set(got)],
          [...got].sort((a, b) => a - b).filter((n, i, all) => n !== all[i - 1]),
        );
        assert.ok(got.length >= 3, String(got));
        assert.equal(got[0], 1);
        if (!wasCut) assert.deepEqual(got, [1, 2, 3, 4]);
      });
    });
});
