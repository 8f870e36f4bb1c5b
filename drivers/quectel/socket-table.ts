import type { Line } from "../../modules/at/line.js";
import type { Failure } from "../../modules/diagnosis/failure.js";
import type { ModemExtension } from "./extension.js";
import type { BufferReport, SocketLimits } from "./profile.js";
import type { ModuleSocket } from "./socket.js";

/** Sends that fit the ring: one that the module has not confirmed yet, one that gathers. */
export const SENDS_AHEAD = 2;

/** What the table needs of the modem. */
export interface TableHost {
  readonly limits: SocketLimits;
}

/** Which socket has which connect id, and the module's reports to them. */
export class SocketTable implements ModemExtension {
  private readonly limits: SocketLimits;
  private readonly sockets: (ModuleSocket | undefined)[];
  private incoming = 0;
  private outgoing = 0;

  constructor(host: TableHost) {
    this.limits = host.limits;
    this.sockets = new Array<ModuleSocket | undefined>(this.limits.count).fill(undefined);
  }

  /** The lowest free id; `undefined` when all are in use. */
  attach(socket: ModuleSocket): number | undefined {
    const id = this.sockets.indexOf(undefined);
    if (id < 0) return undefined;
    this.sockets[id] = socket;
    return id;
  }

  detach(id: number): void {
    this.measure(this.sockets[id]);
    this.sockets[id] = undefined;
  }

  /** Tells of the sockets' rings: their size, and the most bytes that any of them ever held. */
  reportBuffers(report: BufferReport): void {
    this.sockets.forEach(socket => this.measure(socket));
    report("socket receive", this.limits.incomingBytes, this.incoming);
    report("socket send", SENDS_AHEAD * this.limits.sendMax, this.outgoing);
  }

  private measure(socket: ModuleSocket | undefined): void {
    if (socket === undefined) return;
    this.incoming = Math.max(this.incoming, socket.incoming.highWater);
    this.outgoing = Math.max(this.outgoing, socket.outgoing.highWater);
  }

  onReport(name: string, line: Line): boolean {
    // `+QIOPEN: <id>,<err>`, `+QSSLOPEN: <id>,<err>`.
    if (name === "opened") this.sockets[line.int(0)]?.onOpened(line.int(1));
    else if (name === "socket" || name === "tls") {
      // `+QIURC: "recv",<id>`, `"closed",<id>`; the same for `+QSSLURC`.
      const socket = this.sockets[line.int(1)];
      if (line.is(0, "recv")) socket?.onReceivable();
      else if (line.is(0, "closed")) socket?.onPeerClosed();
    } else return false;
    return true;
  }

  wake(): void {
    this.sockets.forEach(socket => socket?.onReceivable());
  }

  endSockets(reason: Failure, id: number): void {
    this.sockets.forEach((socket, i) => {
      if (i === id || Number.isNaN(id)) socket?.end(reason);
    });
  }

  lose(reason: Failure): void {
    this.sockets.forEach(socket => socket?.onLost(reason));
  }
}
