import { FactoryError } from "../../certs/factory-error.js";
import { EXIT_OF } from "./guarded.js";
import { printSentences } from "./simulate/print.js";

/** What a stream cannot take any more, in the words of people. */
const WHY: Readonly<Record<string, string>> = {
  EPIPE: "Whoever read it has ended: what was to be said reaches nobody.",
  ENOSPC: "The disk that it goes to is full.",
  EDQUOT: "The disk quota of what it goes to is used up.",
  EIO: "The terminal or disk that it goes to is gone.",
};

interface Named {
  readonly name: "stdout" | "stderr";
  readonly stream: NodeJS.EventEmitter;
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown error";
}

function faultOf(name: string, code: string): FactoryError {
  return new FactoryError({
    code: code === "ENOSPC" || code === "EDQUOT" ? "disk-full" : "output",
    side: "environment",
    what: `${name} cannot be written (${code})`,
    why: WHY[code] ?? "The system refuses it.",
    fix: "Make room, or send the output elsewhere, and run again: what is finished stays so.",
  });
}

/**
 * Errors of stdout and stderr, heard once however many writes fail. While a command holds them it goes on to where it can
 * stop; otherwise they end the process.
 */
export class OutputFaults {
  readonly #end: (fault: FactoryError, isReaderGone: boolean) => void;
  readonly #listeners = new Set<(fault: FactoryError) => void>();
  #fault: FactoryError | undefined;
  #isReaderGone = false;
  #holds = 0;
  #isTold = false;

  /** `end`: ends the process, when no command is under way that has to stop first. */
  constructor(end: (fault: FactoryError, isReaderGone: boolean) => void) {
    this.#end = end;
  }

  watch(streams: readonly Named[]): void {
    for (const { name, stream } of streams)
      stream.on("error", (error: unknown) => {
        this.#hear(name, codeOf(error));
      });
  }

  /** The first one that came. */
  get fault(): FactoryError | undefined {
    return this.#fault;
  }

  /** It was EPIPE: somebody has read as much as was wanted (`| head`). */
  get isReaderGone(): boolean {
    return this.#isReaderGone;
  }

  get isTold(): boolean {
    return this.#isTold;
  }

  /** People were told of it. */
  told(): void {
    this.#isTold = true;
  }

  /** From now on a fault ends nothing by itself; the function that is returned ends that. */
  hold(): () => void {
    this.#holds++;
    return () => {
      this.#holds--;
    };
  }

  /** Calls at the fault, or at once when it is there already; the function that is returned ends that. */
  listen(tell: (fault: FactoryError) => void): () => void {
    if (this.#fault !== undefined) {
      tell(this.#fault);
      return () => undefined;
    }
    this.#listeners.add(tell);
    return () => this.#listeners.delete(tell);
  }

  #hear(name: string, code: string): void {
    if (this.#fault !== undefined) return;
    this.#fault = faultOf(name, code);
    this.#isReaderGone = code === "EPIPE";
    for (const tell of this.#listeners) tell(this.#fault);
    if (this.#holds === 0) this.#end(this.#fault, this.#isReaderGone);
  }
}

/** Those of this process. Whoever reads may stop before the end (`| head`): nobody is left to tell that to. */
export const outputFaults = new OutputFaults((fault, isReaderGone) => {
  if (isReaderGone) process.exit(EXIT_OF.unit);
  process.stderr.write(printSentences(fault));
  process.exit(EXIT_OF[fault.side]);
});
