import type { Duplex } from "node:stream";
import type { SerialCallbacks, SerialPort, SerialRecord } from "../../../modules/io/serial.js";

/** Bytes that are given to the operating system at a time; the next when these have left. */
const PIECE_BYTES = 512;
/** What can arrive before it is read: far more than any answer. */
const RECEIVE_BYTES = 65_536;

/** Who uses the wire now. */
export interface WireUser {
  readable(): void;
  writable(): void;
}

/**
 * An open port as `embedded:io/serial` has it, for one user after another: an AT channel, a driver, or
 * whoever looks for the module before there is one. Closing such a port ends the use, not the wire.
 *
 * Bytes may be key material: what has been read is overwritten, and so is what has been written.
 */
export class Wire {
  /** The port is gone: unplugged, or closed by the other side. Once. */
  onLost: (() => void) | undefined;
  /** Constructs serial ports over this wire. The last one has it. */
  readonly record: SerialRecord;
  readonly #stream: Duplex;
  readonly #ring = new Uint8Array(RECEIVE_BYTES);
  #start = 0;
  #length = 0;
  /** Bytes that came when the ring was full. */
  lostBytes = 0;
  #user: WireUser | undefined;
  #writing = false;
  #lost = false;

  constructor(stream: Duplex, baud: number) {
    this.#stream = stream;
    stream.on("data", (bytes: Buffer) => this.#receive(bytes));
    const lose = (): void => this.#lose();
    stream.on("end", lose);
    stream.on("close", lose);
    this.record = { baud, io: portOver(this) };
  }

  /** What comes is told to this one from now on. */
  use(user: WireUser): void {
    this.#user = user;
  }

  leave(user: WireUser): void {
    if (this.#user === user) this.#user = undefined;
  }

  /** The port is gone. */
  get lost(): boolean {
    return this.#lost;
  }

  /** Bytes that have arrived and were not read. */
  get available(): number {
    return this.#length;
  }

  /** Bytes are on their way out. */
  get busy(): boolean {
    return this.#writing || this.#lost;
  }

  /** Takes what has arrived, at most what fits; its place is overwritten. */
  read(view: Uint8Array): number {
    const count = Math.min(view.length, this.#length);
    for (let i = 0; i < count; i++) {
      view[i] = this.#ring[this.#start] ?? 0;
      this.#ring[this.#start] = 0;
      this.#start = (this.#start + 1) % RECEIVE_BYTES;
    }
    this.#length -= count;
    return count;
  }

  /** Sends a copy, which is overwritten when it has left. Nothing happens when the port is gone. */
  write(bytes: Uint8Array): void {
    if (this.#lost) return;
    const copy = Buffer.alloc(bytes.length);
    copy.set(bytes);
    this.#writing = true;
    this.#stream.write(copy, () => {
      copy.fill(0);
      if (this.#stream.writableLength > 0) return;
      this.#writing = false;
      this.#user?.writable();
    });
  }

  /** Gives the port back. */
  close(): Promise<void> {
    this.onLost = undefined;
    this.#user = undefined;
    this.#ring.fill(0);
    if (this.#stream.closed) return Promise.resolve();
    return new Promise(resolve => {
      this.#stream.once("close", () => resolve());
      this.#stream.destroy();
    });
  }

  #receive(bytes: Buffer): void {
    for (const byte of bytes) {
      if (this.#length === RECEIVE_BYTES) this.lostBytes++;
      else this.#ring[(this.#start + this.#length++) % RECEIVE_BYTES] = byte;
    }
    bytes.fill(0);
    this.#user?.readable();
  }

  #lose(): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#ring.fill(0);
    this.#length = 0;
    this.onLost?.();
  }
}

/** The class of serial ports over a wire. */
function portOver(wire: Wire): SerialRecord["io"] {
  return class implements SerialPort, WireUser {
    /** The operating system and this process take bursts of any size. */
    readonly receiveHeadroom = RECEIVE_BYTES;
    readonly #callbacks: SerialCallbacks;
    #closed = false;

    constructor(callbacks: SerialCallbacks) {
      this.#callbacks = callbacks;
      wire.use(this);
      // Not from within the constructor.
      queueMicrotask(() => {
        this.writable();
        this.readable();
      });
    }

    readable(): void {
      while (!this.#closed && wire.available > 0) {
        const before = wire.available;
        this.#callbacks.onReadable?.call(this, before);
        if (wire.available === before) return;
      }
    }

    writable(): void {
      if (!this.#closed && !wire.busy) this.#callbacks.onWritable?.call(this, PIECE_BYTES);
    }

    read(view: Uint8Array): number | undefined {
      const count = wire.read(view);
      return count === 0 ? undefined : count;
    }

    write(bytes: ArrayBuffer | Uint8Array): void {
      wire.write(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes));
    }

    close(): void {
      this.#closed = true;
      wire.leave(this);
    }
  };
}
