import type {
  ControlLine,
  EngineAbort,
  EngineAction,
  EngineEnd,
  EngineEvent,
  EngineInputs,
  EngineTurn,
  UartPort,
} from "../simulator/engine.js";
import type { ResolvedOptions, Wiring } from "./options.js";
import type { PowerCut } from "./partitions.js";
import type { Services } from "./service-types.js";

/** Frames between Node and the XS host program; `host/main.c` describes them. All numbers little-endian. */

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const EMPTY = new Uint8Array(0);

/** Builds one frame. */
export class Writer {
  #bytes = Buffer.allocUnsafe(1024);
  #length = 5;

  constructor(letter: string) {
    this.#bytes[4] = letter.charCodeAt(0);
  }

  /** Makes room, which may replace the buffer; returns where to write. */
  #room(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }

  u8(value: number): this {
    const at = this.#room(1);
    this.#bytes.writeUInt8(value, at);
    return this;
  }

  u32(value: number): this {
    const at = this.#room(4);
    this.#bytes.writeUInt32LE(value, at);
    return this;
  }

  double(value: number): this {
    const at = this.#room(8);
    this.#bytes.writeDoubleLE(value, at);
    return this;
  }

  block(bytes: Uint8Array): this {
    this.u32(bytes.length);
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  text(text: string): this {
    return this.block(encoder.encode(text));
  }

  end(): Uint8Array {
    this.#bytes.writeUInt32LE(this.#length - 5, 0);
    return this.#bytes.subarray(0, this.#length);
  }
}

/** Reads the fields of one received frame in order. */
export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#at++);
  }

  u32(): number {
    const value = this.#bytes.readUInt32LE(this.#at);
    this.#at += 4;
    return value;
  }

  double(): number {
    const value = this.#bytes.readDoubleLE(this.#at);
    this.#at += 8;
    return value;
  }

  /** A copy, which may be kept. */
  block(): Uint8Array {
    const length = this.u32();
    const bytes = new Uint8Array(this.#bytes.subarray(this.#at, this.#at + length));
    this.#at += length;
    return bytes;
  }

  text(): string {
    return decoder.decode(this.block());
  }
}

function wiredBits({ powerKey, reset, status, wake }: Wiring): number {
  return (powerKey ? 1 : 0) | (reset ? 2 : 0) | (status ? 4 : 0) | (wake ? 8 : 0);
}

export function settingsFrame(options: ResolvedOptions): Uint8Array {
  return new Writer("C")
    .u32(options.slots)
    .u32(options.chunkBytes)
    .u32(options.heapBytes)
    .u32(options.stackSlots)
    .u32(options.computeLimit)
    .u32(options.headroom)
    .u8(options.console ? 1 : 0)
    .u32(options.console?.headroom ?? 0)
    .u8(wiredBits(options.wired))
    .u32(options.ticksOffsetMs >>> 0)
    .u32(options.seed >>> 0)
    .double(options.epochMs)
    .end();
}

export function partitionFrame(label: string, bytes: Uint8Array): Uint8Array {
  return new Writer("P").text(label).block(bytes).end();
}

export function powerCutFrame({ label = "", afterSteps, tear, seed = 1 }: PowerCut): Uint8Array {
  const scattered = tear === "scatter" ? 1 : 0;
  return new Writer("X")
    .text(label)
    .u32(afterSteps)
    .u8(scattered)
    .u32(seed >>> 0)
    .end();
}

export function resourceFrame(name: string, bytes: Uint8Array): Uint8Array {
  return new Writer("R").text(name).block(bytes).end();
}

/** What the host's services are, for the firmware. */
export function servicesFrame(services: Services): Uint8Array {
  return new Writer("V").text(JSON.stringify(services)).end();
}

/** `source` undefined: there is no such module. */
export function moduleFrame(name: string, source: string | undefined): Uint8Array {
  const frame = new Writer(source === undefined ? "N" : "M").text(name);
  return (source === undefined ? frame : frame.text(source)).end();
}

export function loadFrame(main: string, entry: string): Uint8Array {
  return new Writer("L").text(main).text(entry).end();
}

export function memoryFrame(): Uint8Array {
  return new Writer("Q").end();
}

export function dateFrame(): Uint8Array {
  return new Writer("D").end();
}

export function flashFrame(label: string): Uint8Array {
  return new Writer("F").text(label).end();
}

const EVENTS = ["start", "readable", "writable", "overrun", "timer", "message"] as const;

export function turnFrame(event: EngineEvent, inputs: EngineInputs): Uint8Array {
  const frame = new Writer("T")
    .u8(EVENTS.indexOf(event.kind))
    .double(inputs.nowMs)
    .u8(inputs.moduleStatus ? 1 : 0)
    .u32(inputs.transmitRoom)
    .u32(inputs.consoleRoom ?? 0);
  switch (event.kind) {
    case "start":
      break;
    case "readable":
      frame
        .u8(event.port ?? 1)
        .u32(event.count)
        .block(event.bytes);
      break;
    case "writable":
      frame.u8(event.port ?? 1).u32(event.room);
      break;
    case "overrun":
      frame.u8(event.port ?? 1).u32(event.lost);
      break;
    case "timer":
      frame.u32(event.id);
      break;
    case "message":
      frame.text(event.text);
      break;
  }
  return frame.end();
}

const LINES: readonly ControlLine[] = ["PWRKEY", "RESET_N", "WAKE"];

/** The module's port is left out. */
function readPort(reader: Reader): { port?: UartPort } {
  return reader.u8() === 0 ? { port: 0 } : {};
}

function readAction(reader: Reader): EngineAction {
  const kind = reader.u8();
  const at = reader.u32();
  switch (kind) {
    case 0:
      return { kind: "read", at, ...readPort(reader), count: reader.u32() };
    case 1:
      return { kind: "write", at, ...readPort(reader), bytes: reader.block() };
    case 2:
      return { kind: "open", at, ...readPort(reader), baud: reader.u32() };
    case 3:
      return { kind: "close", at, ...readPort(reader) };
    case 4: {
      const id = reader.u32();
      const ms = reader.double();
      const repeatMs = reader.double();
      return repeatMs < 0 ? { kind: "setTimer", at, id, ms } : { kind: "setTimer", at, id, ms, repeatMs };
    }
    case 5:
      return { kind: "clearTimer", at, id: reader.u32() };
    case 6:
      return { kind: "line", at, line: LINES[reader.u8()] ?? "PWRKEY", asserted: reader.u8() !== 0 };
    case 8:
      return { kind: "feed", at, timeoutMs: reader.double() };
    default:
      return { kind: "report", at, text: reader.text() };
  }
}

/** XS writes file and line behind each function; here the file is a module, or unknown, and there are no lines. */
export function placesIn(text: string): string {
  return text
    .replace(/^ at +\(/gm, " at (anonymous) (")
    .replace(/ \((?::0)?\)$/gm, "")
    .replace(/:0\)$/gm, ")")
    .replace(/^\n +/, "");
}

function readAbort(reader: Reader): EngineAbort {
  const reason = reader.text();
  const detail = placesIn(reader.text());
  const held = reader.double();
  const asked = reader.double();
  if (!asked) return { reason, detail };
  const needed = `${held} bytes held, ${asked} more asked for`;
  return { reason, detail: detail ? `${needed}\n${detail}` : needed, neededBytes: held + asked };
}

function readEnd(reader: Reader): EngineEnd {
  const kind = reader.u8();
  const ms = reader.double();
  if (kind === 0) return { reason: "sleep", ms };
  return { reason: kind === 1 ? "restart" : "power cut" };
}

export function readTurn(reader: Reader): EngineTurn {
  const compute = reader.u32();
  const collections = reader.u32();
  const outcome = reader.u8();
  const abort = outcome === 1 ? readAbort(reader) : undefined;
  const end = outcome === 2 ? readEnd(reader) : undefined;
  const actions: EngineAction[] = [];
  while (!reader.done) actions.push(readAction(reader));
  return { actions, compute, collections, ...(abort && { abort }), ...(end && { end }) };
}

/** Takes frames out of the byte stream that the host program writes. */
export class FrameSplitter {
  #rest: Buffer = Buffer.from(EMPTY);

  /** Calls back for each frame that `chunk` completes. */
  push(chunk: Buffer, onFrame: (letter: string, reader: Reader) => void): void {
    let bytes = this.#rest.length ? Buffer.concat([this.#rest, chunk]) : chunk;
    while (bytes.length >= 5) {
      const length = bytes.readUInt32LE(0);
      if (bytes.length < 5 + length) break;
      const frame = bytes.subarray(5, 5 + length);
      const letter = String.fromCharCode(bytes.readUInt8(4));
      bytes = bytes.subarray(5 + length);
      onFrame(letter, new Reader(frame));
    }
    this.#rest = bytes;
  }
}
