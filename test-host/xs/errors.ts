/** Why an engine could not be made or used. An engine that ends by itself tells so in {@link EngineTurn}'s `abort`. */
export type EngineErrorKind =
  /** No C compiler was found; the message tells what to install. */
  | "no compiler"
  /** The XS sources are not where they should be. */
  | "no sources"
  /** The compiler failed; the message carries its output. */
  | "build failed"
  /** A module is imported but not there. */
  | "missing module"
  /** A module does not compile, or throws while it is loaded. */
  | "load failed"
  /** The engine was stopped, or ended before. */
  | "stopped"
  /** The simulation broke the contract of `EngineEvent`, or the engine its protocol. */
  | "protocol";

export class EngineError extends Error {
  readonly kind: EngineErrorKind;

  constructor(kind: EngineErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
