import { failure, type Failure, type FailureKind } from "../diagnosis/failure.js";
import type { Command, Parameter, Sink, Source } from "./command.js";
import type { Line } from "./line.js";

/** How a command ended: with a failure, or with what its declaration reads. Never called before `run` has returned. */
export type Done<R> = (failure: Failure | undefined, result: R | undefined) => void;

/** Payload behind the prompt, and the place for raw bytes of the answer. */
export interface Transfer {
  readonly source?: Source;
  readonly sink?: Sink;
}

/** A command on its way, as the channel sees it; the result's type stays inside. */
export interface Request {
  readonly command: Command<unknown, readonly Parameter[]>;
  readonly parameters: readonly Parameter[];
  readonly source: Source | undefined;
  information(line: Line): void;
  /** Raw bytes of the answer. */
  write(bytes: Uint8Array, start: number, end: number): void;
  settle(reason: Failure | undefined): void;
  /** Nobody waits for the result any more. */
  forget(): void;
}

/** A failure of the command, by its name without parameters: `AT+QIRD`. */
export function failureOf(
  command: { readonly text: string },
  kind: FailureKind,
  code?: number,
  detail?: string,
): Failure {
  return failure(kind, command.text.replace(/[=?].*/, ""), code, detail);
}

export class TypedRequest<R, P extends readonly Parameter[]> implements Request {
  readonly command: Command<R, P>;
  readonly parameters: P;
  readonly source: Source | undefined;
  private done: Done<R> | undefined;
  private result: R | undefined;
  private sink: Sink | undefined;
  private problem: string | undefined;

  constructor(
    command: Command<R, P>,
    parameters: P,
    done: Done<R> | undefined,
    transfer: Transfer | undefined,
  ) {
    this.command = command;
    this.parameters = parameters;
    this.source = transfer?.source;
    this.sink = transfer?.sink;
    this.done = done;
  }

  information(line: Line): void {
    if (this.command.read !== undefined) this.result = this.command.read(line, this.result);
  }

  write(bytes: Uint8Array, start: number, end: number): void {
    if (this.sink === undefined || this.problem !== undefined) return;
    // Taken back below: a sink that throws has a gap, gets nothing more, and the command fails.
    this.problem = "raw data were not taken";
    this.sink.write(bytes, start, end);
    this.problem = undefined;
  }

  settle(reason: Failure | undefined): void {
    const done = this.done;
    if (done === undefined) return;
    const result = this.result ?? this.command.empty;
    let problem = this.problem;
    if (result === undefined && this.command.read !== undefined) problem ??= "no information line";
    if (reason === undefined && problem !== undefined)
      reason = failureOf(this.command, "malformed", undefined, problem);
    done(reason, reason === undefined ? result : undefined);
  }

  forget(): void {
    this.done = undefined;
    this.sink = undefined;
  }
}
