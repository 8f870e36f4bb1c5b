import { connect as connectTCP, type Socket } from "node:net";
import { connect as connectTLS, type ConnectionOptions } from "node:tls";
import { failure, type Failure } from "../../modules/diagnosis/failure.js";
import type {
  Resolver,
  ResolverCallbacks,
  SocketFormat,
  SocketOptions,
  StreamSocket,
  WriteOptions,
} from "../../modules/io/socket.js";

/** Bytes that wait for the operating system at most; what a program may write ahead. */
const DEFAULT_CAPACITY = 8192;

/** Bytes that are read ahead of the program; beyond that the connection is paused. */
const RECEIVE_CAPACITY = 65536;

/** What `NodeTCP` and `NodeTLS` understand beside the options of every ECMA-419 socket. */
export interface NodeSocketOptions extends SocketOptions {
  /** Bytes that can be written ahead (default 8192). A small one imitates a modem. */
  readonly capacity?: number;
}

export interface NodeTLSOptions extends NodeSocketOptions {
  /** Of `node:tls`: `ca`, `cert`, `key`, `minVersion`, ... The name to check is `host` unless `servername` says otherwise. */
  readonly secure?: ConnectionOptions;
}

/**
 * Node's sockets with the surface and the manners of an ECMA-419 socket (`modules/io/socket.ts`).
 * Callbacks never run inside a call of the program. An exception of a callback closes the
 * connection and is thrown into Node's event loop, where it ends the process as it would end a device's engine.
 */
abstract class NodeSocket implements StreamSocket {
  readonly target: unknown;
  readonly #options: NodeSocketOptions;
  readonly #socket: Socket;
  readonly #received: Buffer[] = [];
  #count = 0;
  #format: SocketFormat;
  #open = true;
  /** TCP stands; with TLS there is more to do before `connected`. */
  #reached = false;
  #connected = false;
  #ended: Failure | undefined;
  #room: number;
  #readableDue = false;
  #writableDue = false;
  readonly #held: Buffer[] = [];

  protected constructor(options: NodeSocketOptions, socket: Socket, connected: string) {
    this.target = options.target;
    this.#options = options;
    this.#socket = socket;
    this.#format = options.format ?? "buffer";
    this.#room = options.capacity ?? DEFAULT_CAPACITY;
    socket.on("connect", () => {
      this.#reached = true;
    });
    socket.on(connected, () => {
      this.#connected = true;
      this.#announceRoom();
    });
    socket.on("data", (bytes: Buffer) => {
      this.#received.push(bytes);
      this.#count += bytes.length;
      if (this.#count >= RECEIVE_CAPACITY) socket.pause();
      this.#announceBytes();
    });
    socket.on("error", error => {
      this.#ended ??= this.#explain(error);
    });
    socket.on("end", () => {
      this.#ended ??= failure("peer-closed");
    });
    socket.on("close", () => {
      this.#ended ??= failure("peer-closed");
      this.#announceEnd();
    });
  }

  get format(): SocketFormat {
    return this.#format;
  }

  set format(format: SocketFormat) {
    this.#format = format;
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#socket.remotePort;
  }

  read(): ArrayBuffer | number | undefined;
  read(count: number): ArrayBuffer | undefined;
  read(view: Uint8Array): number | undefined;
  read(into?: number | Uint8Array): ArrayBuffer | number | undefined {
    this.#check();
    if (into === undefined && this.#format === "number") {
      if (this.#count === 0) return undefined;
      const byte = new Uint8Array(1);
      this.#take(byte);
      return byte[0];
    }
    const count = into === undefined ? this.#count : typeof into === "number" ? into : into.length;
    if (this.#count === 0) return undefined;
    if (count > this.#count) throw new Error("invalid");
    if (typeof into === "object") {
      this.#take(into);
      return count;
    }
    const buffer = new ArrayBuffer(count);
    this.#take(new Uint8Array(buffer));
    return buffer;
  }

  write(bytes: ArrayBuffer | Uint8Array, options?: WriteOptions): number {
    this.#check();
    if (!this.#connected) throw new Error("not ready");
    if (bytes.byteLength > this.#room) throw new Error("would block");
    this.#room -= bytes.byteLength;
    // Copied: the caller may use its buffer again at once.
    this.#held.push(Buffer.from(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)));
    // A group leaves whole, unless nothing more would fit behind it.
    if (!options?.more || this.#room === 0) this.#send();
    return this.#room;
  }

  close(): void {
    if (!this.#open) return;
    this.#send();
    this.#open = false;
    // What was written still goes out; nothing is waited for.
    if (this.#connected) this.#socket.end();
    else this.#socket.destroy();
    this.#socket.removeAllListeners();
    this.#socket.on("error", () => undefined);
    this.#socket.resume();
    this.#socket.unref();
    setTimeout(() => this.#socket.destroy(), 1000).unref();
  }

  /** What an error says about the layer above TCP, if anything. */
  protected abstract explain(error: NodeJS.ErrnoException): Failure | undefined;

  #explain(error: NodeJS.ErrnoException): Failure {
    if (error.code === "ENOTFOUND" || error.code === "EAI_AGAIN")
      return failure("dns", undefined, undefined, error.code);
    if (!this.#reached) return failure("connect", undefined, error.errno, error.code);
    return this.explain(error) ?? failure("network-lost", undefined, error.errno, error.code);
  }

  /** As the native classes do after `close`. */
  #check(): void {
    if (!this.#open) throw new SyntaxError("closed");
  }

  #take(view: Uint8Array): void {
    let at = 0;
    while (at < view.length) {
      const first = this.#received[0];
      if (!first) break;
      const piece = first.subarray(0, view.length - at);
      view.set(piece, at);
      at += piece.length;
      if (piece.length === first.length) this.#received.shift();
      else this.#received[0] = first.subarray(piece.length);
    }
    this.#count -= at;
    if (this.#count < RECEIVE_CAPACITY) this.#socket.resume();
    if (this.#count === 0 && this.#ended) this.#announceEnd();
  }

  #send(): void {
    if (this.#held.length === 0) return;
    const bytes = Buffer.concat(this.#held);
    this.#held.length = 0;
    this.#socket.write(bytes, error => {
      if (error) return;
      this.#room += bytes.length;
      this.#announceRoom();
    });
  }

  #announceBytes(): void {
    if (this.#readableDue) return;
    this.#readableDue = true;
    setImmediate(() => {
      this.#readableDue = false;
      if (this.#open && this.#count > 0) this.#call(() => this.#options.onReadable?.call(this, this.#count));
    });
  }

  #announceRoom(): void {
    if (this.#writableDue) return;
    this.#writableDue = true;
    setImmediate(() => {
      this.#writableDue = false;
      if (this.#open && !this.#ended && this.#room > 0)
        this.#call(() => this.#options.onWritable?.call(this, this.#room));
    });
  }

  /** After the bytes that came before the end have been announced and read. */
  #announceEnd(): void {
    setImmediate(() => {
      const { failure: tell, onError } = this.#options;
      const ended = this.#ended;
      if (!this.#open || this.#count > 0 || !ended) return;
      this.#ended = undefined;
      this.#call(() => {
        tell?.(ended);
        onError?.call(this);
      });
    });
  }

  #call(callback: () => void): void {
    try {
      callback();
    } catch (exception) {
      this.close();
      throw exception;
    }
  }
}

/** TCP as in `embedded:io/socket/tcp`; `host` is resolved by Node when there is no `address`. */
export class NodeTCP extends NodeSocket {
  constructor(options: NodeSocketOptions) {
    const { address, host, port, nodelay = true } = options;
    super(options, connectTCP({ host: address || (host ?? ""), port, noDelay: nodelay }), "connect");
  }

  protected override explain(): undefined {
    return undefined;
  }
}

/** TLS as in `embedded:io/socket/tcp/tls`, over Node's own TCP. The certificate is checked unless `secure` says otherwise. */
export class NodeTLS extends NodeSocket {
  constructor(options: NodeTLSOptions) {
    const { address, host = "", port, secure } = options;
    // An address as a server name is not allowed in SNI (RFC 6066 §3).
    const named = /^[\d.]*$|:/.test(host) ? {} : { servername: host };
    super(options, connectTLS({ ...named, ...secure, host: address || host, port }), "secureConnect");
  }

  protected override explain(error: NodeJS.ErrnoException): Failure | undefined {
    const { code } = error;
    if (code === "ECONNRESET" || code === "EPIPE" || code === "ETIMEDOUT") return undefined;
    return failure("tls", undefined, undefined, code);
  }
}

/** Answers the name itself: the sockets above let Node resolve it. */
export class NodeResolver implements Resolver {
  #closed = false;

  resolve(request: ResolverCallbacks): void {
    setImmediate(() => {
      if (!this.#closed) request.onResolved.call(this, request.host, "");
    });
  }

  close(): void {
    this.#closed = true;
  }
}
