import type { StreamSocket } from "../io/socket.js";
import { Receiver } from "./receiver.js";

/** What `Inbox.step` found. */
export type Step =
  /** The next move is not ours: bytes have to come. */
  | ""
  /** The receiver has failed. */
  | "failure"
  /** A control packet stands in the receiver; `receiver.next` goes on. */
  | "control"
  /** A PUBLISH begins: decide whether to `drop` it. */
  | "message"
  /** Bytes of its payload can be read, or it has none and has not been announced. */
  | "piece"
  /** Its payload has been read; `receiver.next` goes on. */
  | "end";

/** Takes packets out of a socket, never a byte beyond what has been asked for. */
export class Inbox {
  readonly receiver: Receiver;
  /** Bytes in the socket's receive buffer. */
  buffered = 0;
  /** The present message is read and thrown away. */
  drop = false;
  /** The present message has not been announced to the application. */
  first = false;

  constructor(topicLength: number) {
    this.receiver = new Receiver(topicLength);
  }

  /** Bytes of the present message that the application can read. */
  get readable(): number {
    return this.receiver.operation !== 3 /* PUBLISH */ || this.drop
      ? 0
      : Math.min(this.receiver.payload, this.buffered);
  }

  step(socket: StreamSocket): Step {
    const receiver = this.receiver;
    if (receiver.operation) {
      if (this.drop) this.skip(socket);
      else if (this.readable || (this.first && !receiver.payload)) return "piece";
      return receiver.payload ? "" : "end";
    }
    while (this.buffered) {
      const count = Math.min(receiver.need, this.buffered);
      socket.read(receiver.window(count));
      this.buffered -= count;
      if (receiver.advance(count)) {
        if (receiver.failure) return "failure";
        this.first = true;
        return receiver.operation === 3 ? "message" : "control";
      }
    }
    return "";
  }

  /** `into`: the most bytes, or a view to fill; by default all. */
  read(socket: StreamSocket, into: number | Uint8Array | undefined): ArrayBuffer | number | undefined {
    const count = Math.min(this.readable, typeof into === "object" ? into.length : (into ?? this.readable));
    if (!count) return undefined;
    this.receiver.payload -= count;
    this.buffered -= count;
    return typeof into === "object" ? socket.read(into.subarray(0, count)) : socket.read(count);
  }

  private skip(socket: StreamSocket): void {
    const receiver = this.receiver;
    let count;
    // The receiver's buffer is free for this: the topic has been taken out of it.
    while ((count = Math.min(receiver.payload, this.buffered, receiver.buffer.length))) {
      socket.read(receiver.buffer.subarray(0, count));
      receiver.payload -= count;
      this.buffered -= count;
    }
  }
}
