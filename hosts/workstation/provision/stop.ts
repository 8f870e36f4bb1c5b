/** Exit codes as shells have them: 128 and the signal's number. */
const EXIT_OF_SIGNAL = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
type StopSignal = keyof typeof EXIT_OF_SIGNAL;

/**
 * A first signal asks for an end: what is under way comes to its next safe point. A second one ends the process at once;
 * that is a power cut, which the ledger and the unit stand.
 */
export class Stop {
  readonly #controller = new AbortController();
  readonly #tell: (text: string) => void;
  #name: StopSignal | undefined;

  /** `tell` gets a sentence for people when the first signal comes. */
  constructor(tell: (text: string) => void) {
    this.#tell = tell;
    for (const name of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.on(name, this.#listen);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Of the signal that came. */
  get name(): string | undefined {
    return this.#name;
  }

  /** What the process ends with when a signal came. */
  get exitCode(): number | undefined {
    return this.#name === undefined ? undefined : EXIT_OF_SIGNAL[this.#name];
  }

  close(): void {
    for (const name of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.off(name, this.#listen);
  }

  readonly #listen = (name: NodeJS.Signals): void => {
    if (name !== "SIGHUP" && name !== "SIGINT" && name !== "SIGTERM") return;
    if (this.#name !== undefined) process.exit(EXIT_OF_SIGNAL[name]);
    this.#name = name;
    this.#tell(`${name}: stopping at the next safe point; once more stops at once.`);
    this.#controller.abort();
  };
}
