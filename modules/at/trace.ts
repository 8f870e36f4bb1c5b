import type { Clock } from "../io/timer.js";
import type { Command, Parameter } from "./command.js";
import type { Finding } from "./digest.js";
import { latin1 } from "./line.js";

/** One line of a trace. `direction`: `>` to the module, `<` from it. */
export type TraceWriter = (ticks: number, direction: ">" | "<", text: string) => void;

/** What a trace does not show of the answer to a command. */
export type Concealed =
  | "nothing"
  /** Lines that nobody waits for: they may be the echo of a payload, or raw data whose count was lost. */
  | "strays"
  /** Information lines as well. */
  | "answer";

export function concealedOf(command: Command<unknown, readonly Parameter[]>): Concealed {
  if (command.secret) return "answer";
  return command.prompt !== undefined || command.raw !== undefined ? "strays" : "nothing";
}

/**
 * Sees every line both ways. Payloads, raw data and lines that may repeat a secret appear as their
 * size only, parameters of a command that is declared `secret` not at all. A writer that throws
 * disturbs nothing.
 */
export class Trace {
  readonly #clock: Clock;
  readonly #write: TraceWriter;

  constructor(clock: Clock, write: TraceWriter) {
    this.#clock = clock;
    this.#write = write;
  }

  sent(command: Command<unknown, readonly Parameter[]>, bytes: Uint8Array, length: number): void {
    this.#put(">", command.secret ? command.text + "(not shown)" : latin1(bytes, 0, length));
  }

  payload(byteLength: number): void {
    this.#put(">", size(byteLength));
  }

  received(bytes: Uint8Array, finding: Finding, concealed: Concealed): void {
    const { kind, start, end } = finding;
    // An echo may repeat a secret, and the command itself has been shown.
    if (kind === "echo") return;
    const hidden =
      kind === "raw" ||
      (kind === "stray" && concealed !== "nothing") ||
      (kind === "information" && concealed === "answer");
    this.#put("<", hidden ? size(end - start) : latin1(bytes, start, end));
  }

  #put(direction: ">" | "<", text: string): void {
    try {
      this.#write(this.#clock.ticks, direction, text);
    } catch {
      // Showing must not change what is shown.
    }
  }
}

function size(byteLength: number): string {
  return "[" + String(byteLength) + " bytes]";
}
