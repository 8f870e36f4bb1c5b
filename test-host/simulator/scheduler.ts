import { setImmediate as nextRound } from "node:timers/promises";

/**
 * How simulated time relates to the wall clock:
 * `virtual` never waits for the wall clock;
 * `sockets` jumps freely too, but while an answer from a real peer is expected (`expect`) it
 * advances no faster than the wall clock;
 * `realtime` follows the wall clock one to one (a real AT client at the other end).
 */
export type SchedulerMode = "virtual" | "sockets" | "realtime";

/** An event in the future. */
export interface Task {
  readonly atMs: number;
  readonly pending: boolean;
  cancel(): void;
}

/** Something outstanding that keeps simulated time back. Releasing twice is harmless. */
export interface Hold {
  release(): void;
}

/** Why `run` returned. `idle`: nothing is left that could happen. */
export type RunEnd = "condition" | "time" | "idle" | "stopped";

export interface RunOptions {
  /** Checked before every event. */
  readonly until?: () => boolean;
  /** Simulated milliseconds; events at exactly this time still run. */
  readonly untilMs?: number;
}

export interface SchedulerOptions {
  readonly mode?: SchedulerMode;
  /** Wall clock in milliseconds, monotonic. */
  readonly wallMs?: () => number;
  /** Wall milliseconds without a sign of life after which a real peer is no longer waited for. */
  readonly patienceMs?: number;
}

type Action = () => void | Promise<void>;

class Entry implements Task {
  pending = true;
  constructor(
    readonly atMs: number,
    readonly order: number,
    readonly action: Action,
  ) {}

  cancel(): void {
    this.pending = false;
  }
}

/**
 * The one discrete-event scheduler of a simulation. Events run one after another in order of time,
 * and of scheduling for equal times; an event that returns a promise is awaited while time stands.
 */
export class Scheduler {
  readonly mode: SchedulerMode;
  readonly patienceMs: number;
  readonly #wallMs: () => number;
  readonly #heap: Entry[] = [];
  #posted: Action[] = [];
  #nowMs = 0;
  #order = 0;
  #blocks = 0;
  #expectations = 0;
  #sources = 0;
  #anchorWallMs = 0;
  #anchorMs = 0;
  #lastYieldMs = 0;
  #running = false;
  #stopped = false;
  #wake: (() => void) | undefined;

  constructor(options: SchedulerOptions = {}) {
    this.mode = options.mode ?? "virtual";
    this.patienceMs = options.patienceMs ?? 1000;
    this.#wallMs = options.wallMs ?? (() => performance.now());
    if (this.mode === "realtime") this.#anchor();
  }

  /** Simulated milliseconds since the start, with fraction. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Runs `action` at the simulated time, at once when that has passed. */
  at(atMs: number, action: Action): Task {
    const entry = new Entry(Math.max(atMs, this.#nowMs), this.#order++, action);
    this.#push(entry);
    this.#wake?.();
    return entry;
  }

  after(delayMs: number, action: Action): Task {
    return this.at(this.#nowMs + Math.max(0, delayMs), action);
  }

  /** Brings an event in from outside (a real socket, a duplex stream): runs before time advances. */
  post(action: Action): void {
    this.#posted.push(action);
    this.#wake?.();
  }

  /** Time stands still until released: work of this process that ends by itself is under way. */
  block(): Hold {
    this.#blocks++;
    return this.#hold(() => this.#blocks--);
  }

  /**
   * An answer of a real peer is outstanding: time follows the wall clock until released, or until
   * the patience is over.
   */
  expect(patienceMs = this.patienceMs): Hold {
    if (this.mode === "virtual") return { release: () => undefined };
    if (this.#expectations++ === 0) this.#anchor();
    const hold = this.#hold(() => {
      clearTimeout(timer);
      this.#expectations--;
    });
    const timer = setTimeout(() => hold.release(), patienceMs);
    return hold;
  }

  /** A real connection is open: before time jumps, what has already arrived from it is let in. */
  openSource(): Hold {
    this.#sources++;
    return this.#hold(() => this.#sources--);
  }

  /** Ends `run` after the present event. */
  stop(): void {
    this.#stopped = true;
    this.#wake?.();
  }

  async run(options: RunOptions = {}): Promise<RunEnd> {
    if (this.#running) throw new Error("The scheduler is running already");
    this.#running = true;
    this.#stopped = false;
    try {
      return await this.#loop(options);
    } finally {
      this.#running = false;
    }
  }

  async #loop({ until, untilMs = Infinity }: RunOptions): Promise<RunEnd> {
    for (;;) {
      if (this.#stopped) return "stopped";
      if (until?.()) return "condition";
      const action = this.#posted.shift();
      if (action) {
        if (this.#paced)
          this.#nowMs = Math.min(this.#allowedMs(), this.#nextMs(), Math.max(untilMs, this.#nowMs));
        const result = action();
        if (result) await result;
        continue;
      }
      if (this.#blocks > 0) {
        await this.#sleep();
        continue;
      }
      const nextMs = this.#nextMs();
      if (nextMs > this.#nowMs && (await this.#letIn(nextMs))) continue;
      if (nextMs === Infinity && this.#expectations === 0 && this.mode !== "realtime") {
        if (untilMs === Infinity) return "idle";
        this.#nowMs = Math.max(this.#nowMs, untilMs);
        return "time";
      }
      const targetMs = Math.min(nextMs, untilMs);
      if (this.#paced) {
        const allowedMs = this.#allowedMs();
        if (targetMs > allowedMs) {
          await this.#sleep(targetMs - allowedMs);
          continue;
        }
      }
      if (nextMs > untilMs) {
        this.#nowMs = Math.max(this.#nowMs, untilMs);
        return "time";
      }
      const entry = this.#pop();
      if (!entry) continue;
      this.#nowMs = Math.max(this.#nowMs, entry.atMs);
      entry.pending = false;
      const result = entry.action();
      if (result) await result;
    }
  }

  get #paced(): boolean {
    return this.mode === "realtime" || this.#expectations > 0;
  }

  #anchor(): void {
    this.#anchorWallMs = this.#wallMs();
    this.#anchorMs = this.#nowMs;
  }

  #allowedMs(): number {
    return Math.max(this.#nowMs, this.#anchorMs + this.#wallMs() - this.#anchorWallMs);
  }

  /** Lets the event loop poll its sockets; true when something came in. */
  async #letIn(nextMs: number): Promise<boolean> {
    if (this.#sources === 0) return false;
    const wallMs = this.#wallMs();
    if (nextMs - this.#nowMs < 1 && wallMs - this.#lastYieldMs < 1) return false;
    await nextRound();
    this.#lastYieldMs = wallMs;
    return this.#posted.length > 0;
  }

  #sleep(limitMs = Infinity): Promise<void> {
    return new Promise(resolve => {
      const timer =
        limitMs === Infinity ? undefined : setTimeout(() => this.#wake?.(), Math.min(limitMs, 0x7fffffff));
      this.#wake = () => {
        this.#wake = undefined;
        clearTimeout(timer);
        resolve();
      };
      if (this.#posted.length > 0 || this.#stopped) this.#wake();
    });
  }

  #hold(release: () => void): Hold {
    let held = true;
    return {
      release: () => {
        if (!held) return;
        held = false;
        release();
        this.#wake?.();
      },
    };
  }

  #nextMs(): number {
    for (;;) {
      const top = this.#heap[0];
      if (!top) return Infinity;
      if (top.pending) return top.atMs;
      this.#pop();
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (!above || !isBefore(entry, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): Entry | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (!last || !top || heap.length === 0) return top;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      const left = heap[child];
      if (!left) break;
      const right = heap[child + 1];
      let smaller = left;
      if (right && isBefore(right, left)) {
        smaller = right;
        child++;
      }
      if (!isBefore(smaller, last)) break;
      heap[index] = smaller;
      index = child;
    }
    heap[index] = last;
    return top;
  }
}

function isBefore(left: Entry, right: Entry): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order);
}
