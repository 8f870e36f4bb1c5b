import { act, bytesOf, callbackOption, inputs, setup } from "./state.js";

/** `embedded:io/serial` of the Node stand-in; `host/serial.c` is its counterpart. */

interface SerialOptions {
  readonly baud?: number;
  readonly format?: string;
  readonly target?: unknown;
  readonly onReadable?: (this: Serial, count: number) => void;
  readonly onWritable?: (this: Serial, count: number) => void;
  readonly onError?: (this: Serial) => void;
}

let port: Serial | undefined;
let received = new Uint8Array(0);

function take(count: number): Uint8Array {
  const bytes = received.subarray(0, count);
  received = received.slice(count);
  act({ kind: "read", at: 0, count });
  return bytes;
}

export class Serial {
  declare target: unknown;
  declare readonly receiveHeadroom?: number;
  #numbers = false;
  #open = true;
  readonly #onReadable: SerialOptions["onReadable"];
  readonly #onWritable: SerialOptions["onWritable"];
  readonly #onError: SerialOptions["onError"];

  constructor(options: SerialOptions) {
    if (port) throw new Error("in use");
    const baud = options.baud ?? 115200;
    if (!(baud >= 1 && baud <= 20_000_000)) throw new RangeError("invalid baud");
    if (options.format !== undefined) this.format = options.format;
    this.#onReadable = callbackOption(options.onReadable);
    this.#onWritable = callbackOption(options.onWritable);
    this.#onError = setup.headroom ? callbackOption(options.onError) : undefined;
    if (options.target !== undefined) this.target = options.target;
    received = new Uint8Array(0);
    Serial.#take(this);
    act({ kind: "open", at: 0, baud: Math.trunc(baud) });
  }

  get format(): string {
    this.#check();
    return this.#numbers ? "number" : "buffer";
  }

  set format(value: string) {
    this.#check();
    if (value !== "number" && value !== "buffer") throw new RangeError("invalid format");
    this.#numbers = value === "number";
  }

  #check(): void {
    if (!this.#open) throw new Error("closed");
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    port = undefined;
    received = new Uint8Array(0);
    act({ kind: "close", at: 0 });
  }

  read(target?: number | ArrayBuffer | ArrayBufferView): ArrayBuffer | number | undefined {
    this.#check();
    const available = received.length;
    if (!available) return undefined;
    if (this.#numbers) return take(1)[0];
    if (typeof target === "object") {
      const view = bytesOf(target);
      const count = Math.min(view.length, available);
      if (count) view.set(take(count));
      return count;
    }
    const count = target ?? available;
    if (!(count > 0 && count <= available)) throw new RangeError("read beyond what was received");
    return take(Math.trunc(count)).slice().buffer;
  }

  write(data: ArrayBuffer | ArrayBufferView | number): void {
    this.#check();
    const bytes =
      this.#numbers || typeof data === "number" ? Uint8Array.of(Number(data)) : bytesOf(data).slice();
    if (bytes.length > inputs.transmitRoom) throw new Error("output full");
    inputs.transmitRoom -= bytes.length;
    if (bytes.length) act({ kind: "write", at: 0, bytes });
  }

  static #take(serial: Serial): void {
    port = serial;
  }

  static readable(bytes: Uint8Array, count: number): void {
    if (!port) return;
    if (received.length + bytes.length !== count)
      throw new RangeError(`${count} bytes announced, ${received.length + bytes.length} buffered`);
    const joined = new Uint8Array(count);
    joined.set(received);
    joined.set(bytes, received.length);
    received = joined;
    port.#onReadable?.(count);
  }

  static writable(room: number): void {
    inputs.transmitRoom = room;
    if (port) port.#onWritable?.(room);
  }

  static overrun(): void {
    if (port) port.#onError?.();
  }
}

if (setup.headroom) Object.defineProperty(Serial.prototype, "receiveHeadroom", { get: () => setup.headroom });
