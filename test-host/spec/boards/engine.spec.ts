import assert from "node:assert/strict";
import { boards } from "../../../hosts/esp32/boards/index.js";
import { createEngine } from "../../xs/index.js";
import { config } from "../firmware/hosts.js";

async function start(changes: object): Promise<unknown[][]> {
  const engine = await createEngine({
    engine: "xs",
    entry: "test-host/spec/boards/programs/prepare",
    config: { ...config, ...changes },
  });
  try {
    const turn = await engine.turn({ kind: "start" }, { nowMs: 0, moduleStatus: false, transmitRoom: 0 });
    assert.equal(turn.abort, undefined);
    assert.deepEqual(engine.loadedNatives, {}, "all of it can be preloaded into flash");
    return turn.actions.flatMap(action =>
      action.kind === "report" ? [JSON.parse(action.text) as unknown[]] : [],
    );
  } finally {
    await engine.stop();
  }
}

describe("an ESP32's start in its own engine", function () {
  this.timeout(20_000);

  for (const { name, module, chip, wiring } of boards)
    it(`takes ${name}`, async () => {
      const reports = await start({ module, board: name });
      assert.deepEqual(
        reports.find(([event]) => event === "board"),
        ["board", chip, wiring.uart.port, wiring.uart.baud],
      );
      assert.ok(!reports.some(([event]) => event === "failure"));
      const { powerKey } = wiring;
      if (powerKey !== undefined)
        assert.deepEqual(
          reports.filter(([event, pin]) => event === "output" && pin === powerKey.pin),
          [["output", powerKey.pin, 1 - powerKey.active]],
        );
    });

  it("refuses a wrong wiring in words, and opens no pin", async () => {
    const reports = await start({ board: "devkit-bg95", wiring: { powerKey: 34, status: null } });
    assert.deepEqual(reports, [
      [
        "failure",
        "config",
        "argument",
        null,
        "wiring.powerKey",
        "GPIO 34 can only be read. Choose another GPIO.",
      ],
      ["gave-up"],
    ]);
  });
});
