import type { LineName, WiredBoard } from "../wiring.js";

/** How far a board is known. */
export type Evidence =
  /** A wiring that this project proposes, from the manuals. */
  | "proposed"
  /** Taken from what its maker or a user published. */
  | "published";

/** A board as data. */
export interface Board extends WiredBoard {
  /** `config.board`. */
  readonly name: string;
  /** What it is called by its maker, for people. */
  readonly title: string;
  readonly evidence: Evidence;
  /** How the module's 1.8 V meet the chip's 3.3 V. */
  readonly levels: string;
  /** What its user has to know; each warning of `checkWiring` is answered here. */
  readonly notes: readonly string[];
  /** Where each part of the wiring is documented. */
  readonly sources: Readonly<Partial<Record<LineName, string>>> & { readonly uart: string };
}
