import type { Datagram, ModuleSocket } from "../modem/socket.js";

/** Settings of QICFG that change what the host sees. */
export interface SocketOptionValues {
  recvLength: number;
  viewMode: number;
  sendHex: number;
  receiveHex: number;
}

export interface ReceiverHost {
  readonly options: SocketOptionValues;
  urc(text: string, payload?: Uint8Array): void;
  /** Payload for a socket in transparent mode; false when the port is not in it. */
  transparent(socket: ModuleSocket, bytes: Uint8Array): boolean;
  peerClosed(socket: ModuleSocket): void;
}

/** What the host hears of data and ends: buffers and URCs by access mode. */
export class Receiver {
  readonly #host: ReceiverHost;

  constructor(host: ReceiverHost) {
    this.#host = host;
  }

  received(socket: ModuleSocket, bytes: Uint8Array): void {
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

  packet(socket: ModuleSocket, packet: Datagram): void {
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

  peerEnded(socket: ModuleSocket): void {
    if (socket.mode === 2) this.#host.peerClosed(socket);
    else this.closed(socket);
  }

  closed(socket: ModuleSocket): void {
    this.#host.urc(`${urcName(socket)}: "closed",${String(socket.id)}`);
  }

  #push(socket: ModuleSocket, bytes: Uint8Array, origin: string): void {
    const { options } = this.#host;
    const head = `${urcName(socket)}: "recv",${String(socket.id)},${String(bytes.length)}${origin}`;
    const payload =
      options.receiveHex === 1 ? Buffer.from(Buffer.from(bytes).toString("hex").toUpperCase()) : bytes;
    if (options.viewMode === 1) this.#host.urc(`${head},${Buffer.from(payload).toString("latin1")}`);
    else this.#host.urc(head, payload);
  }
}

function urcName(socket: ModuleSocket): string {
  return socket.isSecure ? "+QSSLURC" : "+QIURC";
}
