import type { Clock } from "../io/timer.js";
import type { Command, Parameter } from "./command.js";
import type { Finding } from "./digest.js";
import { latin1 } from "./line.js";

/** One line of a trace. `direction`: `>` to the module, `<` from it. */
export type TraceWriter = (ticks: number, direction: ">" | "<", text: string) => void;

/**
 * Sees every line both ways. Payloads and raw data appear as their size only, parameters of a
 * command that is declared `secret` not at all.
 */
export class Trace {
  readonly #clock: Clock;
  readonly #write: TraceWriter;

  constructor(clock: Clock, write: TraceWriter) {
    this.#clock = clock;
    this.#write = write;
  }

  sent(command: Command<unknown, readonly Parameter[]>, bytes: Uint8Array, length: number): void {
    const text = command.secret ? command.text + "(not shown)" : latin1(bytes, 0, length);
    this.#write(this.#clock.ticks, ">", text);
  }

  payload(byteLength: number): void {
    this.#write(this.#clock.ticks, ">", "[" + String(byteLength) + " bytes]");
  }

  received(bytes: Uint8Array, finding: Finding): void {
    const { kind, start, end } = finding;
    // An echo may repeat a secret, and the command itself has been shown.
    if (kind === "echo") return;
    const text = kind === "raw" ? "[" + String(end - start) + " bytes]" : latin1(bytes, start, end);
    this.#write(this.#clock.ticks, "<", text);
  }
}
