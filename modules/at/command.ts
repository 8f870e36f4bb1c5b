import type { Line } from "./line.js";

/** A parameter: numbers as decimal, texts in quotes (bare where the command says so), `undefined` left empty. */
export type Parameter = number | string | undefined;

/**
 * A command as frozen data. `R` is what its information lines amount to (`void` when it has none),
 * `P` its parameters; both are inferred where the command is run.
 */
export interface Command<R = void, P extends readonly Parameter[] = readonly []> {
  /** What is sent before the parameters, from `AT` on: `AT+CSQ`, `AT+QIRD=`. */
  readonly text: string;
  /** Longest time to the final result, in milliseconds, from the manual. */
  readonly timeoutMs: number;
  /**
   * What its information lines begin with, `+CSQ:`. Empty: any line without a plus sign in front that
   * is nothing else is one (`ATI`). Absent: it has none.
   */
  readonly prefix?: string;
  /** The success result where it is not `OK`; an `OK` that comes behind the prompt ends nothing then. */
  readonly final?: FinalResult;
  /** The module asks for the payload by this. */
  readonly prompt?: ">" | "CONNECT";
  /** Behind the prompt nothing may be sent for so long, milliseconds. */
  readonly pauseMs?: number;
  /** Ends a payload behind the prompt whose bytes the module does not count: Ctrl+Z. */
  readonly terminator?: 0x1a;
  /** The payload is the last parameter, as hexadecimal digits; there is no prompt then. */
  readonly hex?: true;
  /** The payload is the last parameter, in quotes; with `hex` as hexadecimal digits. There is no prompt then. */
  readonly quoted?: true;
  /** Text parameters are sent without quotes. */
  readonly bare?: true;
  /** Neither parameters nor information lines appear in a trace. */
  readonly secret?: true;
  /**
   * A late answer does no harm, and the next command may go out at once when none came: `AT` that is
   * repeated until the module listens. Its sender waits out late answers before anything else.
   */
  readonly harmless?: true;
  /** The result when no information line comes; without it that is a failure. */
  readonly empty?: R | undefined;
  /** This information line announces so many raw bytes right behind its line end. */
  raw?(line: Line): number;
  /**
   * Bytes of line ends (CR LF pairs) between the raw bytes and the result. They are checked: when a
   * byte was lost on the way, the first of them stands where it should have been, and only this tells.
   */
  readonly tail?: 2 | 4;
  /**
   * The raw bytes stand in quotes in the information line itself, as the field behind so many others
   * (`+QMTRECV: 0,1,"topic",5,"bytes"`: 4). `raw` gets what is in front of the quote; the closing
   * quote and the line end are checked.
   */
  readonly inline?: number;
  /** Folds an information line into the result. */
  read?(line: Line, sofar: R | undefined): R;
  /** Ties `P` to the command; never present. */
  readonly parameters?: P;
}

/** Declares a command that answers with its final result only. */
export function command<P extends readonly Parameter[] = readonly []>(c: Command<void, P>): Command<void, P> {
  return Object.freeze(c);
}

/** Declares a command whose information lines are read into an `R`. `empty` is the result when none comes; without it that is a failure. */
export function query<R, P extends readonly Parameter[] = readonly []>(
  c: Command<R, P> & { readonly prefix: string; read(line: Line, sofar: R | undefined): R },
): Command<R, P> {
  return Object.freeze(c);
}

/** A command without anything else to be said; by position, which takes half the byte code. */
export function plainCommand<P extends readonly Parameter[] = readonly []>(
  text: string,
  timeoutMs: number,
): Command<void, P> {
  return Object.freeze({ text, timeoutMs });
}

/** The same for one with information lines. */
export function plainQuery<R, P extends readonly Parameter[] = readonly []>(
  text: string,
  timeoutMs: number,
  prefix: string,
  read: (line: Line, sofar: R | undefined) => R,
  empty?: R,
): Command<R, P> {
  return Object.freeze({ text, timeoutMs, prefix, read, empty });
}

/**
 * An unsolicited result code. Where its prefix is also the prefix of an answer, `accept` tells the
 * two apart by their shape.
 */
export interface Urc<N extends string = string> {
  readonly name: N;
  /** What the line begins with, at least three characters: `+QIURC:`. */
  readonly prefix: string;
  /** The line is the prefix and nothing else (`RDY`). */
  readonly whole?: true | undefined;
  readonly accept?: ((line: Line) => boolean) | undefined;
  /** The report carries a payload. `accept` and `onReport` get what is in front of its opening quote. */
  readonly inline?: InlinePayload | undefined;
}

/**
 * A payload that stands in quotes in a report, as the field behind `fields` others. The module does not
 * escape what is in it: either the last field in front is its length in bytes (`counted`), and it may
 * hold anything, or it consists of hexadecimal digits and ends at the closing quote.
 */
export interface InlinePayload {
  readonly fields: number;
  readonly counted?: true;
}

export type FinalResult = "SEND OK" | "CLOSE OK" | "NO CARRIER";

/** Bytes to be sent behind a prompt. May be read again from any offset. */
export interface Source {
  readonly byteLength: number;
  read(view: Uint8Array, offset: number): number;
}

/** Where raw bytes of an answer go. Takes them all, or throws: the command then fails with `malformed`. */
export interface Sink {
  write(bytes: Uint8Array, start: number, end: number): void;
}
