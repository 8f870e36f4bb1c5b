import type { Link } from "../link.js";
import type { Datagram, ModuleSocket } from "./socket.js";

/** What a module does with what comes from its peers. */
export interface DeliveryHost {
  readonly link: Link;
  /** Unread bytes of a socket beyond which the TCP window closes; Infinity: it never does. */
  readonly receiveWindowBytes: number;
  /** A TLS record around application data. */
  readonly recordOverheadBytes: number;
  received(socket: ModuleSocket, bytes: Uint8Array): void;
  receivedPacket(socket: ModuleSocket, packet: Datagram): void;
  /** The peer has ended the connection, or it is broken; the state has been changed. */
  peerEnded(socket: ModuleSocket): void;
}

/** Largest segment of a TCP connection over the air. */
const segmentBytes = 1_400;
/** Headers of IP and TCP. */
export const segmentOverheadBytes = 40;

/** The way from the peer to the module: receive window, link, order of data and end. */
export class Delivery {
  readonly #host: DeliveryHost;

  constructor(host: DeliveryHost) {
    this.#host = host;
  }

  /** Bytes on the air beside the payload of one packet. */
  overheadBytes(socket: ModuleSocket): number {
    if (socket.isDatagram) return 28;
    return segmentOverheadBytes + (socket.isSecure ? this.#host.recordOverheadBytes : 0);
  }

  /** Brings the peer's bytes over the link as far as the receive window allows. */
  pump(socket: ModuleSocket): void {
    if (socket.isGone || socket.state === 1 || socket.isSilent) return;
    const { link, receiveWindowBytes } = this.#host;
    for (;;) {
      const segment = socket.nextSegment(receiveWindowBytes, segmentBytes);
      if (!segment) break;
      link.receive(segment.length + this.overheadBytes(socket), () => {
        if (socket.isGone || socket.isSilent) return;
        socket.arrived(segment);
        this.#host.received(socket, segment);
        this.pump(socket);
      });
    }
    socket.stream?.setPaused(socket.isBacklogged);
    if (socket.endIsDue) link.receive(segmentOverheadBytes, () => this.ended(socket));
  }

  packet(socket: ModuleSocket, packet: Datagram): void {
    if (socket.isGone || socket.isSilent) return;
    socket.receivedBytes += packet.bytes.length;
    this.#host.receivedPacket(socket, packet);
  }

  ended(socket: ModuleSocket): void {
    if (socket.isGone || socket.isSilent) return;
    const waiting = socket.onPeerEnd;
    socket.onPeerEnd = undefined;
    if (waiting) {
      waiting();
      return;
    }
    if (socket.state !== 2) return;
    socket.state = 4;
    this.#host.peerEnded(socket);
  }
}
