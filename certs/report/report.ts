import type { Outcome } from "../factory/line.js";
import type { UnitState } from "../ledger/ledger.js";

/** How an attempt ended, or what is known of a unit that no attempt of the report was for. */
export type ReportOutcome = Exclude<Outcome, "none-left"> | "open" | "untouched";

/** One try of a station at one unit. */
export interface ReportAttempt {
  readonly port: string;
  /** Absent when what was there could not be told. */
  readonly serial?: string | undefined;
  /** `open`: it has not ended. */
  readonly outcome: Exclude<ReportOutcome, "untouched">;
  /** Milliseconds since 1970. */
  readonly begun: number;
  readonly durationMs: number;
  /** Code of the failure. */
  readonly code?: string | undefined;
}

/** One line of the table of units: the last attempt of it. */
export interface ReportUnit {
  readonly serial: string;
  readonly label?: string | undefined;
  readonly state?: UnitState | undefined;
  readonly outcome: ReportOutcome;
  readonly port?: string | undefined;
  readonly attempts: number;
  readonly durationMs?: number | undefined;
  /** Milliseconds to each state from the one before, in the last attempt, in their order. */
  readonly times: readonly (readonly [UnitState, number])[];
  /** SHA-256. */
  readonly certificate?: string | undefined;
  readonly proofs: readonly string[];
  readonly failure?: { readonly code: string; readonly what: string } | undefined;
}

/** Failures of one code that were told in the same words. */
export interface ToldFailure {
  /** Attempts. */
  readonly count: number;
  readonly what: string;
  readonly why?: string | undefined;
  readonly fix?: string | undefined;
  /** The first ten. */
  readonly serials: readonly string[];
}

export interface ReportFailure {
  readonly code: string;
  /** Attempts. */
  readonly count: number;
  /** Units that the last attempt left so. */
  readonly standing: number;
  /** The most frequent first; behind the first five no others are kept apart. */
  readonly told: readonly ToldFailure[];
}

/** Everything that the page tells. Plain data, sorted by nobody. */
export interface Report {
  readonly title: string;
  readonly made: Date;
  readonly from: Date;
  readonly to: Date;
  readonly units: readonly ReportUnit[];
  readonly attempts: readonly ReportAttempt[];
  readonly failures: readonly ReportFailure[];
  /** Milliseconds that units took to each state from the one before, of all attempts. */
  readonly stateTimes: ReadonlyMap<UnitState, readonly number[]>;
  /** What people should know and nothing stopped for: by code. */
  readonly notices: readonly { readonly code: string; readonly count: number; readonly text: string }[];
  /** Events of the ledger that the report is made from, and the hash of the last; absent for a report of a run alone. */
  readonly ledger?: { readonly events: number; readonly head: string } | undefined;
}
