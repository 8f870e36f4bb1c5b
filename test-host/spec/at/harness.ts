import assert from "node:assert/strict";
import { Channel } from "../../../modules/at/channel.js";
import { command, query, type Command, type Parameter, type Urc } from "../../../modules/at/command.js";
import type { Line } from "../../../modules/at/line.js";
import type { ChannelCounters, ChannelOptions } from "../../../modules/at/options.js";
import { Payloads } from "../../../modules/at/payloads.js";
import type { Request, Transfer } from "../../../modules/at/request.js";
import { Trace } from "../../../modules/at/trace.js";
import type { Failure } from "../../../modules/diagnosis/failure.js";
import type { SerialCallbacks, SerialPort } from "../../../modules/io/serial.js";
import type { Timer } from "../../../modules/io/timer.js";

export const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));
export const textOf = (bytes: Iterable<number>): string =>
  Buffer.from(Uint8Array.from(bytes)).toString("latin1");

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that moves when the test says so, and the timers on it. */
export class FakeTimer implements Timer<Entry> {
  now = 0;
  #order = 0;
  readonly #entries = new Set<Entry>();

  get pending(): number {
    return this.#entries.size;
  }

  set(callback: () => void, ms = 0): Entry {
    const entry = { at: this.now + ms, order: this.#order++, callback };
    this.#entries.add(entry);
    return entry;
  }

  clear(handle: Entry | undefined): void {
    if (handle !== undefined) this.#entries.delete(handle);
  }

  /** Runs everything that falls due within `ms`. */
  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      let first: Entry | undefined;
      for (const entry of this.#entries)
        if (
          entry.at <= end &&
          (first === undefined || entry.at < first.at || (entry.at === first.at && entry.order < first.order))
        )
          first = entry;
      if (first === undefined) break;
      this.#entries.delete(first);
      this.now = first.at;
      first.callback();
    }
    this.now = end;
  }

  /** Runs until no timer is left. */
  drain(): void {
    for (let turn = 0; this.#entries.size > 0; turn++) {
      assert.ok(turn < 100_000, "timers without end");
      this.advance(Math.max(0, Math.min(...[...this.#entries].map(entry => entry.at)) - this.now));
    }
  }
}

/** The serial port's far end: what the channel wrote, and what it is to read. */
export class FakeLine {
  readonly written: number[] = [];
  /** Told of every write. */
  onWritten: (() => void) | undefined;
  closed = false;
  room: number;
  readonly capacity: number;
  readonly io: new (options: SerialCallbacks) => SerialPort;
  readonly #timer: FakeTimer;
  #callbacks: SerialCallbacks = {};
  #port: SerialPort | undefined;
  readonly #fifo: number[] = [];
  #replenishing = false;
  #delivering = false;

  /** `capacity`: bytes that the transmit side takes before it has to be emptied, which takes 1 ms. */
  constructor(timer: FakeTimer, capacity = 4096) {
    this.#timer = timer;
    this.capacity = this.room = capacity;
    const far = this;
    this.io = class implements SerialPort {
      constructor(options: SerialCallbacks) {
        far.#callbacks = options;
        far.#port = this;
        far.#timer.set(() => options.onWritable?.call(this, far.room), 0);
      }

      read(view: Uint8Array): number | undefined {
        return far.#read(view);
      }

      write(bytes: ArrayBuffer | Uint8Array): void {
        far.#write(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes));
      }

      close(): void {
        far.closed = true;
      }
    };
  }

  get text(): string {
    return textOf(this.written);
  }

  /** The channel is to read this, in pieces of `piece` bytes. */
  receive(data: string | Uint8Array, piece = Infinity): void {
    const bytes = typeof data === "string" ? bytesOf(data) : data;
    for (let from = 0; from < bytes.length; from += piece) {
      this.#fifo.push(...bytes.subarray(from, Math.min(bytes.length, from + piece)));
      if (this.#delivering) {
        if (this.#port !== undefined) this.#callbacks.onReadable?.call(this.#port, this.#fifo.length);
        continue;
      }
      this.#delivering = true;
      // As the serial classes do it: again while bytes remain.
      while (this.#fifo.length > 0 && !this.closed) {
        const before = this.#fifo.length;
        if (this.#port !== undefined) this.#callbacks.onReadable?.call(this.#port, before);
        assert.ok(this.#fifo.length < before, "the channel read nothing");
      }
      this.#delivering = false;
    }
  }

  overrun(): void {
    if (this.#port !== undefined) this.#callbacks.onError?.call(this.#port);
  }

  writable(room: number): void {
    this.room = room;
    if (this.#port !== undefined) this.#callbacks.onWritable?.call(this.#port, room);
  }

  #read(view: Uint8Array): number | undefined {
    assert.ok(!this.closed, "read after close");
    const count = Math.min(view.length, this.#fifo.length);
    if (count === 0) return undefined;
    view.set(this.#fifo.splice(0, count));
    return count;
  }

  #write(bytes: Uint8Array): void {
    assert.ok(!this.closed, "write after close");
    if (bytes.length > this.room) throw new Error("output full");
    this.room -= bytes.length;
    this.written.push(...bytes);
    if (!this.#replenishing) {
      this.#replenishing = true;
      this.#timer.set(() => {
        this.#replenishing = false;
        if (!this.closed) this.writable(this.capacity);
      }, 1);
    }
    this.onWritten?.();
  }
}

export const urcs: readonly Urc[] = [
  { name: "socket", prefix: "+QIURC:" },
  {
    name: "registration",
    prefix: "+CEREG:",
    // The answer has `<n>` in front: its second field is a bare number.
    accept: line => !line.has(1) || line.quoted(1),
  },
  { name: "boot", prefix: "RDY", whole: true },
  { name: "ready", prefix: "APP RDY", whole: true },
];

/** A command's end as one value to compare. */
export interface Outcome {
  readonly failure: Failure | undefined;
  readonly result: unknown;
}

export interface RigOptions extends Partial<Omit<ChannelOptions, "serial" | "timer" | "trace">> {
  readonly capacity?: number;
  /** Keep a trace in `traced`. */
  readonly traced?: boolean;
  /** Payloads may stand in lines; without it where a report says so. */
  readonly inline?: boolean;
}

/** A channel on a fake line and a fake clock, and everything that it told. */
export class Rig {
  readonly timer = new FakeTimer();
  readonly line: FakeLine;
  readonly channel: Channel;
  readonly reports: string[] = [];
  /** Payloads of reports: `name:bytes`, with `!` behind it when it was damaged, while it is under way with `...`. */
  readonly payloads: string[] = [];
  readonly exceptions: unknown[] = [];
  readonly traced: string[] = [];
  silences = 0;
  restarts = 0;
  overruns = 0;

  constructor(options: RigOptions = {}) {
    this.line = new FakeLine(this.timer, options.capacity);
    const clock = { ticks: 0, delta: () => 0, set: () => undefined, now: () => 0 };
    const table = options.urcs ?? urcs;
    this.channel = new Channel({
      serial: { io: this.line.io },
      timer: this.timer,
      urcs: table,
      onReport: (urc, line) => {
        this.reports.push(urc.name + "(" + fieldsOf(line).join("|") + ")");
        options.onReport?.(urc, line);
      },
      onPayload: (urc, bytes, start, end, left) => {
        const last = this.payloads.at(-1);
        const sofar = last?.endsWith("...") ? (this.payloads.pop() ?? "").slice(0, -3) : urc.name + ":";
        const text = sofar + textOf(bytes.subarray(start, end));
        this.payloads.push(text + (left > 0 ? "..." : left < 0 ? "!" : ""));
        options.onPayload?.(urc, bytes, start, end, left);
      },
      onSilent: () => {
        this.silences++;
        options.onSilent?.();
      },
      onStuckPayload: () => options.onStuckPayload?.() ?? false,
      onRestart: () => {
        this.restarts++;
        options.onRestart?.();
      },
      onOverrun: () => {
        this.overruns++;
        options.onOverrun?.();
      },
      onException: error => {
        this.exceptions.push(error);
        options.onException?.(error);
      },
      ...(options.traced
        ? {
            trace: new Trace(clock, (_, direction, text) => {
              this.traced.push(direction + text);
            }),
          }
        : undefined),
    });
    if (options.inline || table.some(urc => urc.inline !== undefined)) this.channel.addReports([], Payloads);
    this.timer.advance(0);
  }

  get counters(): ChannelCounters {
    return this.channel.counters;
  }

  /** Runs a command; the array gets its one outcome. */
  run<R, P extends readonly Parameter[]>(
    what: Command<R, P>,
    parameters: P,
    transfer?: Transfer,
  ): Outcome[] & { request?: Request } {
    const outcomes: Outcome[] & { request?: Request } = [];
    let returned = false;
    outcomes.request = this.channel.run(
      what,
      parameters,
      (failure, result) => {
        assert.ok(returned, "done was called before run had returned");
        assert.equal(outcomes.length, 0, "done was called twice");
        outcomes.push({ failure, result });
      },
      transfer,
    );
    returned = true;
    return outcomes;
  }

  /** What was written since the last call. */
  taken(): string {
    return textOf(this.line.written.splice(0));
  }
}

/** Fields of a line whose last one is not empty. */
export function fieldsOf(line: Line): string[] {
  const fields: string[] = [];
  for (let index = 0; index < 20; index++)
    if (line.has(index)) {
      while (fields.length < index) fields.push("");
      fields.push(line.text(index));
    }
  return fields;
}

/** A source over bytes in memory. */
export function sourceOf(data: string | Uint8Array): {
  byteLength: number;
  read(view: Uint8Array, offset: number): number;
} {
  const bytes = typeof data === "string" ? bytesOf(data) : data;
  return {
    byteLength: bytes.length,
    read(view, offset) {
      const piece = bytes.subarray(offset, offset + view.length);
      view.set(piece);
      return piece.length;
    },
  };
}

export class Collector {
  readonly bytes: number[] = [];
  write(bytes: Uint8Array, start: number, end: number): void {
    this.bytes.push(...bytes.subarray(start, end));
  }
}

export const attention = command({ text: "AT", timeoutMs: 1_000 });
export const signal = query<string>({
  text: "AT+CSQ",
  timeoutMs: 300,
  prefix: "+CSQ:",
  read: line => fieldsOf(line).join(","),
});
export const registration = query<string>({
  text: "AT+CEREG?",
  timeoutMs: 300,
  prefix: "+CEREG:",
  read: line => fieldsOf(line).join(","),
});
export const identify = query<string>({
  text: "ATI",
  timeoutMs: 1_000,
  prefix: "",
  read: (line, sofar) => (sofar === undefined ? "" : sofar + "/") + line.whole(),
});
export const enterPin = command<readonly [pin: string]>({ text: "AT+CPIN=", timeoutMs: 5_000, secret: true });
export const send = command<readonly [id: number, byteLength: number]>({
  text: "AT+QISEND=",
  timeoutMs: 120_000,
  prompt: ">",
  final: "SEND OK",
});
export const receive = query<number, readonly [id: number, byteLength: number]>({
  text: "AT+QIRD=",
  timeoutMs: 120_000,
  prefix: "+QIRD:",
  raw: line => line.int(0),
  read: line => line.int(0),
});
export const upload = query<string, readonly [name: string, byteLength: number]>({
  text: "AT+QFUPL=",
  timeoutMs: 30_000,
  prefix: "+QFUPL:",
  prompt: "CONNECT",
  read: line => fieldsOf(line).join(","),
});

/** Lines as a module frames them. */
export const framed = (...lines: string[]): string => lines.map(line => "\r\n" + line + "\r\n").join("");
export const probeLine = "AT+CMEE?\r";
export const probeAnswer = framed("+CMEE: 1", "OK");
