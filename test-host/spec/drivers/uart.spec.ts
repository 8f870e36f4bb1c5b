import assert from "node:assert/strict";
import fc from "fast-check";
import { bc66Mqtt } from "../../../drivers/bc66/mqtt.js";
import { bg95Mqtt } from "../../../drivers/bg95/mqtt.js";
import { losesBurst } from "../../../drivers/quectel/uart.js";
import { Bc66Bench, Bench } from "./bench.js";
import { App } from "./module-mqtt-support.js";
import { ScriptedBroker } from "../simulator/mqtt-support.js";

describe("a burst on the serial port", () => {
  const vectors: readonly [
    what: string,
    bytes: number,
    headroom: number | undefined,
    baud: number,
    lost: boolean,
  ][] = [
    ["as long as the FIFO", 128, undefined, 921_600, false],
    ["longer than the FIFO", 129, undefined, 115_200, true],
    [
      "of any length on the stock class at a rate that leaves the engine its time",
      4_389,
      undefined,
      9_600,
      false,
    ],
    ["on the stock class at the next rate", 129, undefined, 19_200, true],
    ["within the room of the buffered class", 4_096, 4_096, 921_600, false],
    [
      "longer than the room of the buffered class, which lasts longer than a turn",
      4_389,
      4_096,
      921_600,
      false,
    ],
    ["longer than the room of a small buffer", 600, 512, 460_800, true],
    ["longer than the room of a small buffer that lasts", 600, 512, 115_200, false],
  ];
  for (const [what, bytes, headroom, baud, lost] of vectors)
    it(`${lost ? "can lose bytes" : "arrives whole"}: ${what}`, () => {
      assert.equal(losesBurst(bytes, headroom, baud), lost);
    });

  it("counts as at 115,200 baud where no rate is named", () => {
    assert.equal(losesBurst(129, undefined), true);
  });

  it("that arrives whole does so at any lower rate, with more room, and when it is shorter", () => {
    const size = fc.integer({ min: 1, max: 10_000 });
    const rate = fc.integer({ min: 300, max: 1_000_000 });
    fc.assert(
      fc.property(size, size, rate, size, size, rate, (bytes, room, baud, less, more, slower) => {
        fc.pre(!losesBurst(bytes, room, baud));
        assert.equal(losesBurst(Math.max(1, bytes - less), room + more, Math.min(baud, slower)), false);
      }),
    );
  });
});

describe("MQTT by the module on a serial port that can lose its messages", () => {
  const told = async (bench: Bench | Bc66Bench): Promise<unknown[]> => {
    await bench.goOnline();
    new ScriptedBroker(bench.network);
    const app = new App(bench, { dialect: bench instanceof Bc66Bench ? bc66Mqtt : bg95Mqtt });
    await app.connect();
    return bench.events.filter(([name]) => name === "uart");
  };
  /** The rate is one that the module has stored. */
  const at = (bench: Bench, baud: number): Bench => {
    bench.module.module.baud = bench.module.module.stored.baud = baud;
    return bench;
  };
  const cases: readonly ["stock" | "buffered", number, boolean][] = [
    ["stock", 115_200, true],
    ["stock", 9_600, false],
    ["buffered", 115_200, false],
  ];
  for (const [serial, baud, warned] of cases) {
    const name = `${warned ? "warns" : "says nothing"} on the ${serial} class at ${String(baud)} baud`;
    it(`${name}: BG95`, async () => {
      assert.deepEqual(await told(at(new Bench({ serial, baud }), baud)), warned ? [["uart", 4_389]] : []);
    });
    it(`${name}: BC66`, async () => {
      assert.deepEqual(await told(new Bc66Bench({ serial, baud })), warned ? [["uart", 2_330]] : []);
    });
  }
});
