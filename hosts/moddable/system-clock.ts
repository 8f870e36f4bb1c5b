import Time from "time";
import type { Clock } from "../../modules/io/timer.js";

/** The platform's clock. On Linux `set` does nothing: there the system keeps the time. */
export const systemClock: Clock = Object.freeze({
  get ticks() {
    return Time.ticks;
  },
  delta: (from: number, to?: number) => (to === undefined ? Time.delta(from) : Time.delta(from, to)),
  set: (seconds: number) => {
    Time.set(seconds);
  },
  now: () => Date.now(),
});
