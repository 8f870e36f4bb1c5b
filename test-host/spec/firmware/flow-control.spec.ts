import assert from "node:assert/strict";
import { BG95 } from "../../simulator/bg95/bg95.js";
import { startSide, Station, type Side } from "./station-scene.js";

describe("a board whose RTS and CTS are wired", function () {
  this.timeout(20_000);
  let side: Side;
  before(async () => {
    side = await startSide();
  });
  after(() => side.broker.close());

  for (const [name, entry, flow] of [
    ["has flow control switched on in the module", "test-host/spec/firmware/programs/flow", 2],
    ["has it left off otherwise", "hosts/firmware/main", 0],
  ] as const)
    it(name, async () => {
      const station = new Station({
        side,
        sleep: null,
        config: { count: 1 },
        engine: { engine: "node", entry },
      });
      try {
        await station.life.run({ until: () => station.told("done").length > 0, untilMs: 60_000 });
        assert.equal(station.told("acknowledged").length, 1);
        assert.ok(station.modem instanceof BG95);
        assert.deepEqual(station.modem.module.flow, { byHost: flow, byModule: flow });
      } finally {
        await station.stop();
      }
    });
});
