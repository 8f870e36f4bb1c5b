import { ByteRing } from "../buffer/ring.js";
import { failure, type Failure } from "../diagnosis/failure.js";
import type { Credential, CredentialRole, Credentials } from "../io/credentials.js";
import type { SocketFormat, SocketOptions, SocketRecord, StreamSocket, WriteOptions } from "../io/socket.js";
import type { Timer } from "../io/timer.js";
import { BytesCredential } from "../pki/bytes.js";
import { envelopeOf } from "../pki/envelope.js";
import { concludeHandshake } from "./conclusion.js";
import type { TlsEngine, TlsEngineOptions, TlsEngineRecord } from "./engine.js";
import { FlightRecorder } from "./recorder.js";

/** DER bytes, in memory or flash, or a stored object that is read in pieces. */
export type CredentialInput = ArrayBuffer | Uint8Array | Credential;

/** The `secure` record of Moddable's TLSSocket, and the device's store instead of its parts. */
export interface HostSecureOptions {
  /** Default true: chain, name and dates are checked. */
  readonly verify?: boolean;
  /** For SNI and the check of the name; default the host. */
  readonly serverName?: string;
  readonly certificate?: CredentialInput;
  /** The first is our own. */
  readonly clientCertificates?: readonly CredentialInput[];
  /** PKCS#8. */
  readonly clientKey?: CredentialInput;
  readonly credentials?: Credentials;
}

/** Options beside those of ECMA-419. */
export interface TLSSocketOptions extends SocketOptions {
  /** The socket that carries the records; what stands beside `io` is handed to it. Required, and optional in type so that the record fits any client. */
  readonly TCP?: SocketRecord;
  readonly timer?: Timer;
  readonly engine?: TlsEngineRecord | undefined;
  readonly secure?: HostSecureOptions;
  /** Whether the clock has been set: certificate dates are held against it. Default: it has. */
  readonly clockKnown?: () => boolean;
  /** From the open connection to the end of the handshake, milliseconds (default 120,000). */
  readonly handshakeTimeout?: number;
  /** The handshake is complete. The recorder is that of the connection, to be looked at during the call. */
  readonly onHandshake?: (recorder: FlightRecorder, cipherSuite: number | undefined) => void;
}

/** Bytes that one read takes from TCP: a piece for the engine. */
const PIECE_BYTES = 512;
/** What the engine writes beyond TCP's room: more than the largest second flight, 1,503 bytes measured. */
const QUEUE_BYTES = 2_048;
/** What is gathered into one record while the application announces more. */
const GATHER_BYTES = 1_024;
/** Header, initialisation vector, padding and code of a record, rounded up (the SDK reserves the same). */
const RECORD_OVERHEAD = 96;
const HANDSHAKE_MS = 120_000;
/** RFC 5246, 6.2.1. */
const RECORD_BYTES = 16_384;

/** What is called from outside: by TCP, the engine and timers. */
type Entry = "begin" | "onTcpReadable" | "onTcpWritable" | "onTcpError" | "pull" | "timedOut" | "tell";

/**
 * TLS on this side over any ECMA-419 TCP socket, with the surface of Moddable's TLSSocket. The
 * engine comes from the platform; each entry into it is guarded, so that what it throws is one typed
 * failure and never leaves a callback. A flight recorder reads along and says where a handshake ended.
 *
 * Failures: those of TCP while it opens; `credential`, `clock` and `argument` before anything is
 * opened; `tls` with the place in the handshake; `peer-closed` after close_notify.
 */
export class TLSSocket implements StreamSocket {
  target: unknown;
  format: SocketFormat;
  readonly recorder = new FlightRecorder();
  private options: TLSSocketOptions | undefined;
  private readonly timer: Timer;
  private readonly tcpRecord: SocketRecord;
  private tcp: StreamSocket | undefined;
  private engine: TlsEngine | undefined;
  private connected = false;
  /** TCP has announced room once. */
  private opened = false;
  /** Bytes that TCP holds for us. */
  private buffered = 0;
  /** Bytes that TCP takes. */
  private room = 0;
  /** Bytes of records that the engine owes for what it was given. */
  private owed = 0;
  /** Records of application data that the engine was asked for. */
  private asked = 0;
  private queue: ByteRing | undefined;
  private gathered: Uint8Array | undefined;
  private gatheredLength = 0;
  private piece: Uint8Array | undefined;
  /** Plaintext that the application has not read, oldest first, and how much of the first is read. */
  private readonly plain: Uint8Array[] = [];
  private plainOffset = 0;
  private plainLength = 0;
  /** The application's callbacks run. */
  private delivering = false;
  private pulling = false;
  /** A turn of its own is coming in which to go on. */
  private turn: unknown;
  private deadline: unknown;
  /** Why it ended. */
  private reason: Failure | undefined;
  private tcpReason: Failure | undefined;

  constructor(options: TLSSocketOptions) {
    if (options.TCP === undefined || options.timer === undefined)
      throw new Error("TCP and timer are required");
    const port = options.port;
    if (!Number.isInteger(port) || port < 1 || port > 65535) throw new RangeError("port must be 1 to 65535");
    this.tcpRecord = options.TCP;
    this.timer = options.timer;
    this.options = options;
    this.format = options.format ?? "buffer";
    this.target = options.target;
    this.later("begin");
  }

  // The application's side

  read(): ArrayBuffer | number | undefined;
  read(count: number): ArrayBuffer | undefined;
  read(view: Uint8Array | ArrayBuffer): number | undefined;
  read(what?: number | Uint8Array | ArrayBuffer): ArrayBuffer | number | undefined {
    if (this.options === undefined && this.reason === undefined) throw new SyntaxError("closed");
    if (this.plainLength === 0) return undefined;
    if (typeof what === "object")
      return this.take(what instanceof Uint8Array ? what : new Uint8Array(what)).length;
    if (what === undefined && this.format === "number") return this.take(new Uint8Array(1))[0];
    return this.take(new Uint8Array(what ?? this.plainLength)).buffer;
  }

  write(bytes: ArrayBuffer | Uint8Array | number, options?: WriteOptions): number {
    if (this.options === undefined) throw new SyntaxError("closed");
    let data: Uint8Array;
    if (typeof bytes === "number") {
      data = new Uint8Array(1);
      data[0] = bytes;
    } else data = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
    if (!this.connected) throw new Error("not ready");
    if (data.length > this.writable) throw new Error("would block");
    try {
      this.gather(data, options?.more === true);
    } catch (error) {
      this.fail(this.thrown(error));
    }
    return this.writable;
  }

  /** Takes leave with close_notify where the connection stands; nothing calls back afterwards. */
  close(): void {
    const engine = this.connected && this.reason === undefined ? this.engine : undefined;
    try {
      if (this.gatheredLength > 0) this.emit();
      engine?.end();
    } catch {
      // It ends in any case.
    }
    this.options = undefined;
    this.release();
  }

  /** Bytes that the application can write now. */
  private get writable(): number {
    const left = this.room - this.owed - (this.queue?.length ?? 0) - this.gatheredLength - RECORD_OVERHEAD;
    return Math.max(0, Math.min(left, RECORD_BYTES));
  }

  private take<T extends Uint8Array>(view: T): T {
    if (view.length > this.plainLength)
      throw new Error("invalid: " + String(this.plainLength) + " bytes are buffered");
    let at = 0;
    while (at < view.length) {
      const first = this.plain[0];
      if (first === undefined) break;
      const rest = first.subarray(this.plainOffset, this.plainOffset + view.length - at);
      view.set(rest, at);
      at += rest.length;
      this.plainOffset += rest.length;
      if (this.plainOffset === first.length) {
        this.plain.shift();
        this.plainOffset = 0;
      }
    }
    this.plainLength -= view.length;
    // Not inside the application's own call.
    if (!this.delivering && this.plainLength === 0) this.later("pull");
    return view;
  }

  /** What is announced to go on waits, so that it becomes one record. */
  private gather(data: Uint8Array, more: boolean): void {
    if (!more && this.gatheredLength === 0) {
      this.give(data);
      return;
    }
    const buffer = (this.gathered ??= new Uint8Array(GATHER_BYTES));
    for (let at = 0; at < data.length;) {
      const part = data.subarray(at, at + buffer.length - this.gatheredLength);
      buffer.set(part, this.gatheredLength);
      this.gatheredLength += part.length;
      at += part.length;
      if (this.gatheredLength === buffer.length) this.emit();
    }
    if (!more && this.gatheredLength > 0) this.emit();
  }

  private emit(): void {
    const buffer = this.gathered;
    const count = this.gatheredLength;
    this.gatheredLength = 0;
    if (buffer !== undefined) this.give(buffer.subarray(0, count));
  }

  private give(data: Uint8Array): void {
    if (data.length === 0) return;
    this.owed += data.length + RECORD_OVERHEAD;
    this.asked++;
    this.engine?.write(data);
  }

  // Opening

  private begin(): void {
    const options = this.options;
    const record = options?.engine;
    if (options === undefined) return;
    const secure = options.secure ?? {};
    const verify = secure.verify !== false;
    const ca = verify ? this.credential("ca", secure.certificate) : undefined;
    const certificate = this.credential("certificate", secure.clientCertificates?.[0]);
    const key = this.credential("key", secure.clientKey);
    if (record === undefined) {
      this.fail(failure("argument", "TLS", undefined, "this platform has no TLS engine"));
      return;
    }
    let wrong = "";
    if (verify && ca === undefined) wrong = "ca: none is stored";
    else if (key === undefined && certificate !== undefined) wrong = "key: none is stored";
    else if (key !== undefined && certificate === undefined) wrong = "certificate: none is stored";
    else wrong = misfit("ca", ca) || misfit("certificate", certificate) || misfit("key", key);
    if (
      wrong === "" &&
      key !== undefined &&
      !record.clientKeys.includes(envelopeOf(key).rsaLength > 0 ? "rsa" : "p256")
    )
      wrong = "key: this TLS engine signs with RSA keys only";
    if (wrong !== "") {
      this.fail(failure("credential", "TLS", undefined, wrong));
      return;
    }
    if (verify && options.clockKnown?.() === false) {
      this.fail(failure("clock", "TLS"));
      return;
    }
    try {
      this.engine = new record.io(this.engineOptions(options, verify, ca, certificate, key));
      this.connectTcp(options);
    } catch (error) {
      this.fail(this.thrown(error));
    }
  }

  private connectTcp(options: TLSSocketOptions): void {
    const tcp = this.tcpRecord;
    const extras = {
      onTransfer: (sent: boolean, byteLength: number) => {
        this.recorder.onTransfer(sent, byteLength);
      },
    };
    this.tcp = new tcp.io({
      ...tcp,
      ...extras,
      ...(options.address === undefined ? undefined : { address: options.address }),
      ...(options.host === undefined ? undefined : { host: options.host }),
      port: options.port,
      format: "buffer",
      onReadable: count => this.run("onTcpReadable", count),
      onWritable: count => this.run("onTcpWritable", count),
      onError: () => this.run("onTcpError"),
      failure: report => (this.tcpReason ??= report),
    });
    // A TCP class that tells of confirmations says so.
    if ("confirms" in this.tcp) this.recorder.awaitConfirmations();
  }

  private engineOptions(
    options: TLSSocketOptions,
    verify: boolean,
    ca: Credential | undefined,
    certificate: Credential | undefined,
    key: Credential | undefined,
  ): TlsEngineOptions {
    return {
      serverName: options.secure?.serverName ?? (options.host || options.address) ?? "",
      verify,
      ca,
      certificate,
      key,
      transmit: bytes => {
        this.guard(() => this.transmit(bytes));
      },
      connected: suite => {
        this.guard(() => this.onConnected(suite));
      },
      received: bytes => {
        this.guard(() => this.onPlain(bytes));
      },
      closed: () => {
        this.fail(failure("peer-closed"));
      },
      failed: message => {
        this.fail(concludeHandshake(this.recorder, "engine", message));
      },
    };
  }

  private credential(role: CredentialRole, input: CredentialInput | undefined): Credential | undefined {
    if (input === undefined) return this.options?.secure?.credentials?.open(role);
    if ("read" in input) return input;
    return new BytesCredential(input instanceof Uint8Array ? input : new Uint8Array(input));
  }

  // From TCP

  private onTcpWritable(count: number): void {
    this.room = count;
    if (!this.opened) {
      this.opened = true;
      this.deadline = this.timer.set(
        () => this.run("timedOut"),
        this.options?.handshakeTimeout ?? HANDSHAKE_MS,
      );
      this.engine?.start();
      return;
    }
    this.drain();
    this.announceWritable();
  }

  private onTcpReadable(count: number): void {
    this.buffered = count;
    this.pull();
  }

  /** Hands what TCP holds to the engine, as long as the application keeps up. */
  private pull(): void {
    if (this.pulling) return;
    this.pulling = true;
    const tcp = this.tcp;
    while (tcp !== undefined && this.buffered > 0 && this.plainLength === 0 && this.reason === undefined) {
      const piece = (this.piece ??= new Uint8Array(PIECE_BYTES));
      const count = Math.min(this.buffered, piece.length);
      const part = count === piece.length ? piece : piece.subarray(0, count);
      tcp.read(part);
      this.buffered -= count;
      this.recorder.onReceived(part);
      if (this.foresees()) break;
      this.engine?.receive(part);
    }
    this.pulling = false;
    this.announceReadable();
    // The end may have come while data waited for the application.
    if (this.tcpReason !== undefined && this.buffered === 0 && this.plainLength === 0) this.lost();
  }

  /** What the engine would throw at, by a word that says what it is. */
  private foresees(): boolean {
    const trouble = this.recorder.trouble;
    const engine = this.options?.engine;
    if (trouble === undefined || engine === undefined || this.connected) return false;
    if (
      (trouble === "split message" && engine.splitMessages) ||
      (trouble === "leaf alone" && (engine.leafAlone || this.options?.secure?.verify === false))
    )
      return false;
    this.fail(concludeHandshake(this.recorder, "trouble", trouble));
    return true;
  }

  private onTcpError(): void {
    this.tcpReason ??= failure("peer-closed");
    this.pull();
  }

  private lost(): void {
    const reason = this.tcpReason ?? failure("peer-closed");
    // Before the connection stood, TCP's own reason says it all.
    if (!this.opened || this.connected) this.fail(reason);
    else this.fail(concludeHandshake(this.recorder, "closed", reason.kind));
  }

  private timedOut(): void {
    this.deadline = undefined;
    this.fail(concludeHandshake(this.recorder, "silent", ""));
  }

  // From the engine

  private transmit(bytes: Uint8Array): void {
    this.recorder.onSent(bytes);
    const tcp = this.tcp;
    if (tcp === undefined || this.reason !== undefined) return;
    if (this.recorder.sent.data >= this.asked) this.owed = 0;
    if ((this.queue?.length ?? 0) === 0 && bytes.length <= this.room) {
      this.room = tcp.write(bytes);
      return;
    }
    const queue = (this.queue ??= new ByteRing(QUEUE_BYTES));
    if (bytes.length <= queue.free) queue.write(bytes);
    else this.fail(failure("limit", "TLS", undefined, "the engine wrote more than the connection takes"));
  }

  /** Writes what waits, as far as TCP has room. */
  private drain(): void {
    const queue = this.queue;
    const tcp = this.tcp;
    if (queue === undefined || tcp === undefined) return;
    while (queue.length > 0 && this.room > 0) {
      const part = new Uint8Array(Math.min(queue.length, this.room, PIECE_BYTES));
      queue.read(part, 0);
      queue.skip(part.length);
      this.room = tcp.write(part);
    }
  }

  private onConnected(cipherSuite: number | undefined): void {
    if (this.connected || this.reason !== undefined) return;
    this.connected = true;
    this.asked = this.recorder.sent.data;
    this.timer.clear(this.deadline);
    this.deadline = undefined;
    const options = this.options;
    if (options?.onHandshake !== undefined)
      this.call(() => options.onHandshake?.(this.recorder, cipherSuite));
    this.announceWritable();
  }

  private onPlain(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.options === undefined) return;
    this.plain.push(bytes.slice());
    this.plainLength += bytes.length;
    // Within `pull` it is told at its end; an engine that answers later has its own turn.
    if (!this.pulling) this.announceReadable();
  }

  // To the application

  private announceReadable(): void {
    const options = this.options;
    if (this.plainLength === 0 || options === undefined || this.delivering) return;
    this.delivering = true;
    const count = this.plainLength;
    this.call(() => options.onReadable?.call(this, count));
    this.delivering = false;
    if (this.plainLength === 0 && (this.buffered > 0 || this.tcpReason !== undefined)) this.later("pull");
  }

  private announceWritable(): void {
    const options = this.options;
    const writable = this.writable;
    if (this.connected && writable > 0 && this.reason === undefined)
      this.call(() => options?.onWritable?.call(this, writable));
  }

  private call(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.fail(failure("exception", undefined, undefined, String(error)));
    }
  }

  // Ending

  /** Every way in from TCP and timers: nothing is thrown out of here. */
  private run(step: Entry, count = 0): void {
    if (this.options === undefined) return;
    this.guard(() => this[step](count));
  }

  private guard(step: () => void): void {
    if (this.options === undefined) return;
    try {
      step();
    } catch (error) {
      this.pulling = false;
      this.fail(this.thrown(error));
    }
  }

  private thrown(error: unknown): Failure {
    const message = error instanceof Error ? error.message : String(error);
    return this.connected
      ? failure("tls", "TLS", undefined, message)
      : concludeHandshake(this.recorder, "engine", message);
  }

  private later(step: Entry): void {
    this.turn ??= this.timer.set(() => {
      this.turn = undefined;
      this.run(step);
    }, 0);
  }

  /** Ends the connection, and has the reason told in a turn of its own, once. */
  private fail(reason: Failure): void {
    if (this.reason !== undefined || this.options === undefined) return;
    this.reason = reason;
    this.release();
    this.later("tell");
  }

  private tell(): void {
    const options = this.options;
    const reason = this.reason;
    this.options = undefined;
    if (options === undefined || reason === undefined) return;
    try {
      options.failure?.(reason);
      options.onError?.call(this);
    } catch {
      // It has ended already.
    }
  }

  private release(): void {
    const engine = this.engine;
    const tcp = this.tcp;
    this.engine = this.tcp = undefined;
    this.timer.clear(this.deadline);
    this.timer.clear(this.turn);
    this.turn = this.deadline = undefined;
    try {
      engine?.close();
      tcp?.close();
    } catch {
      // What it was is told already.
    }
  }
}

/** What is wrong with a credential for its role; empty: nothing. */
function misfit(role: CredentialRole, credential: Credential | undefined): string {
  if (credential === undefined) return "";
  const kind = envelopeOf(credential).kind;
  return kind === (role === "key" ? "key" : "certificate") ? "" : role + ": holds " + kind;
}
