import { Arguments, type ParsedCommand } from "./at-line.js";
import type { Call, DataSink } from "./call.js";

/** What a call needs of its port. */
export interface CallPort {
  /** Changes with every reset of the port. */
  readonly generation: number;
  later(ms: number, action: () => void): void;
  emitInfo(lines: readonly string[], isFirst: boolean): void;
  emitLineStart(text: string, isFirst: boolean): void;
  emitRaw(bytes: Uint8Array): void;
  emitLineEnd(): void;
  emitPrompt(): void;
  emitIntermediate(text: string): void;
  errorResult(code: number): string;
  collect(sink: DataSink): void;
  endCall(result: string, good: boolean, gapMs: number, next: (() => void) | undefined): void;
}

/** One command in progress on a port; of an earlier life of the module it has no voice any more. */
export class PortCall implements Call {
  readonly name: string;
  readonly form: Call["form"];
  readonly args: Arguments;
  readonly #port: CallPort;
  readonly #gapMs: number;
  readonly #next: (() => void) | undefined;
  readonly #generation: number;
  #informed = false;
  #ended = false;

  constructor(
    port: CallPort,
    command: ParsedCommand | undefined,
    gapMs: number,
    next: (() => void) | undefined,
    typed = "",
  ) {
    this.#port = port;
    this.name = command?.name ?? "";
    this.form = command?.form ?? "execute";
    this.args = new Arguments(command?.args ?? [], typed);
    this.#gapMs = gapMs;
    this.#next = next;
    this.#generation = port.generation;
  }

  get #stale(): boolean {
    return this.#generation !== this.#port.generation;
  }

  info(...lines: string[]): void {
    if (lines.length === 0 || this.#stale) return;
    this.#port.emitInfo(lines, !this.#informed);
    this.#informed = true;
  }

  data(header: string, bytes: Uint8Array, sameLine = false): void {
    if (this.#stale) return;
    if (sameLine) this.#port.emitLineStart(`${header},`, !this.#informed);
    else this.info(header);
    this.#informed = true;
    this.#port.emitRaw(bytes);
    this.#port.emitLineEnd();
  }

  raw(bytes: Uint8Array): void {
    if (!this.#stale) this.#port.emitRaw(bytes);
  }

  connect(text = "CONNECT"): void {
    if (!this.#stale) this.#port.emitIntermediate(text);
  }

  prompt(): void {
    if (!this.#stale) this.#port.emitPrompt();
  }

  collect(sink: DataSink): void {
    if (!this.#stale) this.#port.collect(sink);
  }

  ok(): void {
    this.final("OK", true);
  }

  error(): void {
    this.final("ERROR", false);
  }

  cme(code: number): void {
    this.final(this.#port.errorResult(code), false);
  }

  final(text: string, good: boolean): void {
    if (this.#ended) throw new Error(`${this.name} has answered twice`);
    this.#ended = true;
    if (!this.#stale) this.#port.endCall(text, good, this.#gapMs, this.#next);
  }

  later(ms: number, action: () => void): void {
    this.#port.later(ms, action);
  }
}
