import { randomBytes } from "node:crypto";
import type { Clock, Random, Timer } from "../../modules/io/timer.js";

/** Node's timers in the shape of Moddable's module `timer`. */
export const timer: Timer<NodeTimer> = {
  set(callback, ms = 0, repeatMs) {
    const handle: NodeTimer = {};
    const arm = (wait: number, again: number | undefined): void => {
      handle.timeout = setTimeout(
        () => {
          // Armed before the call, so that the callback can clear it.
          if (again === undefined) delete handle.timeout;
          else arm(again, again);
          callback();
        },
        Math.min(wait, LONGEST_TIMEOUT),
      );
    };
    arm(ms, repeatMs);
    return handle;
  },
  clear(handle) {
    clearTimeout(handle?.timeout);
  },
};

export interface NodeTimer {
  timeout?: NodeJS.Timeout;
}

/** Node turns longer waits into one millisecond. */
const LONGEST_TIMEOUT = 0x7fffffff;

/** Ticks wrap on devices: the 32-bit range is kept here too, so that a plain subtraction is found out. */
const WRAP = 2 ** 32;

let offset = 0;

/** Node's clocks in the shape of Moddable's module `time`. Setting it moves `now()` in this process only. */
export const clock: Clock = {
  get ticks() {
    return Math.floor(performance.now()) % WRAP;
  },
  delta(start, end = clock.ticks) {
    return (((end - start) % WRAP) + WRAP) % WRAP;
  },
  set(seconds) {
    offset = seconds * 1000 - Date.now();
  },
  now() {
    return Date.now() + offset;
  },
};

/** 48 random bits of the operating system as a number in [0, 1). */
export const random: Random = () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48;
