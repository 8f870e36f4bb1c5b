import type { Arguments, CommandForm } from "./at-line.js";

/** Takes raw bytes after a prompt or CONNECT. Returns how many it took; fewer means that it has ended. */
export interface DataSink {
  take(bytes: Uint8Array): number;
  /** The module loses power or the port leaves the data phase by force. */
  abort(): void;
}

/** What a command handler can do. Exactly one of the ends (`ok` to `final`) is called, now or later. */
export interface Call {
  readonly name: string;
  readonly form: CommandForm;
  readonly args: Arguments;
  /** An information line, or several. */
  info(...lines: string[]): void;
  /** An information line followed by raw bytes, on a line of their own or behind a comma. */
  data(header: string, bytes: Uint8Array, sameLine?: boolean): void;
  /** Bytes as they are, without line ends. */
  raw(bytes: Uint8Array): void;
  /** Intermediate result `CONNECT`, or the like. */
  connect(text?: string): void;
  /** `> ` */
  prompt(): void;
  /** From now on raw bytes of the host go to the sink. The call stays open until an end is called. */
  collect(sink: DataSink): void;
  ok(): void;
  error(): void;
  /** `+CME ERROR: <code>` by the +CMEE setting. */
  cme(code: number): void;
  /** A final result other than OK and ERROR; `good` lets the next command of the line run. */
  final(text: string, good: boolean): void;
  /** Runs later, unless the module was reset meanwhile. */
  later(ms: number, action: () => void): void;
}

export type Handler<M> = (call: Call, module: M) => void;

/** One command. A form without entry answers ERROR. */
export interface CommandEntry<M> {
  /** Information lines of the test form, or nothing but OK with an empty list. */
  readonly test?: readonly string[] | Handler<M>;
  readonly read?: Handler<M>;
  readonly write?: Handler<M>;
  readonly execute?: Handler<M>;
}

/** A chapter of a manual: commands by name. */
export type CommandTable<M> = Readonly<Record<string, CommandEntry<M>>>;

/** Puts chapters together; a name that occurs twice is a mistake. */
export function joinTables<M>(...tables: readonly CommandTable<M>[]): Map<string, CommandEntry<M>> {
  const commands = new Map<string, CommandEntry<M>>();
  for (const table of tables) {
    for (const [name, entry] of Object.entries(table)) {
      if (commands.has(name)) throw new Error(`${name} is in two tables`);
      commands.set(name, entry);
    }
  }
  return commands;
}
