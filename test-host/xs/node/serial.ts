import type { UartPort } from "../../simulator/engine.js";
import { act, bytesOf, callbackOption, rooms, setup } from "./state.js";

/** `embedded:io/serial` of the Node stand-in; `host/serial.c` is its counterpart. */

interface SerialOptions {
  readonly port?: unknown;
  readonly baud?: number;
  readonly format?: string;
  readonly target?: unknown;
  readonly onReadable?: (this: Serial, count: number) => void;
  readonly onWritable?: (this: Serial, count: number) => void;
  readonly onError?: (this: Serial) => void;
}

class ReceiveBuffer {
  open: Serial | undefined;
  received = new Uint8Array(0);

  take(count: number): Uint8Array {
    const bytes = this.received.subarray(0, count);
    this.received = this.received.slice(count);
    return bytes;
  }
}

/** By port. */
const buffers: readonly [ReceiveBuffer, ReceiveBuffer] = [new ReceiveBuffer(), new ReceiveBuffer()];

/** `receiveHeadroom` by port; 0: the stock class. */
const headrooms = [setup.consoleHeadroom ?? 0, setup.headroom] as const;

/** The module's port is left out of actions. */
function marked(port: UartPort): { port?: UartPort } {
  return port === 0 ? { port } : {};
}

function portOf(value: unknown): UartPort {
  if (value === undefined || value === 1) return 1;
  if (value === 0 && setup.consoleHeadroom !== undefined) return 0;
  throw new RangeError("invalid port");
}

export class Serial {
  declare target: unknown;
  declare readonly receiveHeadroom?: number;
  #numbers = false;
  #open = true;
  readonly #port: UartPort;
  readonly #buffer: ReceiveBuffer;
  readonly #onReadable: SerialOptions["onReadable"];
  readonly #onWritable: SerialOptions["onWritable"];
  readonly #onError: SerialOptions["onError"];

  constructor(options: SerialOptions) {
    const port = portOf(options.port);
    this.#port = port;
    this.#buffer = buffers[port];
    if (this.#buffer.open) throw new Error("in use");
    const baud = options.baud ?? 115200;
    if (!(baud >= 1 && baud <= 20_000_000)) throw new RangeError("invalid baud");
    if (options.format !== undefined) this.format = options.format;
    this.#onReadable = callbackOption(options.onReadable);
    this.#onWritable = callbackOption(options.onWritable);
    this.#onError = headrooms[port] ? callbackOption(options.onError) : undefined;
    if (options.target !== undefined) this.target = options.target;
    this.#buffer.received = new Uint8Array(0);
    this.#occupy();
    act({ kind: "open", at: 0, ...marked(port), baud: Math.trunc(baud) });
  }

  #occupy(): void {
    this.#buffer.open = this;
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
    this.#buffer.open = undefined;
    this.#buffer.received = new Uint8Array(0);
    act({ kind: "close", at: 0, ...marked(this.#port) });
  }

  #take(count: number): Uint8Array {
    act({ kind: "read", at: 0, ...marked(this.#port), count });
    return this.#buffer.take(count);
  }

  read(target?: number | ArrayBuffer | ArrayBufferView): ArrayBuffer | number | undefined {
    this.#check();
    const available = this.#buffer.received.length;
    if (!available) return undefined;
    if (this.#numbers) return this.#take(1)[0];
    if (typeof target === "object") {
      const view = bytesOf(target);
      const count = Math.min(view.length, available);
      if (count) view.set(this.#take(count));
      return count;
    }
    const count = target ?? available;
    if (!(count > 0 && count <= available)) throw new RangeError("read beyond what was received");
    return this.#take(Math.trunc(count)).slice().buffer;
  }

  write(data: ArrayBuffer | ArrayBufferView | number): void {
    this.#check();
    const bytes =
      this.#numbers || typeof data === "number" ? Uint8Array.of(Number(data)) : bytesOf(data).slice();
    if (bytes.length > rooms[this.#port]) throw new Error("output full");
    rooms[this.#port] -= bytes.length;
    if (bytes.length) act({ kind: "write", at: 0, ...marked(this.#port), bytes });
  }

  static headroomOf(serial: Serial): number | undefined {
    return headrooms[serial.#port] || undefined;
  }

  static readable(port: UartPort, bytes: Uint8Array, count: number): void {
    const buffer = buffers[port];
    if (!buffer.open) return;
    const { received } = buffer;
    if (received.length + bytes.length !== count)
      throw new RangeError(`${count} bytes announced, ${received.length + bytes.length} buffered`);
    const joined = new Uint8Array(count);
    joined.set(received);
    joined.set(bytes, received.length);
    buffer.received = joined;
    const serial = buffer.open;
    serial.#onReadable?.(count);
  }

  static writable(port: UartPort, room: number): void {
    rooms[port] = room;
    const serial = buffers[port].open;
    if (serial) serial.#onWritable?.(room);
  }

  static overrun(port: UartPort): void {
    const serial = buffers[port].open;
    if (serial) serial.#onError?.();
  }
}

if (headrooms.some(headroom => headroom > 0))
  Object.defineProperty(Serial.prototype, "receiveHeadroom", {
    get(this: Serial) {
      return Serial.headroomOf(this);
    },
  });
