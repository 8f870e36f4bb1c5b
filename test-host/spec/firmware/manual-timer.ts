import type { Clock, Timer } from "../../../modules/io/timer.js";

interface Waiting {
  readonly atMs: number;
  readonly callback: () => void;
}

/** Time that passes when it is told to: timers and ticks in one. */
export class ManualTime implements Timer<Waiting>, Clock {
  ticks = 0;
  private waiting: Waiting[] = [];

  set(seconds: number): void;
  set(callback: () => void, ms?: number): Waiting;
  set(first: number | (() => void), ms = 0): Waiting | undefined {
    if (typeof first === "number") return undefined;
    const one = { atMs: this.ticks + ms, callback: first };
    this.waiting.push(one);
    return one;
  }

  clear(handle: Waiting | undefined): void {
    this.waiting = this.waiting.filter(one => one !== handle);
  }

  delta(start: number, end = this.ticks): number {
    return end - start;
  }

  now(): number {
    return this.ticks;
  }

  /** What is due meanwhile happens at its time. */
  pass(ms: number): void {
    const end = this.ticks + ms;
    for (;;) {
      const next = this.waiting.reduce<Waiting | undefined>(
        (first, one) => (first === undefined || one.atMs < first.atMs ? one : first),
        undefined,
      );
      if (next === undefined || next.atMs > end) break;
      this.clear(next);
      this.ticks = next.atMs;
      next.callback();
    }
    this.ticks = end;
  }
}
