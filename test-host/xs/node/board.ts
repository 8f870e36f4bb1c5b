import type { ControlLine } from "../../simulator/engine.js";
import { act, endRun, inputs, setup } from "./state.js";

/** Control lines, restarts, reports, messages and chance of the Node stand-in; `host/board.c` is their counterpart. */

const { wired } = setup;

function driver(line: ControlLine): (asserted: boolean) => void {
  return asserted => act({ kind: "line", at: 0, line, asserted });
}

/** The lines that are wired. */
export const Power = Object.freeze({
  ...(wired.powerKey && { powerKey: driver("PWRKEY") }),
  ...(wired.reset && { reset: driver("RESET_N") }),
  ...(wired.status && { status: (): boolean => inputs.moduleStatus }),
  ...(wired.wake && { wake: driver("WAKE") }),
});

export const Restart = Object.freeze({
  sleep(ms: number): never {
    if (!(ms >= 0 && ms < Infinity)) throw new RangeError("invalid interval");
    return endRun({ reason: "sleep", ms });
  },

  now: (): never => endRun({ reason: "restart" }),

  feed(timeoutMs: number): void {
    act({ kind: "feed", at: 0, timeoutMs });
  },
});

export function report(...values: unknown[]): void {
  for (const value of values) {
    if (value !== null && !["undefined", "boolean", "number", "string"].includes(typeof value))
      throw new TypeError("report: a value is neither string, number nor boolean");
  }
  act({ kind: "report", at: 0, text: JSON.stringify(values) });
}

let listener: ((text: string) => void) | undefined;

export function listen(callback: (text: string) => void): void {
  if (typeof callback !== "function") throw new TypeError("callback is no function");
  listener = callback;
}

export function messageReceived(text: string): void {
  listener?.(text);
}

const GOLDEN = 0x9e3779b9;

function makeRandom(seed: number): () => number {
  const words: number[] = [];
  let state = seed;
  for (let i = 0; i < 4; i++) {
    // splitmix32, as in the XS host: the same seed gives the same numbers in both engines.
    let z = (state = (state + GOLDEN) | 0);
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    words.push((z ^ (z >>> 16)) >>> 0);
  }
  let [a = 0, b = 0, c = 0, d = 0] = words;
  const next = (): number => {
    const five = Math.imul(b, 5);
    const result = Math.imul((five << 7) | (five >>> 25), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    return result;
  };
  return () => {
    let result = next();
    while (result === 0xffffffff) result = next();
    return result / 0xffffffff;
  };
}

export const random = makeRandom(setup.seed);
