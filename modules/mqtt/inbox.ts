import type { StreamSocket } from "../io/socket.js";
import { PUBLISH } from "./packets.js";
import { Receiver } from "./receiver.js";

/** What `Inbox.step` found. */
/** The next move is not ours: bytes have to come. */
export const NOTHING = 0;
/** The receiver has failed. */
export const FAILURE = 1;
/** A control packet stands in the receiver; `receiver.next` goes on. */
export const CONTROL = 2;
/** A PUBLISH begins: decide whether to `drop` it. */
export const MESSAGE = 3;
/** Bytes of its payload can be read, or it has none and has not been announced. */
export const PIECE = 4;
/** Its payload has been read; `receiver.next` goes on. */
export const END = 5;

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
    const { operation, payload } = this.receiver;
    return operation !== PUBLISH || this.drop ? 0 : payload < this.buffered ? payload : this.buffered;
  }

  step(socket: StreamSocket): number {
    const { receiver } = this;
    if (receiver.operation === PUBLISH) {
      if (this.drop) this.#skip(socket);
      else if (this.readable || (receiver.payload === 0 && this.first)) return PIECE;
      return receiver.payload ? NOTHING : END;
    }
    while (this.buffered && receiver.need) {
      const count = receiver.need < this.buffered ? receiver.need : this.buffered;
      socket.read(receiver.window(count));
      this.buffered -= count;
      if (!receiver.advance(count)) continue;
      if (receiver.failure) return FAILURE;
      if (receiver.operation !== PUBLISH) return CONTROL;
      this.first = true;
      return MESSAGE;
    }
    return NOTHING;
  }

  /** `into`: the most bytes, or a view to fill; by default all. */
  read(socket: StreamSocket, into: number | Uint8Array | undefined): ArrayBuffer | number | undefined {
    const { readable } = this;
    if (!readable) return undefined;
    const wanted = into === undefined ? readable : typeof into === "number" ? into : into.length;
    const count = wanted < readable ? wanted : readable;
    let result;
    if (typeof into === "object") result = socket.read(count === wanted ? into : into.subarray(0, count));
    else result = socket.read(count);
    this.#took(count);
    return result;
  }

  #skip(socket: StreamSocket): void {
    const { receiver } = this;
    // The receiver's buffer is free for this: the topic has been taken out of it.
    const { buffer } = receiver;
    while (receiver.payload && this.buffered) {
      const count = Math.min(receiver.payload, this.buffered, buffer.length);
      socket.read(buffer.subarray(0, count));
      this.#took(count);
    }
  }

  #took(count: number): void {
    this.receiver.payload -= count;
    this.buffered -= count;
  }
}
