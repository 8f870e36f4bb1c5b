import type { FactoryError } from "../../../certs/factory-error.js";
import { EXIT_OF } from "../guarded.js";
import { outputFaults } from "../output-faults.js";
import { sentences } from "./output.js";

/** Exit codes as shells have them: 128 and the signal's number. */
const EXIT_OF_SIGNAL = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
type StopSignal = keyof typeof EXIT_OF_SIGNAL;

/**
 * A first signal asks for an end: what is under way comes to its next safe point. A second one ends the process at once;
 * that is a power cut, which the ledger and the unit stand. Output that cannot be written any more asks for an end, too.
 */
export class Stop {
  readonly #controller = new AbortController();
  readonly #tell: (text: string) => void;
  readonly #deafen: () => void;
  #fault: FactoryError | undefined;
  #name: StopSignal | undefined;

  /** `tell` gets a sentence for people when the first signal comes. */
  constructor(tell: (text: string) => void) {
    this.#tell = tell;
    for (const name of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.on(name, this.#listen);
    this.#deafen = outputFaults.listen(fault => {
      this.#fault = fault;
      process.stderr.write(sentences(fault));
      outputFaults.told();
      this.#controller.abort();
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Of the signal that came. */
  get name(): string | undefined {
    return this.#name;
  }

  /** The output that could not be written. */
  get fault(): FactoryError | undefined {
    return this.#fault;
  }

  /** What the process ends with when a signal came, or nobody can be told how it goes. */
  get exitCode(): number | undefined {
    if (this.#name !== undefined) return EXIT_OF_SIGNAL[this.#name];
    return this.#fault && EXIT_OF[this.#fault.side];
  }

  close(): void {
    this.#deafen();
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
