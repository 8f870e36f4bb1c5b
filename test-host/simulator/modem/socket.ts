import type { DatagramPort, Listener, Stream, StreamFailure, TlsOpened } from "../network.js";

export type SocketKind = "TCP" | "UDP" | "TCP LISTENER" | "UDP SERVICE" | "TCP INCOMING" | "SSLClient";

/** 0 buffer access, 1 direct push, 2 transparent. */
export type AccessMode = 0 | 1 | 2;

/** 0 initial, 1 opening, 2 connected, 3 listening, 4 closing. */
export type SocketState = 0 | 1 | 2 | 3 | 4;

export interface Datagram {
  readonly bytes: Uint8Array;
  readonly address: string;
  readonly port: number;
}

export interface SocketOptions {
  readonly id: number;
  readonly kind: SocketKind;
  readonly context: number;
  readonly mode: AccessMode;
  readonly host: string;
  readonly remotePort: number;
  readonly localPort: number;
  readonly sslContext?: number;
  readonly serverId?: number;
}

/** One connect id of the module: counters, unread data, and the connection below it. */
export class ModuleSocket {
  readonly id: number;
  readonly kind: SocketKind;
  readonly context: number;
  readonly sslContext: number | undefined;
  readonly serverId: number;
  readonly host: string;
  mode: AccessMode;
  state: SocketState = 0;
  address: string;
  remotePort: number;
  localPort: number;
  /** Payload handed over by the host, and how much of it the peer has acknowledged. */
  sentBytes = 0;
  ackedBytes = 0;
  /** Payload from the peer, and how much of it the host has read. */
  receivedBytes = 0;
  readBytes = 0;
  /** Acknowledged payload that found no room in a module whose window does not close. */
  lostBytes = 0;
  /** The record bytes of the handshake and what was agreed, of a TLS client. */
  tls: TlsOpened | undefined;
  /** Why the connection was not made or broke off, as the network saw it; the module tells a code only. */
  failure: StreamFailure | undefined;
  stream: Stream | undefined;
  datagrams: DatagramPort | undefined;
  listener: Listener | undefined;
  /** The id has been given back; whatever still arrives is for nobody. */
  isGone = false;
  /** `recv` was reported and the buffer has not been read empty since. */
  isReported = false;
  /** Radio dead without a word: what is sent goes nowhere. */
  isSilent = false;
  /** Runs once when the peer's FIN has come or the connection is broken. */
  onPeerEnd: (() => void) | undefined;
  readonly packets: Datagram[] = [];
  #unread: Uint8Array[] = [];
  #unreadBytes = 0;
  /** Arrived at the network, waiting for room in the receive window. */
  #outside: Uint8Array[] = [];
  #inFlight = 0;
  #isEnding = false;

  constructor(options: SocketOptions) {
    this.id = options.id;
    this.kind = options.kind;
    this.context = options.context;
    this.sslContext = options.sslContext;
    this.serverId = options.serverId ?? options.id;
    this.mode = options.mode;
    this.host = options.host;
    this.address = options.host;
    this.remotePort = options.remotePort;
    this.localPort = options.localPort;
  }

  get isSecure(): boolean {
    return this.kind === "SSLClient";
  }

  get isDatagram(): boolean {
    return this.kind === "UDP" || this.kind === "UDP SERVICE";
  }

  get isConnected(): boolean {
    return this.state === 2 || (this.state === 3 && this.kind === "UDP SERVICE");
  }

  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  get unackedBytes(): number {
    return this.sentBytes - this.ackedBytes;
  }

  /** All of the peer's bytes have come through and its FIN is next. */
  get endIsDue(): boolean {
    return this.#isEnding && this.#outside.length === 0 && this.#inFlight === 0;
  }

  /** From the network, outside the receive window. */
  offer(bytes: Uint8Array): void {
    this.#outside.push(bytes);
  }

  ending(): void {
    this.#isEnding = true;
  }

  get isBacklogged(): boolean {
    return this.#outside.length > 0;
  }

  /** Takes the next segment that fits into the window; it is then under way over the link. */
  nextSegment(window: number, most: number): Uint8Array | undefined {
    const room = window - this.#unreadBytes - this.#inFlight;
    const head = this.#outside[0];
    // A receiver does not open its window by crumbs (RFC 1122, 4.2.3.3).
    if (!head || room < Math.min(head.length, most, window / 2)) return undefined;
    const segment = head.subarray(0, Math.min(room, most));
    if (segment.length === head.length) this.#outside.shift();
    else this.#outside[0] = head.subarray(segment.length);
    this.#inFlight += segment.length;
    return segment;
  }

  /** A segment has arrived in the module. */
  arrived(segment: Uint8Array): void {
    this.#inFlight -= segment.length;
    this.receivedBytes += segment.length;
  }

  store(bytes: Uint8Array): void {
    this.#unread.push(bytes);
    this.#unreadBytes += bytes.length;
  }

  /** Up to `most` unread bytes. Reading the buffer empty allows the next `recv`. */
  read(most: number): Uint8Array {
    const count = Math.min(most, this.#unreadBytes);
    const result = new Uint8Array(count);
    let filled = 0;
    while (filled < count) {
      const head = this.#unread[0];
      if (!head) break;
      const piece = head.subarray(0, count - filled);
      result.set(piece, filled);
      filled += piece.length;
      if (piece.length === head.length) this.#unread.shift();
      else this.#unread[0] = head.subarray(piece.length);
    }
    this.#unreadBytes -= filled;
    this.readBytes += filled;
    if (this.#unreadBytes === 0) this.isReported = false;
    return result;
  }

  /** Gives up the connection below without a word to the peer beyond a reset. */
  destroy(): void {
    this.isGone = true;
    this.stream?.destroy();
    this.datagrams?.close();
    this.listener?.close();
    this.stream = undefined;
    this.datagrams = undefined;
    this.listener = undefined;
    this.#outside = [];
  }
}
