/** How a command was written. `execute` has no suffix, `write` has `=` and arguments. */
export type CommandForm = "execute" | "read" | "test" | "write";

export interface ParsedCommand {
  /** Upper case: `+QIOPEN`, `E`, `&F`, `I`, or empty for a bare AT. */
  readonly name: string;
  readonly form: CommandForm;
  readonly args: readonly Argument[];
}

/** One argument; `text` without quotes. An omitted one has neither text nor quotes. */
export interface Argument {
  readonly text: string;
  readonly quoted: boolean;
}

/** An argument is outside what the command takes. */
export class ArgumentError extends Error {}

const basicNames = [
  "&F",
  "&W",
  "&V",
  "&C",
  "&D",
  "E",
  "V",
  "Q",
  "I",
  "Z",
  "O",
  "X",
  "S0",
  "S3",
  "S4",
  "S5",
  "S7",
  "S10",
];

/**
 * Splits the text behind `AT` into commands: at semicolons outside quotes, and behind basic commands,
 * which need none (`E0V1`, `E0+CMEE=1`).
 */
export function splitLine(text: string): string[] {
  return splitOutsideQuotes(text, ";").flatMap(splitBasic);
}

function splitBasic(text: string): string[] {
  const trimmed = text.trim();
  const basic = basicNames.find(name => trimmed.toUpperCase().startsWith(name));
  if (basic === undefined) return [text];
  const rest = trimmed.slice(basic.length).replace(/^\d*/, "");
  if (rest === "" || /^\s*[=?]/.test(rest)) return [text];
  return [trimmed.slice(0, trimmed.length - rest.length), ...splitBasic(rest)];
}

/** Parses one command. Returns undefined when it has no shape of a command. */
export function parseCommand(text: string): ParsedCommand | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return { name: "", form: "execute", args: [] };
  const extended = /^([+][A-Za-z0-9]+)\s*(=\?|\?|=)?/.exec(trimmed);
  if (extended) {
    const [whole, name = "", suffix] = extended;
    return withSuffix(name.toUpperCase(), suffix, trimmed.slice(whole.length));
  }
  const upper = trimmed.toUpperCase();
  const basic = basicNames.find(name => upper.startsWith(name));
  if (basic === undefined) return undefined;
  const rest = trimmed.slice(basic.length).trim();
  const suffix = /^(=\?|\?|=)/.exec(rest)?.[0];
  if (suffix !== undefined) return withSuffix(basic, suffix, rest.slice(suffix.length));
  if (!/^\d*$/.test(rest)) return undefined;
  return { name: basic, form: "execute", args: rest === "" ? [] : [{ text: rest, quoted: false }] };
}

function withSuffix(name: string, suffix: string | undefined, rest: string): ParsedCommand | undefined {
  if (suffix === "=") return { name, form: "write", args: parseArguments(rest) };
  if (rest.trim() !== "") return undefined;
  return { name, form: suffix === "=?" ? "test" : suffix === "?" ? "read" : "execute", args: [] };
}

/** What a written command has behind its `=` and the first `count` commas, as it was typed. */
export function textBehind(command: string, count: number): string {
  const [, ...parts] = splitOutsideQuotes(command.slice(command.indexOf("=")), ",");
  return parts.slice(count - 1).join(",");
}

function parseArguments(text: string): Argument[] {
  return splitOutsideQuotes(text, ",").map(part => {
    const trimmed = part.trim();
    const quoted = trimmed.length >= 2 && trimmed.startsWith('"') && trimmed.endsWith('"');
    return { text: quoted ? trimmed.slice(1, -1) : trimmed, quoted };
  });
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (character === '"') quoted = !quoted;
    else if (character === separator && !quoted) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/** Reads the arguments of a command with their ranges; throws `ArgumentError`. */
export class Arguments {
  readonly count: number;
  readonly #args: readonly Argument[];
  readonly #command: string;

  /** `command` as it was typed. */
  constructor(args: readonly Argument[], command = "") {
    this.#args = args;
    this.#command = command;
    this.count = args.length;
  }

  /** Everything from an argument on (1 at least), as it was typed: a payload may hold quotes and commas. */
  rest(index: number): string {
    return textBehind(this.#command, index);
  }

  /** More arguments than the command has are an error. */
  atMost(count: number): void {
    if (this.count > count) throw new ArgumentError(`at most ${String(count)} arguments`);
  }

  /** Whether the argument is given, quotes without content included. */
  has(index: number): boolean {
    const argument = this.#args[index];
    return argument !== undefined && (argument.quoted || argument.text !== "");
  }

  /** An unquoted whole number in range; `otherwise` stands in for an omitted one. */
  integer(index: number, least: number, most: number, otherwise?: number): number {
    if (!this.has(index) && otherwise !== undefined) return otherwise;
    const argument = this.#args[index];
    if (!argument || argument.quoted || !/^\d+$/.test(argument.text)) throw new ArgumentError("not a number");
    const value = Number(argument.text);
    if (value < least || value > most) throw new ArgumentError(`not in ${String(least)}-${String(most)}`);
    return value;
  }

  /** A quoted text. */
  string(index: number, otherwise?: string): string {
    if (!this.has(index) && otherwise !== undefined) return otherwise;
    const argument = this.#args[index];
    if (!argument?.quoted) throw new ArgumentError("not a quoted text");
    return argument.text;
  }

  /** Quoted or not. */
  text(index: number): string {
    const argument = this.#args[index];
    if (!argument || !this.has(index)) throw new ArgumentError("missing");
    return argument.text;
  }

  /** Not quoted. */
  bare(index: number): string {
    const argument = this.#args[index];
    if (!argument || argument.quoted || argument.text === "") throw new ArgumentError("missing or quoted");
    return argument.text;
  }
}
