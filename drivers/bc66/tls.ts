import type { Source } from "../../modules/at/command.js";
import type { Transfer } from "../../modules/at/request.js";
import type { ByteRing } from "../../modules/buffer/ring.js";
import { failure, type Failure } from "../../modules/diagnosis/failure.js";
import type { SocketOptions } from "../../modules/io/socket.js";
import { Stream } from "../../modules/io/stream.js";
import type { ExtensionHost, ModemExtension } from "../quectel/extension.js";
import type { SocketHost } from "../quectel/socket.js";
import { tlsSettings } from "../quectel/tls-settings.js";
import type { BufferReport } from "../quectel/profile.js";
import type { SecureHost, SecureOptions } from "../quectel/tls.js";
import { losesBurst } from "../quectel/uart.js";
import { closeTls, openTls, sendTls, TLS_CONTEXT } from "./commands-ssl.js";
import { TlsConnections, type ConnectionHost, type TlsUser } from "./tls-connections.js";

const OPEN = "AT+QSSLOPEN";

/** SSL note: most bytes of one push. */
export const PUSH_BYTES = 1_300;
/**
 * The ring for received data: one push that the application has not read, one that is coming. The
 * module holds nothing back and cannot be told to wait: what does not fit ends the connection.
 */
export const INCOMING_BYTES = 2 * PUSH_BYTES;
/** `\r\n+QSSLURC: "recv",1,5,1300,"` with the quote and line end behind, and one report more, rounded up. */
const PUSH_OVERHEAD = 64;
/** SSL note: most bytes of one send. */
const SEND_MAX = 1_460;
/** What is pushed while a send is in data mode the module throws away: none begins so soon behind a push. */
export const QUIET_MS = 300;
/** From `OK` to `+QSSLSEND`; not documented, as long as for TCP. */
const CONFIRM_MS = 120_000;
/** From `OK` to `+QSSLCLOSE`; not documented, as long as for TCP. */
const CLOSE_MS = 10_000;

/** What these sockets need of the modem. */
export interface Bc66TlsHost
  extends
    Omit<SocketHost, "extension">,
    ConnectionHost,
    Pick<SecureHost, "clockKnown" | "missClock">,
    ExtensionHost<ConnectionHost> {
  readonly channel: ConnectionHost["channel"];
}

export interface Bc66TLSSocketOptions extends SocketOptions {
  /** The modem that carries the connection; required, and optional in type so that the record fits any client. */
  readonly modem?: Bc66TlsHost;
  readonly secure?: SecureOptions;
}

/** The most bytes that the rings of any connection ever held. */
class TlsBuffers implements ModemExtension {
  private received = 0;
  private sent = 0;

  note(incoming: ByteRing, outgoing: ByteRing): void {
    this.received = Math.max(this.received, incoming.highWater);
    this.sent = Math.max(this.sent, outgoing.highWater);
  }

  reportBuffers(report: BufferReport): void {
    report("socket receive", INCOMING_BYTES, this.received);
    report("socket send", 2 * SEND_MAX, this.sent);
  }
}

/** The ring on its way to the module: with its first byte data mode has begun. */
class Announced implements Source {
  private readonly ring: ByteRing;
  private readonly connections: TlsConnections;

  constructor(ring: ByteRing, connections: TlsConnections) {
    this.ring = ring;
    this.connections = connections;
  }

  get byteLength(): number {
    return this.ring.byteLength;
  }

  read(view: Uint8Array, offset: number): number {
    // What was damaged before may have been a push; from here on nothing is pushed.
    if (offset === 0) this.connections.heed();
    return this.ring.read(view, offset);
  }
}

/**
 * TLS 1.2 by the BC66, with the surface of Moddable's TLSSocket. Only static RSA with CBC. The server's
 * chain is checked unless `secure.verify` is false, and then no certificate of our own is sent either;
 * whether the module looks at name and dates is not documented.
 *
 * Received data are pushed, without flow control. A push that is damaged, lost on the serial line, or
 * finds no place ends the connection with `overrun`. What arrives in the half second in which a send is
 * in data mode the module throws away without a word: MQTT notices it by its framing and time limits.
 */
export class Bc66TLSSocket extends Stream implements TlsUser {
  /** `onTransfer` tells what the module confirmed. */
  readonly confirms = true;
  declare protected readonly host: string;
  private readonly modem: Bc66TlsHost;
  private readonly secure: SecureOptions;
  private readonly connections: TlsConnections;
  private readonly buffers: TlsBuffers;
  private readonly transfer: Transfer;
  /** `undefined` before and after. */
  private connection: number | undefined;
  private opening = false;
  private reopened = false;
  /** Bytes that are being sent; 0: none. */
  private sending = 0;
  /** A push came while a send waited for its confirmation. */
  private pushed = false;
  private peerClosed = false;
  private over = false;
  /** Why the module takes no more data, while what came is still read. */
  private cause: Failure | undefined;
  private timer: unknown;

  constructor(options: Bc66TLSSocketOptions) {
    const modem = options.modem;
    const secure = options.secure;
    const host = options.host || options.address;
    if (modem === undefined) throw new Error("modem is required");
    // The module resolves the host, and takes the name to check from it.
    if (secure?.serverName !== undefined && secure.serverName !== host)
      throw new Error("the module takes the server's name from host: serverName must be the same");
    if (secure?.cipherSuite !== undefined) throw new Error("a BC66 cannot be told a cipher suite");
    super(options, INCOMING_BYTES, 2 * SEND_MAX);
    if (!host) throw new Error("host or address is required");
    this.modem = modem;
    this.secure = secure ?? {};
    this.host = host;
    this.connections = modem.extension(TlsConnections);
    this.buffers = modem.extension(TlsBuffers);
    this.transfer = { source: new Announced(this.outgoing, this.connections) };
    this.later("begin", 0);
  }

  // Opening

  private begin(): void {
    const modem = this.modem;
    const reason = modem.unreachable() ?? this.exceeded();
    const settings = reason ?? tlsSettings(this.secure, modem, OPEN);
    if ("kind" in settings) this.fail(settings);
    else this.connections.acquire(this, settings, (failed, connection) => this.prepared(failed, connection));
  }

  /** The limit that this connection would exceed, if any. */
  private exceeded(): Failure | undefined {
    const modem = this.modem;
    const hostMax = modem.limits.hostMax;
    let detail;
    if (this.host.length > hostMax) detail = "host name over " + String(hostMax) + " characters";
    else if (losesBurst(PUSH_BYTES + PUSH_OVERHEAD, modem.channel.receiveHeadroom, modem.baud))
      detail = "pushes of 1300 bytes need the buffered serial class, or 9600 baud at most";
    return detail === undefined ? undefined : failure("limit", OPEN, undefined, detail);
  }

  private prepared(reason: Failure | undefined, connection: number): void {
    if (this.over || this.closed) {
      this.connections.release(this);
      return;
    }
    if (reason !== undefined) {
      this.connections.release(this);
      this.fail(reason);
      return;
    }
    const limits = this.modem.limits;
    this.connection = connection;
    this.opening = true;
    this.later("timedOut", limits.openTimeoutMs + limits.handshakeTimeoutS * 1_000);
    this.tryOpen(connection);
  }

  private tryOpen(connection: number): void {
    this.modem.channel.run(openTls, [TLS_CONTEXT, connection, this.host, this.port, 0], reason => {
      if (reason === undefined || !this.opening) return;
      if (reason.kind === "error" && !this.reopened) this.reopen(connection);
      else this.openFailed(reason);
    });
  }

  private opened(code: number): void {
    const connection = this.connection;
    if (!this.opening || connection === undefined) return;
    if (code !== 0) {
      // -6: it is open on the module, from before a restart of this side.
      if (code === -6 && !this.reopened) this.reopen(connection);
      else {
        // -2, -5 and -7 come before anything stored is looked at. A byte may have been changed on its way,
        // which the count of bytes does not show.
        if (code !== -2 && code !== -5 && code !== -7) this.connections.doubt(connection);
        this.openFailed(failure("tls", OPEN, code));
      }
      return;
    }
    this.opening = false;
    this.stopTimer();
    this.modem.opened(true);
    if (this.closed) {
      this.shut();
      return;
    }
    this.connected = true;
    this.announceWritable();
  }

  private reopen(connection: number): void {
    this.reopened = true;
    this.modem.channel.run(closeTls, [TLS_CONTEXT, connection], () => {
      if (this.opening) this.tryOpen(connection);
    });
  }

  private timedOut(): void {
    this.openFailed(failure("timeout", OPEN));
  }

  private openFailed(reason: Failure): void {
    this.modem.opened(false, reason);
    this.fail(reason);
  }

  // Sending

  protected written(complete: boolean): void {
    if (this.timer !== undefined || this.sending > 0) return;
    if (complete) this.sendNext();
    // Whoever writes piece after piece in one turn gets one send.
    else this.later("sendNext", 0);
  }

  private sendNext(): void {
    const outgoing = this.outgoing;
    const connection = this.connection;
    if (this.sending > 0 || this.over || this.peerClosed || !this.connected || connection === undefined)
      return;
    const count = Math.min(outgoing.length, SEND_MAX);
    if (count === 0) {
      if (this.closed) this.shut();
      return;
    }
    if (this.held && !this.closed && count < SEND_MAX) return;
    this.sending = outgoing.byteLength = count;
    this.pushed = false;
    this.modem.channel.run(
      sendTls,
      [TLS_CONTEXT, connection, count],
      reason => this.submitted(reason),
      this.transfer,
    );
  }

  /** The module has the bytes, and will report what became of them. */
  private submitted(reason: Failure | undefined): void {
    // Lines that nobody waited for in data mode are its echo.
    if (reason === undefined) this.connections.accept();
    if (this.over || this.sending === 0) return;
    if (reason === undefined) this.later("unconfirmed", CONFIRM_MS);
    else if (reason.kind === "error" && !this.closed) {
      // The connection is gone, and the report of that was lost in data mode. What has come can still be read.
      this.cause = reason;
      this.onPeerClosed();
    } else this.fail(reason);
  }

  private unconfirmed(): void {
    this.fail(failure("timeout", "AT+QSSLSEND"));
  }

  private sent(code: number): void {
    const count = this.sending;
    if (count === 0 || this.over) return;
    if (code !== 0) {
      // How much of it went out is not known: it cannot be repeated.
      this.fail(failure("network-lost", "AT+QSSLSEND", code));
      return;
    }
    this.sending = 0;
    this.outgoing.skip(count);
    this.account(true, count);
    // Never from within the report: the stack is deep there already.
    this.later("sendNext", this.pushed ? QUIET_MS : 0);
    if (!this.closed) this.announceWritable();
  }

  // Reports

  onReport(name: string, code: number): void {
    switch (name) {
      case "QSSLOPEN":
        this.opened(code);
        break;
      case "QSSLSEND":
        this.sent(code);
        break;
      case "QSSLCLOSE":
        if (this.over) this.release();
        break;
      default:
        this.onPeerClosed();
    }
  }

  onPush(): void {
    this.pushed = true;
    // More may follow.
    if (this.sending === 0 && this.connected) this.later("sendNext", QUIET_MS);
  }

  onBytes(bytes: Uint8Array, start: number, end: number, left: number): void {
    const incoming = this.incoming;
    if (this.over || this.closed) return;
    if (left < 0) this.onDamage();
    else if (end - start > incoming.free) this.overrun(String(incoming.length) + " bytes are not read yet");
    else if (left > 0) incoming.write(bytes, start, end);
    else {
      const brought = incoming.length - this.available;
      this.available = incoming.length;
      if (brought > 0) this.account(false, brought);
      this.announceReadable();
    }
  }

  onDamage(): void {
    if (this.connected) this.overrun("damaged on the serial line");
  }

  private overrun(detail: string): void {
    this.fail(failure("overrun", "+QSSLURC", undefined, detail));
  }

  private onPeerClosed(): void {
    if (!this.connected || this.peerClosed) return;
    this.peerClosed = true;
    this.sending = 0;
    this.stopTimer();
    this.outgoing.skip(this.outgoing.length);
    if (this.closed) this.shut();
    else this.taken();
  }

  protected taken(): void {
    // Not inside the application's own read.
    if (this.peerClosed && this.incoming.length === 0) this.later("finished", 0);
  }

  private finished(): void {
    this.fail(this.cause ?? failure("peer-closed"));
  }

  // Ending

  onLost(reason: Failure): void {
    this.connection = undefined;
    this.fail(reason);
  }

  protected override account(sent: boolean, byteLength: number): void {
    this.buffers.note(this.incoming, this.outgoing);
    super.account(sent, byteLength);
  }

  protected fail(reason: Failure): void {
    if (this.over) return;
    this.connected = false;
    this.shut();
    this.announceFailure(reason);
  }

  protected ended(): void {
    // What was written before is still delivered, as a network stack does it.
    if (this.connected && !this.over) {
      if (this.timer === undefined || this.peerClosed) this.sendNext();
      if (this.peerClosed) this.shut();
    } else if (!this.opening) this.shut();
  }

  private shut(): void {
    if (this.over) return;
    const connection = this.connection;
    this.over = true;
    this.opening = false;
    this.connection = undefined;
    this.stopTimer();
    if (connection === undefined) return;
    // After the other side's end there is nothing to be closed.
    if (this.peerClosed && this.cause === undefined) this.release();
    else
      this.modem.channel.run(closeTls, [TLS_CONTEXT, connection], reason => {
        // It is in use until its report has come.
        if (reason === undefined) this.later("release", CLOSE_MS);
        else this.release();
      });
  }

  private release(): void {
    this.stopTimer();
    this.connections.release(this);
  }

  private later(
    step: "begin" | "timedOut" | "sendNext" | "unconfirmed" | "finished" | "release",
    ms: number,
  ): void {
    this.stopTimer();
    this.timer = this.modem.timer.set(() => {
      this.timer = undefined;
      this[step]();
    }, ms);
  }

  private stopTimer(): void {
    if (this.timer !== undefined) this.modem.timer.clear(this.timer);
    this.timer = undefined;
  }
}
