import type { Link } from "../link.js";
import type { Bg95Settings } from "./settings.js";
import type { Datagram, ModuleSocket } from "./socket.js";

/** Settings of QICFG that change what the host sees. */
export interface SocketOptionValues {
  recvLength: number;
  viewMode: number;
  sendHex: number;
  receiveHex: number;
}

export interface DeliveryHost {
  readonly link: Link;
  readonly settings: Bg95Settings;
  readonly options: SocketOptionValues;
  urc(text: string, payload?: Uint8Array): void;
  /** Payload for a socket in transparent mode; false when the port is not in it. */
  transparent(socket: ModuleSocket, bytes: Uint8Array): boolean;
  peerClosed(socket: ModuleSocket): void;
}

/** Largest segment of a TCP connection over the air. */
const segmentBytes = 1_400;
/** A TLS record around application data: header, explicit nonce and tag of AES-GCM. */
const recordOverheadBytes = 29;

/** Bytes on the air beside the payload of one packet. */
export function overheadBytes(socket: ModuleSocket): number {
  if (socket.isDatagram) return 28;
  return socket.isSecure ? 40 + recordOverheadBytes : 40;
}

/** The way from the peer to the host: receive window, link, buffer, URCs. */
export class Delivery {
  readonly #host: DeliveryHost;

  constructor(host: DeliveryHost) {
    this.#host = host;
  }

  /** Brings the peer's bytes over the link as far as the receive window allows. */
  pump(socket: ModuleSocket): void {
    if (socket.isGone || socket.state === 1 || socket.isSilent) return;
    const { link, settings } = this.#host;
    for (;;) {
      const segment = socket.nextSegment(settings.receiveBufferBytes, segmentBytes);
      if (!segment) break;
      link.receive(segment.length + overheadBytes(socket), () => {
        if (socket.isGone || socket.isSilent) return;
        socket.arrived(segment);
        this.#deliver(socket, segment);
        this.pump(socket);
      });
    }
    socket.stream?.setPaused(socket.isBacklogged);
    if (socket.endIsDue) link.receive(40, () => this.ended(socket));
  }

  #deliver(socket: ModuleSocket, bytes: Uint8Array): void {
    const { options } = this.#host;
    if (socket.mode === 2 && this.#host.transparent(socket, bytes)) {
      socket.readBytes += bytes.length;
      return;
    }
    if (socket.mode === 1) {
      socket.readBytes += bytes.length;
      this.#push(socket, bytes, "");
      return;
    }
    socket.store(bytes);
    if (socket.isReported) return;
    socket.isReported = true;
    const length = options.recvLength === 1 && !socket.isSecure ? `,${String(bytes.length)}` : "";
    this.#host.urc(`${urcName(socket)}: "recv",${String(socket.id)}${length}`);
  }

  #push(socket: ModuleSocket, bytes: Uint8Array, origin: string): void {
    const { options } = this.#host;
    const head = `${urcName(socket)}: "recv",${String(socket.id)},${String(bytes.length)}${origin}`;
    const payload =
      options.receiveHex === 1 ? Buffer.from(Buffer.from(bytes).toString("hex").toUpperCase()) : bytes;
    if (options.viewMode === 1) this.#host.urc(`${head},${Buffer.from(payload).toString("latin1")}`);
    else this.#host.urc(head, payload);
  }

  packet(socket: ModuleSocket, packet: Datagram): void {
    if (socket.isGone || socket.isSilent) return;
    socket.receivedBytes += packet.bytes.length;
    if (socket.mode === 1) {
      const origin = socket.kind === "UDP SERVICE" ? `,"${packet.address}",${String(packet.port)}` : "";
      socket.readBytes += packet.bytes.length;
      this.#push(socket, packet.bytes, origin);
      return;
    }
    socket.packets.push(packet);
    if (socket.isReported) return;
    socket.isReported = true;
    this.#host.urc(`+QIURC: "recv",${String(socket.id)}`);
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
    if (socket.mode === 2) this.#host.peerClosed(socket);
    else this.closedUrc(socket);
  }

  closedUrc(socket: ModuleSocket): void {
    this.#host.urc(`${urcName(socket)}: "closed",${String(socket.id)}`);
  }
}

function urcName(socket: ModuleSocket): string {
  return socket.isSecure ? "+QSSLURC" : "+QIURC";
}
