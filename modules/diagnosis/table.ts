import type { FailureKind } from "./failure.js";

/** What is known of a failure: its name, why it happens, what helps. */
export interface Diagnosis {
  /** A few words, as they stand in the middle of a sentence. */
  readonly name: string;
  /** One or more sentences. */
  readonly cause: string;
  /** One or more sentences that somebody can act on. */
  readonly remedy: string;
}

export type CodeTable = Readonly<Record<number, Diagnosis>>;

/** Which failures a table or one diagnosis is for. Conditions that are left out hold always. */
export interface DiagnosisRule {
  readonly kinds?: readonly FailureKind[];
  readonly commands?: readonly string[];
  /** A part of `detail`. */
  readonly detail?: string;
  /** By `code`. */
  readonly codes?: CodeTable;
  /** For every code, and for none. */
  readonly always?: Diagnosis;
}

export function diagnosis(name: string, cause: string, remedy: string): Diagnosis {
  return Object.freeze({ name, cause, remedy });
}
