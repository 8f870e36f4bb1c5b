import type { StreamSocket } from "../io/socket.js";
import { Receiver } from "./receiver.js";

/** What `Inbox.pull` found. */
export type Step =
  /** The next move is not ours: bytes have to come. */
  | ""
  /** `failure` stands. */
  | "failure"
  /** A control packet stands; `next` goes on. */
  | "control"
  /** A PUBLISH begins: decide whether to `drop` it. */
  | "message"
  /** Bytes of its payload can be read, or it has none and has not been announced. */
  | "piece"
  /** Its payload has been read; `next` goes on. */
  | "end";

/** Takes packets out of a socket, never a byte beyond what has been asked for. */
export class Inbox extends Receiver {
  /** Bytes in the socket's receive buffer. */
  buffered = 0;
  /** The present message is read and thrown away. */
  drop = false;
  /** The present message has not been announced to the application. */
  first = false;

  /** Bytes of the present message that can be read. */
  get readable(): number {
    return this.operation === 3 /* PUBLISH */ ? Math.min(this.payload, this.buffered) : 0;
  }

  pull(socket: StreamSocket): Step {
    if (this.operation) {
      // The buffer is free for what is dropped: the topic has been taken out of it.
      while (this.drop && this.readable) this.read(socket, this.buffer);
      if (this.readable || (this.first && !this.drop && !this.payload)) return "piece";
      return this.payload ? "" : "end";
    }
    while (this.buffered) {
      const count = Math.min(this.need, this.buffered);
      socket.read(this.window(count));
      this.buffered -= count;
      if (this.advance(count)) {
        this.first = true;
        return this.failure ? "failure" : this.operation === 3 ? "message" : "control";
      }
    }
    return "";
  }

  /** Payload; `into`: the most bytes, or a view to fill; by default all. */
  read(socket: StreamSocket, into: number | Uint8Array | undefined): ArrayBuffer | number | undefined {
    const readable = this.readable;
    const count = Math.min(readable, typeof into === "object" ? into.length : (into ?? readable));
    if (!count) return undefined;
    this.payload -= count;
    this.buffered -= count;
    return typeof into === "object" ? socket.read(into.subarray(0, count)) : socket.read(count);
  }
}
