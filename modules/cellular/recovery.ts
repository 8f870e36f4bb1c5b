import type { FailureKind } from "../diagnosis/failure.js";
import type { Clock } from "../io/timer.js";

/** The rungs, gentlest first. Each is proved by reaching the network again. */
export type Rung =
  /** Climb again without a restart, because the next one must wait. */
  | "again"
  /** Deactivate and activate the packet data context. */
  | "context"
  /** Radio off and on. */
  | "radio"
  /** Restart the module by command. */
  | "restart"
  /** Restart the module by its control lines. */
  | "reset";

const rungs: readonly Rung[] = Object.freeze(["context", "radio", "restart", "reset"]);

/** From one restart to the next, by how many came before (TCP/IP note: 0, 10 min, 30 min, 1 h after three). */
const restartWaitsMs: readonly number[] = Object.freeze([0, 0, 0, 600_000, 1_800_000]);
const LONGEST_MS = 3_600_000;

export interface RecoveryStep {
  readonly rung: Rung;
  readonly waitMs: number;
}

/** Chooses what to try next: one rung higher after each failure, and no restarts in a tight loop. */
export class RecoveryLadder {
  private readonly clock: Clock;
  private height = 0;
  private restarts = 0;
  private restartedAt = 0;
  private reached = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** The step against this failure. */
  next(kind: FailureKind): RecoveryStep {
    const least = kind === "no-answer" ? 3 : kind === "sim" ? 2 : kind === "registration" ? 1 : 0;
    const height = Math.min(3, Math.max(this.height, least));
    // The third and fourth rung restart the module.
    if (height > 1) {
      const waitMs = this.restartWait();
      // While a restart must wait, what failed is tried again.
      if (waitMs > 0) return { rung: "again", waitMs: Math.min(waitMs, 60_000) };
      this.restarted();
    }
    this.height = height + 1;
    return { rung: rungs[height] ?? "reset", waitMs: 0 };
  }

  /** Milliseconds until the module may be restarted. */
  restartWait(): number {
    const gone = this.clock.delta(this.restartedAt);
    // An hour after the last one that helped, earlier trouble is forgotten.
    if (this.reached && gone > LONGEST_MS) this.restarts = 0;
    return (restartWaitsMs[this.restarts] ?? LONGEST_MS) - gone;
  }

  /** The module is restarted, or turned on after it went off by itself. */
  restarted(): void {
    this.restarts++;
    this.restartedAt = this.clock.ticks;
    this.reached = false;
  }

  /** The network was reached. */
  succeeded(): void {
    this.height = 0;
    this.reached = true;
  }
}
