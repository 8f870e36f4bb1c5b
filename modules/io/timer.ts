/** What Moddable's module `timer` gives. A handle is opaque; clearing `undefined` or a fired handle is harmless. */
export interface Timer<Handle = unknown> {
  /** Calls back once after `ms`, or first after `ms` and then each `repeatMs`. */
  set(callback: () => void, ms?: number, repeatMs?: number): Handle;
  clear(handle: Handle | undefined): void;
}

/** What Moddable's module `time` gives, and the date that the language itself tells. */
export interface Clock {
  /** Milliseconds that only go forward; wraps on devices, so compare with `delta`. */
  readonly ticks: number;
  /** Milliseconds from `start` to `end` (default: now). */
  delta(start: number, end?: number): number;
  /** Sets the real-time clock, in seconds since 1970-01-01 UTC. */
  set(seconds: number): void;
  /** Milliseconds since 1970-01-01 UTC; meaningless before `set`. */
  now(): number;
}

/** A uniformly distributed number in [0, 1), from hardware where there is some. */
export type Random = () => number;
