import type { Power } from "../../modules/io/power.js";
import type { Line, Wiring } from "./wiring.js";

/** An open pin. */
export interface Pin {
  read(): number;
  write(level: 0 | 1): void;
}

/** Opens a pin of the platform; an output has `level` from its first moment. */
export interface Pins {
  input(line: Line): Pin;
  output(line: Line, level: 0 | 1): Pin;
}

type Drive = (asserted: boolean) => void;

function level(line: Line, asserted: boolean): 0 | 1 {
  return (line.active === 1) === asserted ? 1 : 0;
}

function drive(pins: Pins, line: Line | undefined, asserted = false): Drive | undefined {
  if (line === undefined) return undefined;
  const pin = pins.output(line, level(line, asserted));
  return value => pin.write(level(line, value));
}

/**
 * The module's control lines. The supply is switched on here; every other output is let go from its
 * first moment, so that opening it is no pulse.
 */
export function powerOf(wiring: Wiring, pins: Pins): Power {
  const { status } = wiring;
  const state = status && pins.input(status);
  drive(pins, wiring.supply, true);
  const lines = {
    powerKey: drive(pins, wiring.powerKey),
    reset: drive(pins, wiring.reset),
    wake: drive(pins, wiring.wake),
    status: status && state && (() => state.read() === status.active),
  };
  const power: { -readonly [Line in keyof Power]: Power[Line] } = {};
  if (lines.powerKey !== undefined) power.powerKey = lines.powerKey;
  if (lines.reset !== undefined) power.reset = lines.reset;
  if (lines.wake !== undefined) power.wake = lines.wake;
  if (lines.status !== undefined) power.status = lines.status;
  return Object.freeze(power);
}
