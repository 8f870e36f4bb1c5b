import type { Scheduler, Task } from "../scheduler.js";
import { ArgumentError, parseCommand, splitLine, type ParsedCommand } from "./at-line.js";
import type { CommandEntry, DataSink } from "./call.js";
import { PortCall, type CallPort } from "./port-call.js";

/** What `ATE`, `ATV` and their kin set; the defaults are the factory's. */
export interface PortProfile {
  echo: boolean;
  verbose: boolean;
  quiet: boolean;
  /** +CMEE */
  errors: 0 | 1 | 2;
  carriageReturn: number;
  lineFeed: number;
  backspace: number;
}

/** What bytes of the port are: text of the module, the echo of what was typed, or payload. */
export type OutputKind = "text" | "echo" | "data";

/** Choices about what no source tells. */
export interface PortSettings {
  /** Command complete until it is carried out. */
  readonly commandMs: number;
  /** Lines of a longer answer: one CRLF between them, or a pair each. */
  readonly multiline: "compact" | "pairs";
  /** Bytes that come while a command is being carried out. */
  readonly inputWhileBusy: "queued" | "lost";
  /** URCs while the port carries data. */
  readonly urcWhileData: "queued" | "lost";
  readonly longestLine: number;
  /** Behind the line end that comes before it. */
  readonly promptText: string;
  /** Bytes that come so soon behind a prompt are lost, ms. */
  readonly promptPauseMs: number;
  /** `AT+ NAME` is taken for `AT+NAME`. */
  readonly blankBehindPlus: boolean;
}

/** What the port asks of the module around it. */
export interface PortHost<M> {
  readonly scheduler: Scheduler;
  readonly module: M;
  readonly commands: ReadonlyMap<string, CommandEntry<M>>;
  readonly profile: PortProfile;
  readonly settings: PortSettings;
  /** Verbose text of a +CME ERROR. */
  errorText(code: number): string;
  transmit(bytes: Uint8Array, kind: OutputKind): void;
  /** URCs wait until the command in progress has ended (`AT+QCFG="urc/delay"`). */
  readonly holdsUrcs: boolean;
  /** Told of every command before it runs; may delay, refuse or swallow it. */
  admit(command: ParsedCommand): Admission;
}

export interface Admission {
  readonly verdict: "run" | "error" | "lost";
  readonly delayMs: number;
  /** Information lines until the final result. */
  readonly gapMs: number;
}

const numericResults: ReadonlyMap<string, string> = new Map([
  ["OK", "0"],
  ["CONNECT", "1"],
  ["RING", "2"],
  ["NO CARRIER", "3"],
  ["ERROR", "4"],
  ["NO DIALTONE", "6"],
  ["BUSY", "7"],
  ["NO ANSWER", "8"],
]);

const carriageReturn = 0x0d;

interface HeldUrc {
  readonly line: Uint8Array;
  readonly payload: Uint8Array | undefined;
}

/**
 * One AT port: line editing, echo, several commands in a line, results in words or digits, prompts
 * and raw data, and URCs between any two lines.
 */
export class AtPort<M> implements CallPort {
  /** Commands run, by name. */
  readonly counts = new Map<string, number>();
  /** Lines that came while a command was still being carried out: a mistake of the client. */
  overlaps = 0;
  readonly #host: PortHost<M>;
  #line: number[] = [];
  #previousLine = "";
  #afterReturn = false;
  #busy = false;
  #sink: DataSink | undefined;
  #backlog: number[] = [];
  #heldUrcs: HeldUrc[] = [];
  #tasks = new Set<Task>();
  #generation = 0;
  #deafUntilMs = -Infinity;

  constructor(host: PortHost<M>) {
    this.#host = host;
  }

  /** Changes with every reset; a call of an earlier life has no voice any more. */
  get generation(): number {
    return this.#generation;
  }

  get isBusy(): boolean {
    return this.#busy;
  }

  get carriesData(): boolean {
    return this.#sink !== undefined;
  }

  /** Forgets everything in progress; called when the module goes down. */
  reset(): void {
    this.#generation++;
    for (const task of this.#tasks) task.cancel();
    this.#tasks.clear();
    this.#line = [];
    this.#backlog = [];
    this.#heldUrcs = [];
    this.#busy = false;
    this.#afterReturn = false;
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.abort();
  }

  receive(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#sink) {
        if (this.#host.scheduler.nowMs < this.#deafUntilMs) return;
        const sink = this.#sink;
        const taken = sink.take(rest);
        rest = rest.subarray(taken);
        if (taken === 0 && this.#sink === sink) return;
        continue;
      }
      if (this.#busy) {
        if (rest.includes(carriageReturn)) this.overlaps++;
        if (this.#host.settings.inputWhileBusy === "queued") this.#backlog.push(...rest);
        return;
      }
      this.#type(rest[0] ?? 0);
      rest = rest.subarray(1);
    }
  }

  /** An unsolicited line, framed by line ends; `payload` follows it as it is. */
  urc(text: string, payload?: Uint8Array): void {
    const urc = { line: this.#framed(text), payload };
    if (this.#sink) {
      if (this.#host.settings.urcWhileData === "queued") this.#heldUrcs.push(urc);
    } else if (this.#busy && this.#host.holdsUrcs) {
      this.#heldUrcs.push(urc);
    } else {
      this.#emitUrc(urc);
    }
  }

  #emitUrc({ line, payload }: HeldUrc): void {
    this.#host.transmit(line, "text");
    if (payload) this.#host.transmit(payload, "data");
  }

  /** Payload of a connection in transparent mode: no frame, only while the port carries data. */
  raw(bytes: Uint8Array): void {
    this.#host.transmit(bytes, "data");
  }

  /** Leaves the data phase without a call that would end it (transparent mode is outside any call). */
  release(sink: DataSink, result: string | undefined): void {
    if (this.#sink !== sink) return;
    this.#sink = undefined;
    if (result !== undefined) this.#result(result);
    this.#flushUrcs();
  }

  /** Enters transparent mode: CONNECT has been answered, bytes go to the sink until released. */
  occupy(sink: DataSink): void {
    this.#sink = sink;
  }

  #type(byte: number): void {
    const { profile } = this.#host;
    if (byte === 0x0a && this.#afterReturn) {
      this.#afterReturn = false;
      return;
    }
    this.#afterReturn = byte === profile.carriageReturn;
    if (profile.echo) this.#host.transmit(Uint8Array.of(byte), "echo");
    if (byte === profile.carriageReturn) {
      const line = Buffer.from(this.#line).toString("latin1");
      this.#line = [];
      this.#enter(line);
    } else if (byte === profile.backspace) {
      this.#line.pop();
    } else {
      this.#line.push(byte);
      if (this.#line.length === 2 && /^a\/$/i.test(Buffer.from(this.#line).toString("latin1"))) {
        this.#line = [];
        this.#run(this.#previousLine);
      }
    }
  }

  #enter(line: string): void {
    // Noise before the prefix is skipped over; without a prefix the line is not for the module.
    const start = line.search(/at/i);
    if (start < 0) return;
    const text = line.slice(start + 2);
    this.#previousLine = text;
    this.#run(text);
  }

  #run(text: string): void {
    this.#busy = true;
    if (text.length + 2 > this.#host.settings.longestLine) {
      this.#later(this.#host.settings.commandMs, () => this.#finish("ERROR"));
      return;
    }
    this.#next(splitLine(text), 0);
  }

  #next(commands: readonly string[], index: number): void {
    const typed = commands[index] ?? "";
    const { blankBehindPlus } = this.#host.settings;
    const command = parseCommand(blankBehindPlus ? typed.replace(/^\s*\+\s+/, "+") : typed);
    const isLast = index === commands.length - 1;
    const entry = command && this.#host.commands.get(command.name);
    const generation = this.#generation;
    const admission = command ? this.#host.admit(command) : undefined;
    // A fault may have restarted the module: the command went down with it.
    if (generation !== this.#generation) return;
    this.#later(this.#host.settings.commandMs + (admission?.delayMs ?? 0), () => {
      if (admission?.verdict === "lost") {
        this.#idle();
        return;
      }
      const next = (): void => this.#next(commands, index + 1);
      const call = new PortCall(this, command, admission?.gapMs ?? 0, isLast ? undefined : next, typed);
      if (command) this.counts.set(command.name, (this.counts.get(command.name) ?? 0) + 1);
      if (!command || admission?.verdict === "error") call.error();
      else if (command.name === "") call.ok();
      else if (!entry) call.error();
      else this.#dispatch(call, entry);
    });
  }

  #dispatch(call: PortCall, entry: CommandEntry<M>): void {
    const { module } = this.#host;
    const handler = entry[call.form];
    if (handler === undefined) {
      call.error();
    } else if (typeof handler === "function") {
      try {
        handler(call, module);
      } catch (error) {
        if (!(error instanceof ArgumentError)) throw error;
        call.error();
      }
    } else {
      call.info(...handler);
      call.ok();
    }
  }

  /** Used by calls. */
  later(ms: number, action: () => void): void {
    this.#later(ms, action);
  }

  emitInfo(lines: readonly string[], isFirst: boolean): void {
    const { profile, settings } = this.#host;
    lines.forEach((line, index) => {
      const leads = (isFirst && index === 0) || settings.multiline === "pairs";
      if (profile.verbose && leads) this.#host.transmit(this.#lineEnd(), "text");
      this.#host.transmit(concat(latin1(line), this.#lineEnd()), "text");
    });
  }

  /** The begin of an information line whose rest follows as raw bytes. */
  emitLineStart(text: string, isFirst: boolean): void {
    const leads = isFirst || this.#host.settings.multiline === "pairs";
    if (this.#host.profile.verbose && leads) this.#host.transmit(this.#lineEnd(), "text");
    this.#host.transmit(latin1(text), "text");
  }

  emitRaw(bytes: Uint8Array): void {
    this.#host.transmit(bytes, "data");
  }

  emitLineEnd(): void {
    this.#host.transmit(this.#lineEnd(), "text");
  }

  emitPrompt(): void {
    this.#deafUntilMs = this.#host.scheduler.nowMs + this.#host.settings.promptPauseMs;
    this.#host.transmit(concat(this.#lineEnd(), latin1(this.#host.settings.promptText)), "text");
  }

  emitIntermediate(text: string): void {
    this.#result(text);
  }

  errorResult(code: number): string {
    const { errors } = this.#host.profile;
    if (errors === 0) return "ERROR";
    return `+CME ERROR: ${errors === 1 ? String(code) : this.#host.errorText(code)}`;
  }

  collect(sink: DataSink): void {
    this.#sink = sink;
  }

  endCall(result: string, good: boolean, gapMs: number, next: (() => void) | undefined): void {
    this.#sink = undefined;
    if (good && next && result === "OK") next();
    else if (gapMs > 0) this.#later(gapMs, () => this.#finish(result));
    else this.#finish(result);
  }

  #finish(result: string): void {
    this.#result(result);
    this.#idle();
  }

  #idle(): void {
    this.#busy = false;
    this.#flushUrcs();
    const backlog = Uint8Array.from(this.#backlog);
    this.#backlog = [];
    if (backlog.length > 0) this.receive(backlog);
  }

  #flushUrcs(): void {
    if (this.#sink) return;
    for (const urc of this.#heldUrcs.splice(0)) this.#emitUrc(urc);
  }

  #result(text: string): void {
    const { profile } = this.#host;
    if (profile.quiet) return;
    if (profile.verbose) {
      this.#host.transmit(this.#framed(text), "text");
      return;
    }
    const digit = numericResults.get(text);
    if (digit === undefined) this.#host.transmit(concat(latin1(text), this.#lineEnd()), "text");
    else this.#host.transmit(concat(latin1(digit), Uint8Array.of(profile.carriageReturn)), "text");
  }

  #framed(text: string): Uint8Array {
    return concat(this.#lineEnd(), latin1(text), this.#lineEnd());
  }

  #lineEnd(): Uint8Array {
    return Uint8Array.of(this.#host.profile.carriageReturn, this.#host.profile.lineFeed);
  }

  #later(ms: number, action: () => void): void {
    const generation = this.#generation;
    const task = this.#host.scheduler.after(ms, () => {
      this.#tasks.delete(task);
      if (generation === this.#generation) action();
    });
    this.#tasks.add(task);
  }
}

function latin1(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
