import type { Line } from "../../modules/at/line.js";
import type { Failure } from "../../modules/diagnosis/failure.js";
import type { BufferReport, SocketLimits } from "./profile.js";
import type { ModuleSocket } from "./socket.js";

/** Sends that fit the ring: one that the module has not confirmed yet, one that gathers. */
export const SENDS_AHEAD = 2;

/** Which socket has which connect id, and the module's reports to them. */
export class SocketTable {
  private readonly sockets: (ModuleSocket | undefined)[];
  private incoming = 0;
  private outgoing = 0;

  constructor(count: number) {
    this.sockets = new Array<ModuleSocket | undefined>(count).fill(undefined);
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
  reportBuffers({ incomingBytes, sendMax }: SocketLimits, report: BufferReport): void {
    this.sockets.forEach(socket => this.measure(socket));
    report("socket receive", incomingBytes, this.incoming);
    report("socket send", SENDS_AHEAD * sendMax, this.outgoing);
  }

  private measure(socket: ModuleSocket | undefined): void {
    if (socket === undefined) return;
    this.incoming = Math.max(this.incoming, socket.incoming.highWater);
    this.outgoing = Math.max(this.outgoing, socket.outgoing.highWater);
  }

  /** `+QIOPEN: <id>,<err>`, `+QSSLOPEN: <id>,<err>`. */
  opened(line: Line): void {
    this.sockets[line.int(0)]?.onOpened(line.int(1));
  }

  /** `+QIURC: "recv",<id>`, `"closed",<id>`; the same for `+QSSLURC`. */
  report(line: Line): void {
    const socket = this.sockets[line.int(1)];
    if (line.is(0, "recv")) socket?.onReceivable();
    else if (line.is(0, "closed")) socket?.onPeerClosed();
  }

  /** Any socket may have data: a report can have been lost. */
  wake(): void {
    this.sockets.forEach(socket => socket?.onReceivable());
  }

  /** Ends the connection `id`, or all when that is no number, here and on the module. */
  end(reason: Failure, id: number): void {
    this.sockets.forEach((socket, i) => {
      if (i === id || Number.isNaN(id)) socket?.end(reason);
    });
  }

  /** Ends all: the module has forgotten them. */
  lose(reason: Failure): void {
    this.sockets.forEach(socket => socket?.onLost(reason));
  }
}
