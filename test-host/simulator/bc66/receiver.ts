import type { Datagram, ModuleSocket } from "../modem/socket.js";
import type { Bc66Module } from "./module.js";

/** Most payload bytes of one +QSSLURC, as text and as hexadecimal. */
const tlsPushBytes = { text: 1_300, hex: 650 } as const;

/** What the host hears of data and ends: bounded buffers, and URCs by access mode and QICFG. */
export class Receiver {
  readonly #module: Bc66Module;

  constructor(module: Bc66Module) {
    this.#module = module;
  }

  received(socket: ModuleSocket, bytes: Uint8Array): void {
    if (socket.isSecure) this.#pushSecure(socket, bytes);
    else if (socket.mode === 1) this.#push(socket, bytes);
    else this.#store(socket, bytes);
  }

  packet(socket: ModuleSocket, packet: Datagram): void {
    this.received(socket, packet.bytes);
  }

  closed(socket: ModuleSocket): void {
    if (socket.isSecure) {
      const { sslContext = 1, id } = socket;
      this.#module.urc(`+QSSLURC: "closed",${String(sslContext)},${String(id)}`);
      // Nothing more is to be done by the host.
      this.#module.sockets.remove(socket);
    } else this.#module.urc(`+QIURC: "closed",${String(socket.id)}`);
  }

  #store(socket: ModuleSocket, bytes: Uint8Array): void {
    const { settings, values } = this.#module;
    const room = Math.max(0, settings.receiveBufferBytes - socket.unreadBytes);
    // The peer's TCP has its acknowledgement: nobody sends the rest again.
    if (room > 0) socket.store(bytes.slice(0, room));
    const id = String(socket.id);
    if (!socket.isReported) {
      socket.isReported = true;
      const length = values.number("showlength") === 1 ? `,${String(Math.min(room, bytes.length))}` : "";
      this.#module.urc(`+QIURC: "recv",${id}${length}`);
    }
    if (bytes.length <= room) return;
    socket.lostBytes += bytes.length - room;
    this.#module.urc(
      settings.overflowForm === "with-id" ? `+QIURC: "recv",${id},"buff full"` : '+QIURC: "recv",buff full',
    );
  }

  #push(socket: ModuleSocket, bytes: Uint8Array): void {
    const { settings, values } = this.#module;
    const isHex = values.get("dataformat").endsWith(",1");
    for (let at = 0; at < bytes.length; at += settings.pushBytes) {
      const piece = bytes.subarray(at, at + settings.pushBytes);
      socket.readBytes += piece.length;
      const head = `+QIURC: "recv",${String(socket.id)},${String(piece.length)}`;
      const payload = isHex ? Buffer.from(hexadecimal(piece)) : piece;
      if (values.number("viewmode") === 1)
        this.#module.urc(`${head},${Buffer.from(payload).toString("latin1")}`);
      else this.#module.urc(head, payload);
    }
  }

  #pushSecure(socket: ModuleSocket, bytes: Uint8Array): void {
    const { sslContext = 1, id } = socket;
    const isHex = this.#module.tls.item(id).receiveHex;
    const most = isHex ? tlsPushBytes.hex : tlsPushBytes.text;
    for (let at = 0; at < bytes.length; at += most) {
      const piece = bytes.subarray(at, at + most);
      socket.readBytes += piece.length;
      const text = isHex ? hexadecimal(piece) : Buffer.from(piece).toString("latin1");
      // Quotes in the payload stand as they are.
      this.#module.urc(
        `+QSSLURC: "recv",${String(sslContext)},${String(id)},${String(piece.length)},"${text}"`,
      );
    }
  }
}

export function hexadecimal(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex").toUpperCase();
}
