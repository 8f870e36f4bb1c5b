import { ByteRing } from "../buffer/ring.js";
import { failure, type Failure } from "../diagnosis/failure.js";
import type { StreamSocket, WriteOptions } from "../io/socket.js";
import { Stream } from "../io/stream.js";
import type { Timer } from "../io/timer.js";
import { conclude, type HandshakeEnd } from "./conclusion.js";
import type { TlsEngine, TlsEngineOptions } from "./engine.js";
import { refusalOf, TlsIdentity } from "./identity.js";
import type { TLSSocketOptions } from "./options.js";
import { FlightRecorder } from "./recorder.js";

export type { HostSecureOptions, TLSSocketOptions } from "./options.js";

/** Bytes of one read from TCP: a piece for the engine. */
const PIECE_BYTES = 512;
/** Plaintext that fits before the place for it grows. */
const PLAIN_BYTES = 512;
/** The most plaintext that waits for the application: the largest record, and as much again. */
const PLAIN_MAX = 32_768;
/** The engine is given so much beyond what it has answered: the largest record. */
const AHEAD_MAX = 16_384 + 2_048;
/** What the engine may write beyond TCP's room: twice the largest second flight (1,503 bytes). */
const QUEUE_BYTES = 3_072;
/** Header, nonce, padding and code of a record, rounded up; the SDK reserves the same. */
const RECORD_OVERHEAD = 96;
/** RFC 5246, 6.2.1. */
const RECORD_BYTES = 16_384;
const HANDSHAKE_MS = 120_000;
/** When TCP has ended: an engine of another process may still be at work on what came before. */
const GRACE_MS = 50;
/** For close_notify, and what was written before it, to leave. */
const FAREWELL_MS = 2_000;

const MORE: WriteOptions = Object.freeze({ more: true });

/**
 * TLS on this side over any ECMA-419 TCP socket, with the surface of Moddable's TLSSocket. The
 * engine comes from the platform; each entry into it is guarded, so that what it throws is one typed
 * failure and never leaves a callback. A flight recorder reads along and says where a handshake ended.
 *
 * Failures: `credential`, `clock`, `argument` before anything is opened; TCP's own while it opens and
 * once the handshake is complete; `tls` with the place in the handshake; `limit` when the engine
 * writes more than TCP takes; `peer-closed` after close_notify.
 */
export class TLSSocket extends Stream {
  readonly recorder: FlightRecorder;
  private readonly options: TLSSocketOptions;
  private readonly timer: Timer;
  private tcp: StreamSocket | undefined;
  private engine: TlsEngine | undefined;
  /** What was given is checked, TCP stands, the engine was started. */
  private begun = false;
  private opened = false;
  private started = false;
  /** Bytes that TCP holds for us, and that it takes. */
  private buffered = 0;
  private tcpRoom = 0;
  private piece: Uint8Array | undefined;
  /** Bytes that the engine was given since its last word. */
  private ahead = 0;
  /** Records of application data that the engine owes, and what they take of TCP's room. */
  private owed = 0;
  private owedBytes = 0;
  /** What the application has announced to go on, for one record. */
  private gathered: Uint8Array | undefined;
  private gatheredLength = 0;
  private cipherSuite: number | undefined;
  /** What the application is to be told. */
  private handshakeDue = false;
  private readableDue = false;
  private writableDue = false;
  /** Why it is over; told in a turn of its own. */
  private reason: Failure | undefined;
  /** TCP or the other side has ended; told when everything was read. */
  private end: Failure | undefined;
  /** TCP takes nothing more. */
  private lost = false;
  /** Nothing can come any more: close_notify came, or the time for it is over. */
  private silenced = false;
  private working = false;
  private over = false;
  private turn: unknown;
  private deadline: unknown;

  constructor(options: TLSSocketOptions) {
    const timer = options.timer;
    if (options.TCP === undefined) throw new Error("TCP is required");
    if (timer === undefined) throw new Error("timer is required");
    super(options, PLAIN_BYTES, 1);
    this.options = options;
    this.timer = timer;
    this.recorder = new FlightRecorder(options.engine, options.secure?.verify !== false);
    this.later();
  }

  // The application's calls

  protected override get room(): number {
    const left = this.tcpRoom - this.outgoing.length - this.owedBytes - RECORD_OVERHEAD;
    return Math.max(0, Math.min(left, RECORD_BYTES) - this.gatheredLength);
  }

  protected override accept(bytes: Uint8Array, options: WriteOptions | undefined): void {
    const before = this.gatheredLength;
    if (before === 0 && !this.held) {
      this.give(bytes);
      return;
    }
    const length = before + bytes.length;
    let buffer = this.gathered;
    if (buffer === undefined || length > buffer.length) {
      const announced = options?.byteLength ?? 2 * length;
      const larger = new Uint8Array(Math.min(before + this.room, Math.max(length, announced)));
      if (buffer !== undefined) larger.set(buffer);
      this.gathered = buffer = larger;
    }
    buffer.set(bytes, before);
    this.gatheredLength = length;
    if (!this.held || this.room === 0) this.emit();
    // What is announced need not come in this turn.
    else this.later();
  }

  protected written(): void {
    // `accept` does it.
  }

  protected taken(): void {
    if (!this.delivering) this.later();
  }

  protected ended(): void {
    if (this.over) return;
    if (!this.connected || this.end !== undefined) {
      this.shut();
      return;
    }
    this.emit();
    this.guard("end");
    this.wait(FAREWELL_MS);
    this.farewell();
  }

  private emit(): void {
    const buffer = this.gathered;
    const length = this.gatheredLength;
    if (buffer === undefined) return;
    this.gathered = undefined;
    this.gatheredLength = 0;
    this.give(buffer.subarray(0, length));
  }

  private give(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.owed++;
    this.owedBytes += bytes.length + RECORD_OVERHEAD;
    this.guard("write", bytes);
  }

  // Work

  /** Has the work looked at in a turn of its own: nothing calls back inside a call of the application or the engine. */
  private later(): void {
    if (this.over || this.working) return;
    this.turn ??= this.timer.set(() => {
      this.turn = undefined;
      this.work();
    }, 0);
  }

  /** Moves what can be moved and tells what is to be told. Nothing is thrown out of here. */
  private work(): void {
    if (this.over || this.working) return;
    this.working = true;
    do this.step();
    while (this.tell());
    this.working = false;
  }

  private step(): void {
    try {
      this.move();
    } catch (error) {
      this.thrown(error);
    }
  }

  private move(): void {
    if (this.over) return;
    if (this.closed) {
      this.drain();
      this.farewell();
      return;
    }
    if (this.reason !== undefined) return;
    if (!this.begun) this.begin();
    else if (this.opened && !this.started) {
      this.started = true;
      this.wait(this.options.handshakeTimeout ?? HANDSHAKE_MS);
      this.guard("start");
    }
    this.emit();
    this.pull();
    // Last: the engine may have written while it was given what came.
    this.drain();
  }

  /** Tells one thing. Returns whether there is more to be done. */
  private tell(): boolean {
    if (this.closed || this.over) return false;
    const reason = this.reason;
    if (reason !== undefined) {
      const failed = this.opened && !this.recorder.complete;
      this.shut();
      if (failed) this.tellHandshake(reason);
      this.announceFailure(reason);
      return false;
    }
    if (this.handshakeDue) {
      this.handshakeDue = false;
      this.tellHandshake(undefined);
      return true;
    }
    if (this.readableDue) {
      this.readableDue = false;
      this.announceReadable();
      return true;
    }
    if (this.writableDue && this.connected && this.room > 0) {
      this.writableDue = false;
      this.announceWritable();
      return true;
    }
    if (this.end !== undefined && this.available === 0 && (this.buffered === 0 || this.silenced))
      this.finish();
    return this.reason !== undefined;
  }

  private tellHandshake(reason: Failure | undefined): void {
    const options = this.options;
    try {
      if (reason === undefined) options.onHandshake?.(this.recorder, this.cipherSuite);
      else options.onHandshakeFailed?.(this.recorder, reason);
    } catch (error) {
      this.fail(failure("exception", "onHandshake", undefined, String(error)));
    }
  }

  // Opening

  private begin(): void {
    const options = this.options;
    const identity = new TlsIdentity(options);
    this.begun = true;
    const refusal = refusalOf(options, identity);
    if (refusal !== undefined) {
      this.fail(refusal);
      return;
    }
    try {
      this.engine = options.engine && new options.engine.io(this.engineOptions(identity));
    } catch (error) {
      // Some check the trusted certificate and the key here.
      this.conclude("engine", wordsOf(error));
      return;
    }
    this.connect();
  }

  private connect(): void {
    const options = this.options;
    const record = options.TCP;
    if (record === undefined) return;
    const tcp = new record.io({
      ...record,
      address: options.address,
      host: options.host,
      nodelay: options.nodelay,
      port: options.port,
      format: "buffer",
      onReadable: count => {
        this.buffered = count;
        // At once, so that TCP's next read finds room; what comes of it is told in a turn of its own,
        // because the application's own work would stand on TCP's, and on the module's, in the stack.
        this.step();
      },
      onWritable: count => {
        this.tcpRoom = count;
        this.opened = this.writableDue = true;
        this.later();
      },
      onError: () => {
        this.end ??= failure("peer-closed");
        this.lost = true;
        this.work();
      },
      failure: report => (this.end ??= report),
      onTransfer: (sent, byteLength) => this.recorder.onTransfer(sent, byteLength),
    });
    this.tcp = tcp;
    // Says so before it has confirmed anything.
    if ("confirms" in tcp) this.recorder.confirms = true;
  }

  private engineOptions({ serverName, verify, ca, certificate, key }: TlsIdentity): TlsEngineOptions {
    return {
      serverName,
      verify,
      ca,
      certificate,
      key,
      transmit: bytes => this.transmit(bytes),
      received: bytes => this.received(bytes),
      connected: cipherSuite => {
        if (this.reason !== undefined || this.recorder.complete) return;
        this.timer.clear(this.deadline);
        this.recorder.complete = true;
        this.cipherSuite = cipherSuite;
        this.connected = this.handshakeDue = this.writableDue = true;
        this.later();
      },
      closed: () => {
        this.end ??= failure("peer-closed");
        this.silenced = true;
        this.later();
      },
      failed: words => this.conclude("engine", words),
    };
  }

  // The engine

  /** Every way into the engine: an exception is the end of the connection. */
  private guard(step: "start" | "end" | "receive" | "write", bytes?: Uint8Array): void {
    const engine = this.engine;
    if (engine === undefined || this.reason !== undefined) return;
    try {
      if (step === "start" || step === "end") engine[step]();
      else if (bytes !== undefined) engine[step](bytes);
    } catch (error) {
      this.conclude("engine", wordsOf(error));
    }
  }

  private transmit(bytes: Uint8Array): void {
    const tcp = this.tcp;
    const recorder = this.recorder;
    if (this.over || this.lost || tcp === undefined) return;
    recorder.onSent(bytes);
    if (this.owed > 0 && --this.owed === 0) this.owedBytes = 0;
    else this.owedBytes = Math.max(0, this.owedBytes - bytes.length);
    try {
      if (this.outgoing.length === 0 && bytes.length <= this.tcpRoom)
        // A whole flight leaves as one, also when the engine writes it in several turns.
        this.tcpRoom = tcp.write(bytes, recorder.midFlight ? MORE : undefined);
      else this.queue(bytes);
    } catch (error) {
      this.thrown(error);
    }
    if (this.closed) this.later();
  }

  /** More than TCP takes now: what an engine writes in the handshake does not ask for room. */
  private queue(bytes: Uint8Array): void {
    if (this.outgoing.length === 0) this.outgoing = new ByteRing(QUEUE_BYTES);
    if (bytes.length <= this.outgoing.free) {
      this.outgoing.write(bytes);
      this.later();
    } else this.fail(failure("limit", "TLS", undefined, "the engine writes more than TCP takes"));
  }

  private drain(): void {
    const tcp = this.tcp;
    const outgoing = this.outgoing;
    if (tcp === undefined || outgoing.length === 0) return;
    while (outgoing.length > 0 && this.tcpRoom > 0) {
      const part = new Uint8Array(Math.min(outgoing.length, this.tcpRoom));
      outgoing.read(part, 0);
      outgoing.skip(part.length);
      this.tcpRoom = tcp.write(part);
    }
    if (outgoing.length === 0) this.outgoing = new ByteRing(1);
  }

  private received(bytes: Uint8Array): void {
    const incoming = this.incoming;
    const count = incoming.length + bytes.length;
    if (this.over || this.closed || this.reason !== undefined) return;
    this.ahead = 0;
    if (bytes.length > incoming.free) {
      if (count > PLAIN_MAX) {
        this.fail(failure("limit", "TLS", undefined, "the application does not read"));
        return;
      }
      const rest = new Uint8Array(incoming.length);
      incoming.read(rest, 0);
      this.incoming = new ByteRing(count);
      this.incoming.write(rest);
    }
    this.incoming.write(bytes);
    this.available = count;
    this.readableDue = true;
    this.later();
  }

  // From TCP

  /** Hands what TCP holds to the engine, as long as the application keeps up. */
  private pull(): void {
    const tcp = this.tcp;
    const recorder = this.recorder;
    const piece = (this.piece ??= new Uint8Array(PIECE_BYTES));
    while (tcp !== undefined && this.buffered > 0 && this.available === 0 && this.ahead < AHEAD_MAX) {
      const count = Math.min(this.buffered, piece.length);
      const part = count === piece.length ? piece : piece.subarray(0, count);
      // Behind close_notify nothing counts.
      if (this.reason !== undefined || this.silenced) return;
      tcp.read(part);
      this.buffered -= count;
      if (this.connected) this.ahead += count;
      recorder.onReceived(part);
      if (recorder.trouble !== undefined) this.conclude("engine");
      else this.guard("receive", part);
    }
  }

  /** TCP has ended, and everything that came before was read. */
  private finish(): void {
    const end = this.end;
    if (end === undefined) return;
    if (!this.opened) this.fail(end);
    else if (!this.silenced) this.wait(GRACE_MS);
    else if (this.connected) this.fail(end);
    else if (end.kind === "peer-closed" || end.kind === "network-lost")
      this.conclude(end.kind === "peer-closed" ? "closed" : "lost");
    // Something on this side, which says more than the place.
    else this.fail(failure(end.kind, end.command, end.code, end.detail, this.recorder.place()));
  }

  // Ending

  /** One time limit at a time: for the handshake, for what may still come, for what must still go. */
  private wait(ms: number): void {
    this.timer.clear(this.deadline);
    this.deadline = this.timer.set(() => {
      if (this.closed) this.shut();
      else if (this.end !== undefined) {
        this.silenced = true;
        this.work();
      } else this.conclude("silent");
    }, ms);
  }

  /** Ends the connection; the reason is told in a turn of its own, once. */
  protected fail(reason: Failure): void {
    if (this.reason !== undefined || this.over) return;
    this.reason = reason;
    this.later();
  }

  /** TCP has thrown: the engine is guarded by itself. */
  private thrown(error: unknown): void {
    this.fail(failure("socket", "TLS", undefined, wordsOf(error)));
  }

  /** The end of a connection for which nobody gave a reason, but the engine perhaps its words. */
  private conclude(end: HandshakeEnd | "engine", words?: string): void {
    this.fail(conclude(this.recorder, end, words));
  }

  /** The application has closed: what was written leaves, and close_notify behind it. */
  private farewell(): void {
    if (this.reason !== undefined || (this.recorder.sent.alert !== 0 && this.outgoing.length === 0))
      this.shut();
  }

  private shut(): void {
    const engine = this.engine;
    const tcp = this.tcp;
    this.over = true;
    this.connected = false;
    this.engine = this.tcp = this.piece = undefined;
    this.timer.clear(this.deadline);
    this.timer.clear(this.turn);
    closeQuietly(engine);
    closeQuietly(tcp);
  }
}

function wordsOf(error: unknown): string {
  const words = error instanceof Error ? error.message : String(error);
  return words === "" ? "an exception" : words;
}

function closeQuietly(end: { close(): void } | undefined): void {
  try {
    end?.close();
  } catch {
    // It is over in any case.
  }
}
