import { ByteRing } from "../buffer/ring.js";
import { failure, type Failure } from "../diagnosis/failure.js";
import type { SocketFormat, SocketOptions, StreamSocket, WriteOptions } from "./socket.js";

/**
 * The ECMA-419 surface of a stream socket over two rings, with the manners of Moddable's TCP class:
 * a write beyond the announced room throws, nothing calls back inside a call of the application,
 * nothing calls back after `close`. What moves the bytes is the subclass's.
 */
export abstract class Stream implements StreamSocket {
  /** Free for the application's own use, as Moddable's classes have it. */
  target: unknown;
  /** Bytes from the network that the application has not read. */
  incoming: ByteRing;
  /** Bytes on their way out that what is below has not accepted. */
  outgoing: ByteRing;
  /** Bytes of `incoming` that the application may take: those behind them belong to a read that has not succeeded yet. */
  protected available = 0;
  protected connected = false;
  protected closed = false;
  /** The application has announced a continuation of what it wrote. */
  protected held = false;
  protected delivering = false;
  private callbacks: SocketOptions | undefined;
  private mode: SocketFormat = "buffer";
  /** Name or address of the other side. */
  protected host: string | undefined;
  protected readonly port: number;

  constructor(options: SocketOptions, incomingBytes: number, outgoingBytes: number) {
    // What is no number at all throws here, as it does in Moddable's class.
    const given: unknown = options.port;
    const port = Number(given);
    if (!Number.isInteger(port) || port < 1 || port > 65535) throw new RangeError("port must be 1 to 65535");
    this.host = options.host || options.address;
    this.port = port;
    this.incoming = new ByteRing(incomingBytes);
    this.outgoing = new ByteRing(outgoingBytes);
    this.callbacks = options;
    this.format = options.format ?? "buffer";
    this.target = options.target;
  }

  get remoteAddress(): string | undefined {
    this.check();
    return this.host;
  }

  get remotePort(): number {
    this.check();
    return this.port;
  }

  get format(): SocketFormat {
    this.check();
    return this.mode;
  }

  set format(format: SocketFormat) {
    if (format !== "number" && (format as string) !== "buffer") throw new RangeError("format");
    this.mode = format;
  }

  read(): ArrayBuffer | number | undefined;
  read(count: number): ArrayBuffer | undefined;
  read(view: ArrayBuffer | ArrayBufferView): number | undefined;
  read(what?: number | ArrayBuffer | ArrayBufferView): ArrayBuffer | number | undefined {
    this.check();
    if (this.available === 0) return undefined;
    if (what === undefined && this.mode === "number") return this.take(new Uint8Array(1))[0];
    if (what !== undefined && typeof what !== "number") return this.take(asBytes(what)).length;
    return this.take(new Uint8Array(what ?? this.available)).buffer;
  }

  write(bytes: ArrayBuffer | ArrayBufferView | number, options?: WriteOptions): number {
    this.check();
    if (!this.connected) throw new Error("not ready");
    const view = typeof bytes === "number" && this.mode === "number" ? Uint8Array.of(bytes) : asBytes(bytes);
    if (view.length > this.room) throw new Error("would block");
    this.held = options?.more === true;
    this.accept(view, options);
    return this.room;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.callbacks = undefined;
    this.ended();
  }

  /** Bytes that the application can write now. */
  protected get room(): number {
    return this.outgoing.free;
  }

  /** Takes what the application writes, no more than there is room; `bytes` is valid during the call only. */
  protected accept(bytes: Uint8Array, options: WriteOptions | undefined): void {
    this.outgoing.write(bytes);
    this.written(options !== undefined);
  }

  /** The application took bytes. */
  protected abstract taken(): void;
  /** The application gave bytes; `complete`: it said whether more follow, so nothing need be waited for. */
  protected abstract written(complete: boolean): void;
  /** The application closed the socket. */
  protected abstract ended(): void;

  /** Tells who keeps account of it that a send was confirmed (`sent`) or a read brought bytes. */
  protected account(sent: boolean, byteLength: number): void {
    try {
      this.callbacks?.onTransfer?.(sent, byteLength);
    } catch (error) {
      this.fail(failure("exception", undefined, undefined, String(error)));
    }
  }

  protected announceReadable(): void {
    if (this.available === 0) return;
    this.delivering = true;
    this.call(this.callbacks?.onReadable, this.available);
    this.delivering = false;
  }

  protected announceWritable(): void {
    this.call(this.callbacks?.onWritable, this.room);
  }

  /** Tells the application why, then that, the connection ended. Once; nothing calls back afterwards. */
  protected announceFailure(reason: Failure): void {
    const callbacks = this.callbacks;
    this.callbacks = undefined;
    this.call(callbacks?.failure, reason);
    this.call(callbacks?.onError, undefined);
  }

  /** Ends the connection for the application and on the module, once. */
  protected abstract fail(reason: Failure): void;

  private call<T>(callback: ((this: StreamSocket, value: T) => void) | undefined, value: T): void {
    try {
      callback?.call(this, value);
    } catch (error) {
      // An exception that left a callback would restart the device. Nothing happens when it has failed already.
      this.fail(failure("exception", undefined, undefined, String(error)));
    }
  }

  private take<T extends Uint8Array>(view: T): T {
    if (view.length > this.available)
      throw new Error("invalid: " + String(this.available) + " bytes are buffered");
    this.incoming.read(view, 0);
    this.incoming.skip(view.length);
    this.available -= view.length;
    this.taken();
    return view;
  }

  private check(): void {
    if (this.closed) throw new SyntaxError("closed");
  }
}

/** The bytes of a buffer, or of a view of single bytes, in place. A wider array would be copied, and the copy filled in vain. */
function asBytes(bytes: ArrayBuffer | ArrayBufferView | number): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes;
  if (typeof bytes === "object") {
    if (!ArrayBuffer.isView(bytes)) return new Uint8Array(bytes);
    if (!("BYTES_PER_ELEMENT" in bytes) || bytes.BYTES_PER_ELEMENT === 1)
      return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  throw new TypeError("no bytes");
}
