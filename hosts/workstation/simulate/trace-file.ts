import { closeSync, openSync, writeSync } from "node:fs";
import { InputError } from "../../../certs/input-error.js";

/** What an operation on a file failed with: `ENOSPC`. */
function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown error";
}

/** The file of `--trace`. A drive that fills up ends the trace, not what is traced. */
export class TraceFile {
  readonly #path: string;
  readonly #onLost: (sentence: string) => void;
  #file: number | undefined;

  /** Throws an `InputError` when the file cannot be made. `onLost` is told once, when writing fails. */
  constructor(path: string, onLost: (sentence: string) => void) {
    this.#path = path;
    this.#onLost = onLost;
    try {
      this.#file = openSync(path, "w");
    } catch (error) {
      throw new InputError({
        what: `--trace ${path} cannot be written (${codeOf(error)})`,
        why: "Every line between firmware and module was to go there.",
        fix: "Name a file in a folder that exists and can be written.",
        file: path,
      });
    }
  }

  readonly print = (line: string): void => {
    if (this.#file === undefined) return;
    try {
      writeSync(this.#file, `${line}\n`);
    } catch (error) {
      this.close();
      this.#onLost(`note: the trace ${this.#path} ends here: it cannot be written (${codeOf(error)})`);
    }
  };

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}
