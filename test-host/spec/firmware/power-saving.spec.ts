import assert from "node:assert/strict";
import fc from "fast-check";
import { activeTimer, periodicTimer } from "../../../hosts/firmware/power-saving.js";
import { activeTimeS, periodicTimeS } from "../../simulator/bc66/sleep.js";

/** The longest times that the bits can say: 31 x 320 hours, 31 x 6 minutes. */
const LONGEST_PERIODIC = 31 * 320 * 3_600;
const LONGEST_ACTIVE = 31 * 360;

describe("timers of power saving mode", () => {
  const periodic: readonly (readonly [seconds: number, bits: string])[] = [
    [2, "01100001"],
    [62, "01111111"],
    [63, "10000011"],
    [600, "10010100"],
    [1_800, "10111110"],
    // 24 h in hours: the example of many networks.
    [86_400, "00111000"],
    [LONGEST_PERIODIC, "11011111"],
    [2 * LONGEST_PERIODIC, "11011111"],
  ];
  for (const [seconds, bits] of periodic)
    it(`T3412 of ${seconds} s is ${bits}`, () => {
      assert.equal(periodicTimer(seconds), bits);
    });

  const active: readonly (readonly [seconds: number, bits: string])[] = [
    [2, "00000001"],
    [10, "00000101"],
    [20, "00001010"],
    [63, "00100010"],
    [LONGEST_ACTIVE, "01011111"],
    [2 * LONGEST_ACTIVE, "01011111"],
  ];
  for (const [seconds, bits] of active)
    it(`T3324 of ${seconds} s is ${bits}`, () => {
      assert.equal(activeTimer(seconds), bits);
    });

  it("are no shorter than asked for, and longer by no more than a unit, as the simulated module reads them", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: LONGEST_ACTIVE }), seconds => {
        const given = activeTimeS(activeTimer(seconds));
        assert.ok(given >= seconds && given < seconds + 360, String(given));
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: LONGEST_PERIODIC }), seconds => {
        const given = periodicTimeS(periodicTimer(seconds));
        assert.ok(given >= seconds && given < seconds + 1_152_000, String(given));
      }),
    );
  });
});
