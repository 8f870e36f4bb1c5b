import assert from "node:assert/strict";
import { powerOf, type Pin, type Pins } from "../../../hosts/esp32/power.js";
import type { Line, Wiring } from "../../../hosts/esp32/wiring.js";

const uart = { port: 1, receive: 26, transmit: 25, baud: 115_200 };

/** Pins that note every level that they are driven to, the first at their opening. */
class Bench implements Pins {
  readonly levels = new Map<number, number[]>();
  readonly inputs = new Map<number, number>();

  input(line: Line): Pin {
    return { read: () => this.inputs.get(line.pin) ?? 0, write: () => assert.fail("an input") };
  }

  output(line: Line, level: 0 | 1): Pin {
    const levels = [level as number];
    this.levels.set(line.pin, levels);
    return { read: () => assert.fail("an output"), write: next => levels.push(next) };
  }
}

describe("control lines of a board", () => {
  for (const [name, active, released] of [
    ["behind a transistor", 1, 0],
    ["on the module's pin", 0, 1],
  ] as const) {
    it(`${name}: PWRKEY is let go from its first moment, and pulsed`, () => {
      const bench = new Bench();
      const power = powerOf({ uart, powerKey: { pin: 4, active } }, bench);
      power.powerKey?.(true);
      power.powerKey?.(false);
      assert.deepEqual(bench.levels.get(4), [released, active, released]);
    });

    it(`${name}: STATUS tells whether the module runs`, () => {
      const bench = new Bench();
      const power = powerOf({ uart, status: { pin: 34, active } }, bench);
      const told = [active, released].map(level => {
        bench.inputs.set(34, level);
        return power.status?.();
      });
      assert.deepEqual(told, [true, false]);
    });
  }

  it("have the supply on from the first moment", () => {
    const bench = new Bench();
    powerOf({ uart, supply: { pin: 13, active: 0 } }, bench);
    assert.deepEqual(bench.levels.get(13), [0]);
  });

  it("that are not wired are not there", () => {
    const wiring: Wiring = { uart };
    const bench = new Bench();
    assert.deepEqual(Object.keys(powerOf(wiring, bench)), []);
    assert.equal(bench.levels.size, 0);
  });

  it("reach the pins that they are wired to", () => {
    const bench = new Bench();
    const power = powerOf(
      { uart, powerKey: { pin: 4, active: 1 }, reset: { pin: 33, active: 1 }, wake: { pin: 32, active: 1 } },
      bench,
    );
    power.reset?.(true);
    power.wake?.(true);
    assert.deepEqual(Object.fromEntries(bench.levels), { 4: [0], 33: [0, 1], 32: [0, 1] });
  });
});
