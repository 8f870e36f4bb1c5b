import type { Failure } from "../diagnosis/failure.js";

/**
 * ECMA-419 stream sockets as Moddable's TCP and TLS classes really behave. Any class of this shape
 * carries Moddable's HTTP, WebSocket, MQTT and TLS clients, and ours.
 */
export interface StreamSocket {
  /** All that is buffered; `undefined` when nothing is. In `number` format: one byte. */
  read(): ArrayBuffer | number | undefined;
  /** Exactly `count` bytes; throws when more is asked than is buffered. */
  read(count: number): ArrayBuffer | undefined;
  /** Fills `view` whole and returns its length; throws when less is buffered. */
  read(view: Uint8Array): number | undefined;
  /**
   * Queues `bytes`; throws when they exceed the writable count. `more` announces a continuation
   * and `byteLength` the total, so that pieces leave in as few sends as possible.
   * Returns the writable count that is left.
   */
  write(bytes: ArrayBuffer | Uint8Array, options?: WriteOptions): number;
  /** Ends the connection; nothing calls back afterwards. May be called again. */
  close(): void;
  format: SocketFormat;
}

export type SocketFormat = "buffer" | "number";

export interface WriteOptions {
  readonly more?: boolean;
  readonly byteLength?: number;
}

export interface SocketCallbacks {
  /** `count` bytes are buffered. */
  onReadable?: (this: StreamSocket, count: number) => void;
  /** `count` bytes can be written now. The first call means: connected. */
  onWritable?: (this: StreamSocket, count: number) => void;
  /** The connection failed or ended, by either side; comes after buffered data were announced. */
  onError?: (this: StreamSocket) => void;
  /** Beside ECMA-419: the typed reason, just before `onError`, which has no argument to carry it. */
  failure?: (report: Failure) => void;
  /**
   * Beside ECMA-419: the module confirmed a send of `byteLength` bytes (`sent`), or a read brought so
   * many; just before `onWritable` or `onReadable` tells of it, and before anything else is sent. For
   * who keeps account of what became of each byte. Absent, it costs nothing.
   */
  onTransfer?: (sent: boolean, byteLength: number) => void;
}

export interface SocketOptions extends SocketCallbacks {
  /** Dotted IPv4 address; empty or absent when the network resolves `host` itself. */
  readonly address?: string | undefined;
  readonly host?: string | undefined;
  readonly port: number;
  readonly nodelay?: boolean | undefined;
  readonly format?: SocketFormat;
  readonly target?: unknown;
}

/** `{ io: Class, ...extras }`: extras are handed to the constructor with the options. */
export interface SocketRecord {
  readonly io: new (options: SocketOptions) => StreamSocket;
}

export interface ResolverCallbacks {
  readonly host: string;
  readonly onResolved: (this: Resolver, host: string, address: string) => void;
  readonly onError?: (this: Resolver, host: string) => void;
  /** Beside ECMA-419: the typed reason, just before `onError`. */
  readonly failure?: (report: Failure) => void;
}

export interface Resolver {
  resolve(request: ResolverCallbacks): void;
  close?(): void;
}

export interface ResolverRecord {
  readonly io: new (options: object) => Resolver;
}
