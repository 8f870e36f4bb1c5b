import type { Clock } from "../io/timer.js";
import type { Command, Parameter } from "./command.js";
import type { Finding } from "./digest.js";
import { latin1 } from "./line.js";

/** One line of a trace. `direction`: `>` to the module, `<` from it. */
export type TraceWriter = (ticks: number, direction: ">" | "<", text: string) => void;

/**
 * Sees every line both ways. Payloads and raw data appear as their size only, and so does a line
 * that may repeat one: an echo, what nobody waits for while a command with payload, raw data or a
 * secret is the last that was sent, and the information lines of a `secret` command, whose
 * parameters are not shown either. A writer that throws disturbs nothing.
 */
export class Trace {
  private readonly clock: Clock;
  private readonly write: TraceWriter;

  constructor(clock: Clock, write: TraceWriter) {
    this.clock = clock;
    this.write = write;
  }

  sent(command: Command<unknown, readonly Parameter[]>, bytes: Uint8Array, length: number): void {
    this.put(">", command.secret ? command.text + "(not shown)" : latin1(bytes, 0, length));
  }

  payload(byteLength: number): void {
    this.put(">", "[" + String(byteLength) + " bytes]");
  }

  /** `last`: the command that was sent last, probes not counted. */
  received(
    bytes: Uint8Array,
    finding: Finding,
    last: Command<unknown, readonly Parameter[]> | undefined,
  ): void {
    const kind = finding.kind;
    const start = finding.start;
    const end = finding.end;
    const hidden =
      kind === "raw" ||
      kind === "echo" ||
      (kind === "stray" &&
        last !== undefined &&
        (last.secret || last.prompt !== undefined || last.raw !== undefined)) ||
      (kind === "information" && last?.secret);
    this.put("<", hidden ? "[" + String(end - start) + " bytes]" : latin1(bytes, start, end));
  }

  private put(direction: ">" | "<", text: string): void {
    try {
      this.write(this.clock.ticks, direction, text);
    } catch {
      // Showing must not change what is shown.
    }
  }
}
