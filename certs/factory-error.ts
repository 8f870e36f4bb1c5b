import { printable } from "./printable.js";

/** Who has to do something about it: it decides the exit code. */
export type FaultSide =
  /** The unit at hand: exit code 1. */
  | "unit"
  /** What somebody gave: exit code 2. */
  | "input"
  /** The station: a port that cannot be opened, a full disk, a ledger or a token out of reach: exit code 3. */
  | "environment";

export interface FaultSentences {
  /** Short words joined by `-`, for machines: `silent`, `ledger-full`. */
  readonly code: string;
  readonly side: FaultSide;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

/**
 * Something in the factory did not work. Three sentences for people and a code for machines and the
 * ledger; none ever holds key material, a passphrase or a PIN.
 */
export class FactoryError extends Error {
  override readonly name: string = "FactoryError";
  readonly code: string;
  readonly side: FaultSide;
  readonly what: string;
  readonly why: string;
  readonly fix: string;

  constructor(sentences: FaultSentences, options?: ErrorOptions) {
    // Words of devices, files and servers may stand in it, and it is read on terminals and in logs.
    const what = printable(sentences.what);
    super(what, options);
    this.code = sentences.code;
    this.side = sentences.side;
    this.what = what;
    this.why = printable(sentences.why);
    this.fix = printable(sentences.fix);
  }
}
