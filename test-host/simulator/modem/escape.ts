import type { Scheduler, Task } from "../scheduler.js";

const plus = 0x2b;
/** Silence before and after `+++`, and the time within which the three come. */
const guardMs = 1000;

/** Finds `+++` with its guard times in a stream of data. */
export class EscapeDetector {
  readonly #scheduler: Scheduler;
  readonly #escaped: () => void;
  readonly #late: (bytes: Uint8Array) => void;
  #lastMs: number;
  #count = 0;
  #firstMs = 0;
  #task: Task | undefined;

  /** `late` gets plus signs that turn out to be data. */
  constructor(scheduler: Scheduler, escaped: () => void, late: (bytes: Uint8Array) => void) {
    this.#scheduler = scheduler;
    this.#escaped = escaped;
    this.#late = late;
    this.#lastMs = scheduler.nowMs;
  }

  /** Returns the bytes that are data for certain. */
  feed(bytes: Uint8Array): Uint8Array {
    const nowMs = this.#scheduler.nowMs;
    const isQuiet = nowMs - this.#lastMs >= guardMs;
    this.#lastMs = nowMs;
    this.#task?.cancel();
    const allPlus = bytes.every(byte => byte === plus);
    const continues = this.#count > 0 && nowMs - this.#firstMs <= guardMs;
    if (allPlus && this.#count + bytes.length <= 3 && (continues || (this.#count === 0 && isQuiet))) {
      if (this.#count === 0) this.#firstMs = nowMs;
      this.#count += bytes.length;
      this.#task = this.#scheduler.after(guardMs, () => this.#silent());
      return new Uint8Array(0);
    }
    if (this.#count === 0) return bytes;
    const held = this.#count;
    this.#count = 0;
    return Uint8Array.from([...new Uint8Array(held).fill(plus), ...bytes]);
  }

  stop(): void {
    this.#task?.cancel();
  }

  #silent(): void {
    const held = this.#count;
    this.#count = 0;
    if (held === 3) this.#escaped();
    else this.#late(new Uint8Array(held).fill(plus));
  }
}
