import assert from "node:assert/strict";
import { BG95 } from "../../simulator/bg95/bg95.js";
import { MemoryNetwork } from "../../simulator/memory.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { Simulation } from "../../simulator/simulation.js";
import { createEngine, type FirmwareEngine } from "../../xs/index.js";

/** The driver in the device's engine, turns charged as an ESP32 takes them. */
class Device {
  readonly scheduler = new Scheduler();
  readonly reports: (readonly unknown[])[] = [];
  readonly modem: BG95;
  readonly simulation: Simulation;
  readonly engine: FirmwareEngine;

  private constructor(engine: FirmwareEngine, serial: "buffered" | "stock", faults: readonly string[]) {
    const { scheduler } = this;
    const network = new MemoryNetwork({ scheduler, names: { "echo.test": "192.0.2.10" } });
    network.serve(7, peer => {
      peer.onData = bytes => {
        peer.write(bytes);
      };
    });
    this.engine = engine;
    this.modem = new BG95({ scheduler, network, faults, link: "lte-m" });
    this.simulation = new Simulation({
      scheduler,
      modem: this.modem,
      engine,
      uart: { serial },
      onReport: text => {
        this.reports.push(JSON.parse(text) as unknown[]);
      },
    });
  }

  static async run(
    options: { serial?: "buffered" | "stock"; faults?: readonly string[] },
    work: (device: Device) => Promise<void>,
  ): Promise<void> {
    const { serial = "buffered", faults = [] } = options;
    const entry = "test-host/spec/drivers/programs/talk";
    const engine = await createEngine({ engine: "xs", entry, serial });
    try {
      const device = new Device(engine, serial, faults);
      await work(device);
      assert.ok(!device.reports.some(([name]) => name === "wrong"), "a wrong byte");
    } finally {
      await engine.stop();
    }
  }

  async until(condition: () => boolean, limitMs = 600_000): Promise<void> {
    const untilMs = this.scheduler.nowMs + limitMs;
    const end = await this.simulation.run({ until: condition, untilMs });
    assert.equal(end.reason, "condition", JSON.stringify([end, this.reports.slice(-5)]));
  }

  count(name: string, value?: unknown): number {
    return this.reports.filter(report => report[0] === name && (value === undefined || report[1] === value))
      .length;
  }

  get received(): number {
    return this.receivedAfter(0);
  }

  /** Bytes that came back on the connection that was opened as the nth (from 0). */
  receivedAfter(nth: number): number {
    let opened = -1;
    let bytes = 0;
    for (const [name, count] of this.reports)
      if (name === "open") opened++;
      else if (name === "received" && opened >= nth) bytes = Number(count);
    return bytes;
  }
}

describe("Driver in the device's engine", function () {
  this.timeout(120_000);

  for (const serial of ["buffered", "stock"] as const)
    it(`carries 30 KB both ways on the ${serial} serial class, collections and all`, async () => {
      await Device.run({ serial }, async device => {
        await device.until(() => device.received >= 30_000);
        assert.equal(device.simulation.counters.lostBytes, 0);
        assert.equal(device.count("failure"), 0);
      });
    });

  it("outlives an exception of the application without an abort, and goes on", async () => {
    await Device.run({}, async device => {
      await device.until(() => device.received >= 2_000);
      device.simulation.send('"throw"');
      await device.until(() => device.count("failure", "exception") === 1);
      await device.until(() => device.receivedAfter(1) >= 2_000);
    });
  });

  it("comes back from restarts, silence and losses of the network", async () => {
    const faults = [
      "reset ms=30000",
      "pdpdeact context=1 ms=60000",
      "silence for=100000 ms=90000",
      "registration-loss for=90000 ms=400000",
      "peer-reset socket=0 ms=700000",
    ];
    await Device.run({ faults }, async device => {
      await device.until(() => device.scheduler.nowMs > 800_000, 900_000);
      const opened = device.count("open");
      assert.ok(opened >= 5, String(opened));
      const before = device.reports.length;
      await device.until(() => device.reports.slice(before).some(([name]) => name === "received"));
    });
  });

  it("powers the module down when the application wishes", async () => {
    await Device.run({}, async device => {
      await device.until(() => device.received > 0);
      device.simulation.send('"disconnect"');
      await device.until(() => device.modem.module.power.state === "off");
      assert.equal(device.count("failure", "cancelled"), 1);
    });
  });
});
