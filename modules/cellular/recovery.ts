import type { FailureKind } from "../diagnosis/failure.js";

/** The rungs, gentlest first. Each is proved by reaching the network again. */
export type Rung =
  /** Deactivate and activate the packet data context. */
  | "context"
  /** Radio off and on. */
  | "radio"
  /** Restart the module by command. */
  | "restart"
  /** Restart the module by its control lines. */
  | "reset";

const rungs: readonly Rung[] = Object.freeze(["context", "radio", "restart", "reset"]);

/** Waits before a restart, by how many restarts came before without success (TCP/IP note: 0, 10 min, 30 min, 1 h after three). */
const restartWaitsMs: readonly number[] = Object.freeze([0, 0, 0, 600_000, 1_800_000, 3_600_000]);

export interface RecoveryStep {
  readonly rung: Rung;
  readonly waitMs: number;
}

/** Chooses what to try next: one rung higher after each failure, and no restarts in a tight loop. */
export class RecoveryLadder {
  #height = 0;
  #restarts = 0;

  /** The step against this failure. */
  next(kind: FailureKind): RecoveryStep {
    const least =
      kind === "no-answer" ? 3 : kind === "sim" || kind === "timeout" ? 2 : kind === "registration" ? 1 : 0;
    const height = Math.min(rungs.length - 1, Math.max(this.#height, least));
    this.#height = height + 1;
    const rung = rungs[height] ?? "reset";
    if (height < 2) return { rung, waitMs: 0 };
    const waitMs = restartWaitsMs[Math.min(this.#restarts, restartWaitsMs.length - 1)] ?? 0;
    this.#restarts++;
    return { rung, waitMs };
  }

  /** The network was reached. */
  succeeded(): void {
    this.#height = 0;
    this.#restarts = 0;
  }
}
