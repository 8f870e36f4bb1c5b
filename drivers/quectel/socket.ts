import type { Channel } from "../../modules/at/channel.js";
import type { Transfer } from "../../modules/at/request.js";
import { failure, type Failure } from "../../modules/diagnosis/failure.js";
import type { SocketOptions } from "../../modules/io/socket.js";
import { Stream } from "../../modules/io/stream.js";
import type { Timer } from "../../modules/io/timer.js";
import type { ExtensionHost } from "./extension.js";
import type { Profile } from "./profile.js";
import type { SocketKind } from "./socket-kind.js";
import { SENDS_AHEAD, SocketTable, type TableHost } from "./socket-table.js";

export type { SocketKind } from "./socket-kind.js";

/** Below this a read into a ring that still holds data would cost a command for little. */
const WORTHWHILE_READ = 512;

/** What sockets need of the modem that they belong to. */
export interface SocketHost extends TableHost, ExtensionHost<TableHost> {
  readonly channel: Channel;
  readonly timer: Timer;
  readonly profile: Profile;
  /** Baud rate of the serial port; `undefined` where the record leaves it open. */
  readonly baud: number | undefined;
  /** PDP context of every connection. */
  readonly context: number;
  /** Why a connection cannot be opened now, if so. */
  unreachable(): Failure | undefined;
  /** A connection was opened or not: after failures the modem looks at its context, and renews it. */
  opened(ok: boolean, reason?: Failure): void;
  /** Has every socket look for data when a report may have been lost. */
  heed(): void;
  /** `unread`: the module holds data that have no place here; id, bytes held here, bytes that the module can hold. */
  event(name: string, ...values: (string | number)[]): void;
}

/** Options beside those of ECMA-419. */
export interface ModuleSocketOptions extends SocketOptions {
  /** The modem that carries the connection; required, and optional in type so that the record fits any client. */
  readonly modem?: SocketHost;
}

/**
 * A stream socket of the module in buffer access mode. Outgoing bytes are gathered and leave in
 * sends as large as the module takes; each waits for its confirmation. Incoming bytes are asked
 * for, never more than ring, module and serial port can take.
 */
export abstract class ModuleSocket extends Stream {
  protected readonly modem: SocketHost;
  /** `onTransfer` tells what the module confirmed. */
  readonly confirms = true;
  declare protected readonly host: string;
  /** Connect id; `undefined` before and after. */
  protected id: number | undefined;
  private readonly kind: SocketKind;
  private readonly table: SocketTable;
  /** The ring keeps what is sent until the send is confirmed. */
  private readonly transfer: Transfer;
  private opening = false;
  private sending = false;
  private reading = false;
  private receivable = false;
  private peerClosed = false;
  private drained = false;
  private over = false;
  /** Why the module takes no more data, while what it holds is still read. */
  private cause: Failure | undefined;
  private retries = 0;
  /** Lines that nobody waited for, when the read under way began. */
  private strays = 0;
  private timer: unknown;
  private reopened = false;
  /** Bytes that were held here when data in the module were reported to have no place. */
  private unread = 0;

  /** `host`: name or address that the module is told. */
  constructor(options: ModuleSocketOptions, kind: SocketKind | undefined, host: string | undefined) {
    const modem = options.modem;
    if (modem === undefined || kind === undefined) throw new Error("modem is required");
    const limits = modem.limits;
    super(options, limits.incomingBytes, SENDS_AHEAD * limits.sendMax);
    if (!host) throw new Error("host or address is required");
    this.host = host;
    this.modem = modem;
    this.kind = kind;
    this.table = modem.extension(SocketTable);
    this.transfer = { source: this.outgoing, sink: this.incoming };
    this.later("begin", 0);
  }

  /** Makes ready what the open command needs, then calls `open` or `fail`. */
  protected abstract prepare(): void;
  /** Sends the open command; its result comes by report. */
  protected abstract sendOpen(id: number, done: (reason: Failure | undefined) => void): void;

  // Opening

  private begin(): void {
    const reason = this.modem.unreachable();
    if (reason !== undefined) {
      this.fail(reason);
      return;
    }
    this.prepare();
  }

  protected open(): void {
    if (this.over || this.closed) return;
    const limits = this.modem.limits;
    const kind = this.kind;
    let detail = "all connect ids are in use";
    if (this.host.length > limits.hostMax)
      detail = "host name over " + String(limits.hostMax) + " characters";
    else this.id = this.table.attach(this);
    if (this.id === undefined) {
      this.fail(failure("limit", kind.openName, undefined, detail));
      return;
    }
    this.opening = true;
    this.later(
      "timedOut",
      limits.openTimeoutMs + (kind.failureKind === "tls" ? limits.handshakeTimeoutS * 1_000 : 0),
    );
    this.tryOpen(this.id);
  }

  private tryOpen(id: number): void {
    this.sendOpen(id, reason => {
      if (reason === undefined || !this.opening) return;
      if (this.kind.refusesTaken && reason.kind === "error" && !this.reopened) this.reopen(id);
      else this.openFailed(reason);
    });
  }

  /** The module's result of the open command. */
  onOpened(code: number): void {
    if (!this.opening || this.id === undefined) return;
    if (code !== 0) {
      // 563: the id is taken on the module by a connection from before a restart of this side.
      if (code === 563 && !this.reopened) this.reopen(this.id);
      else this.openFailed(failure(code === 565 ? "dns" : this.kind.failureKind, this.kind.openName, code));
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
    this.readNext();
  }

  private reopen(id: number): void {
    const closes = this.modem.profile.closes ?? [];
    this.reopened = true;
    // It may have been of any kind.
    closes.forEach((close, i) =>
      this.modem.channel.run(close, [id, this.closeTimeout(0)], () => {
        if (this.opening && i === closes.length - 1) this.tryOpen(id);
      }),
    );
  }

  private timedOut(): void {
    this.openFailed(failure("timeout", this.kind.openName));
  }

  private openFailed(reason: Failure): void {
    this.modem.opened(false, reason);
    this.fail(reason);
  }

  // Sending

  protected written(complete: boolean): void {
    if (complete) {
      if (this.timer === undefined) this.sendNext();
    } else if (this.timer === undefined && !this.sending) {
      // Whoever writes piece after piece in one turn (a TLS flight) gets one send.
      this.later("sendNext", 0);
    }
  }

  private sendNext(): void {
    const outgoing = this.outgoing;
    const id = this.id;
    const modem = this.modem;
    if (this.sending || this.over || !this.connected || id === undefined) return;
    if (outgoing.length === 0) {
      if (this.closed) this.shut();
      return;
    }
    const limit = modem.limits.sendMax;
    if (this.held && !this.closed && outgoing.length < limit) return;
    const way = this.kind.sendWay?.(outgoing.length, modem.baud);
    const count = Math.min(outgoing.length, way?.sendMax ?? limit);
    this.sending = true;
    outgoing.byteLength = count;
    modem.channel.run(
      way?.send ?? this.kind.send,
      [id, count],
      reason => {
        this.sending = false;
        this.sent(reason, count);
      },
      this.transfer,
    );
  }

  private sent(reason: Failure | undefined, count: number): void {
    if (this.over) return;
    const limits = this.modem.limits;
    if (reason === undefined) {
      this.retries = 0;
      this.outgoing.skip(count);
      this.account(true, count);
      this.sendNext();
      if (!this.closed) this.announceWritable();
      this.modem.heed();
    } else if (
      (reason.kind === "send-fail" && this.retries < limits.sendRetries) ||
      (reason.kind === "error" && this.retries === 0 && !this.peerClosed)
    ) {
      // The module's buffer is full because the network does not take the data: wait. After an
      // `ERROR` too, says the manual; the report of the other side's end may be on its way.
      this.later("sendNext", limits.sendRetryMs << this.retries++);
    } else if (reason.kind === "error" && !this.closed) {
      // What has arrived can still be read.
      if (!this.peerClosed) this.cause = reason;
      this.outgoing.skip(this.outgoing.length);
      this.onPeerClosed();
    } else this.fail(reason.kind === "send-fail" ? failure("network-lost", reason.command) : reason);
  }

  // Receiving

  /** The module has data, or may have: a report that said so can be lost. */
  onReceivable(): void {
    // Data that were reported before those of the read under way began are counted by that read.
    if (this.kind.tellsRest && this.reading && this.incoming.length === this.available) return;
    this.receivable = true;
    this.readNext();
  }

  onPeerClosed(): void {
    // Of an earlier connection with the same id.
    if (!this.connected) return;
    this.peerClosed = true;
    // Data that came before the end can still be read.
    this.onReceivable();
  }

  protected taken(): void {
    if (!this.delivering) this.readNext();
  }

  private readNext(): void {
    const incoming = this.incoming;
    const id = this.id;
    if (this.reading || this.over || this.closed || !this.connected || id === undefined) return;
    if (this.drained) {
      this.finish();
      return;
    }
    if (!this.receivable) return;
    const limits = this.modem.limits;
    const held = incoming.length;
    if (held > 0 && incoming.free < WORTHWHILE_READ) {
      const moduleBytes = limits.moduleBytes;
      // Where the module has no flow control to hold the other side back, this comes before a loss.
      if (moduleBytes !== undefined && this.unread !== held)
        this.modem.event("unread", id, held, moduleBytes);
      this.unread = held;
      return;
    }
    const burst = this.modem.channel.receiveHeadroom ?? limits.stockReceiveBurst;
    const count = Math.min(incoming.free, limits.receiveMax, burst - limits.receiveOverhead);
    this.reading = true;
    // Cleared now: a report that comes while the read is under way tells of later data.
    this.receivable = false;
    this.strays = this.modem.channel.counters.strays;
    this.modem.channel.run(
      this.kind.receive,
      [id, this.kind.receiveDefault && count === limits.receiveMax ? undefined : count],
      (reason, received) => {
        this.reading = false;
        this.received(reason, received, count);
      },
      this.transfer,
    );
  }

  private received(reason: Failure | undefined, received: number | undefined, asked: number): void {
    if (this.over || this.closed) return;
    // A stray line amid a read can be payload behind a damaged count: the stream has a gap then.
    if (received === undefined || this.strays !== this.modem.channel.counters.strays) {
      if (this.peerClosed && reason?.kind === "error") this.drained = true;
      else {
        this.fail(reason ?? failure("malformed", this.kind.openName, undefined, "damaged read"));
        return;
      }
    } else {
      const brought = this.incoming.length - this.available;
      this.available = this.incoming.length;
      if (brought > 0) this.account(false, brought);
      if (this.kind.tellsRest ? received > 0 : received >= asked) this.receivable = true;
      else if (this.peerClosed && !(this.kind.tellsRest && this.receivable)) this.drained = true;
      if (brought > 0) this.announceReadable();
    }
    this.readNext();
  }

  private finish(): void {
    // Not inside the application's own read. What was not sent by now the module takes no more.
    if (this.incoming.length === 0) this.later("finished", 0);
  }

  private finished(): void {
    this.fail(this.cause ?? failure("peer-closed"));
  }

  // Ending

  /** Ends the connection; `lost`: the module has forgotten it by itself. */
  onLost(reason: Failure): void {
    if (this.id !== undefined) this.table.detach(this.id);
    this.id = undefined;
    this.fail(reason);
  }

  /** Ends the connection, here and on the module. */
  end(reason: Failure): void {
    this.fail(reason);
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
      if (this.timer === undefined) this.sendNext();
    } else if (!this.opening) this.shut();
  }

  private shut(): void {
    if (this.over) return;
    this.over = true;
    this.opening = false;
    this.stopTimer();
    const id = this.id;
    this.id = undefined;
    if (id === undefined) return;
    // The id is in use until the module has confirmed, also after the other side's end.
    this.modem.channel.run(this.kind.close, [id, this.closeTimeout(this.peerClosed ? 0 : Infinity)], () => {
      this.table.detach(id);
    });
  }

  /** At most so many seconds; `undefined` where the command takes no time. */
  private closeTimeout(seconds: number): number | undefined {
    const most = this.modem.limits.closeTimeoutS;
    return most === undefined ? undefined : Math.min(most, seconds);
  }

  private later(step: "begin" | "timedOut" | "sendNext" | "finished", ms: number): void {
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
