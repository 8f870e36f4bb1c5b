import { failure, type Failure } from "../diagnosis/failure.js";
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
  readonly transfer: Transfer | undefined;
  information(line: Line): void;
  settle(reason: Failure | undefined): void;
  /** Nobody waits for the result any more. */
  forget(): void;
}

/** The command's name without parameters: `AT+QIRD`. */
export function commandName(command: { readonly text: string }): string {
  const text = command.text;
  const end = text.search(/[=?]/);
  return end < 0 ? text : text.slice(0, end);
}

export class TypedRequest<R, P extends readonly Parameter[]> implements Request {
  readonly command: Command<R, P>;
  readonly parameters: P;
  readonly transfer: Transfer | undefined;
  #done: Done<R> | undefined;
  #result: R | undefined;

  constructor(
    command: Command<R, P>,
    parameters: P,
    done: Done<R> | undefined,
    transfer: Transfer | undefined,
  ) {
    this.command = command;
    this.parameters = parameters;
    this.transfer = transfer;
    this.#done = done;
  }

  information(line: Line): void {
    if (this.command.read !== undefined) this.#result = this.command.read(line, this.#result);
  }

  settle(reason: Failure | undefined): void {
    const done = this.#done;
    this.#done = undefined;
    if (done === undefined) return;
    const result = this.#result ?? this.command.empty;
    if (reason === undefined && result === undefined && this.command.read !== undefined)
      reason = failure("malformed", commandName(this.command), undefined, "no information line");
    done(reason, reason === undefined ? result : undefined);
  }

  forget(): void {
    this.#done = undefined;
  }
}
