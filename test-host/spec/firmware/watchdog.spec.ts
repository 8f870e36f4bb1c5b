import assert from "node:assert/strict";
import { startSide, Station, type Side } from "./station-scene.js";

const TIMEOUT_MS = 120_000;
const HOUR = 3_600_000;

describe("the firmware under a watchdog of the device", function () {
  this.timeout(60_000);
  let side: Side;
  before(async () => {
    side = await startSide();
  });
  after(() => side.broker.close());

  function station(changes: {
    readonly registration?: "denied";
    readonly count?: number;
    readonly engine?: "xs";
  }): Station {
    return new Station({
      side,
      sleep: null,
      config: { count: changes.count ?? 1, keepAlive: 0, lingerMs: HOUR },
      bg95: changes.registration === undefined ? {} : { registration: changes.registration },
      engine: {
        engine: changes.engine ?? "node",
        entry: "test-host/spec/firmware/programs/watched",
        watchdogMs: TIMEOUT_MS,
      },
    });
  }

  it("lives on for hours, connected and silent", async () => {
    const device = station({ count: 0 });
    try {
      await device.life.run({ untilMs: 3 * HOUR });
      assert.equal(device.told("mqtt").length, 1);
      assert.deepEqual(device.life.lives, []);
    } finally {
      await device.stop();
    }
  });

  it("lives on for hours without a network, through every pause of the recovery", async () => {
    const device = station({ registration: "denied" });
    try {
      await device.life.run({ untilMs: 8 * HOUR });
      assert.ok(device.told("failure").length > 8);
      assert.deepEqual(device.life.lives, []);
    } finally {
      await device.stop();
    }
  });

  it("is restarted when it gets stuck on its way, and gets there then", async () => {
    const device = station({ engine: "xs" });
    try {
      await device.life.run({ until: () => device.told("sim").length > 0, untilMs: 60_000 });
      device.life.send("{}");
      await device.life.run({ until: () => device.told("acknowledged").length > 0, untilMs: 2 * HOUR });
      assert.deepEqual(
        device.life.lives.map(({ end }) => end.reason),
        ["watchdog reset"],
      );
      assert.equal(device.told("acknowledged").length, 1);
    } finally {
      await device.stop();
    }
  });
});
