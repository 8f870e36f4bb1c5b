import type { StreamSocket } from "../io/socket.js";
import type { Target } from "./packets.js";
import type { Source } from "./source.js";

/**
 * Writes one packet at a time to a socket, in as few writes as a small buffer allows and never
 * beyond the socket's room: what does not fit waits for the next `flush`.
 *
 * The pieces that fit into the room at once are announced to the socket as one group (`more`,
 * `byteLength`), so that they leave together: over AT, a group is one send command.
 */
export class Sender implements Target {
  /** Bytes that the socket takes at present. */
  room = 0;
  /** Bytes of the present packet that the socket has not been given. */
  left = 0;
  /** Bytes behind those that the application streams itself. */
  tail = 0;
  /** The source gave nothing: the packet cannot be finished and the connection is of no more use. */
  broken = false;
  readonly #fixed: Uint8Array;
  #buffer: Uint8Array;
  #start = 0;
  #end = 0;
  #source: Source | undefined;
  #offset = 0;

  constructor(readonly capacity: number) {
    this.#fixed = this.#buffer = new Uint8Array(capacity);
  }

  /** A header beyond the buffer's capacity (CONNECT with a long token) gets a buffer of its own, until the next packet. */
  allocate(byteLength: number): Uint8Array {
    return (this.#buffer = byteLength <= this.#fixed.length ? this.#fixed : new Uint8Array(byteLength));
  }

  /** `header` bytes stand in the buffer of `allocate`, behind them go those of `source` and `tail` bytes of the application. */
  begin(header: number, source: Source | undefined, tail: number): void {
    this.#source = source;
    this.#offset = 0;
    this.#start = 0;
    this.#end = header;
    this.left = header + (source?.byteLength ?? 0);
    this.tail = tail;
    // Header and payload in one write where the buffer has room: some sockets make a record of each write.
    if (this.left > header && header < this.#buffer.length) this.#end += this.#pull(header);
  }

  /** Reads payload into the buffer from `at`; returns how much. */
  #pull(at: number): number {
    const { byteLength = 0 } = this.#source ?? {};
    const rest = byteLength - this.#offset;
    const free = this.#buffer.length - at;
    let count = 0;
    try {
      count =
        this.#source?.read(this.#buffer.subarray(at, at + (rest < free ? rest : free)), this.#offset) ?? 0;
    } catch {
      // Storage that throws is storage that gave nothing.
    }
    this.#offset += count;
    if (count <= 0) this.broken = true;
    return count;
  }

  /**
   * Writes as much as the room allows; `stream` follows at once with `following` bytes. Returns
   * whether the packet is out but for the tail.
   */
  flush(socket: StreamSocket, following = 0): boolean {
    const all = this.left + this.tail;
    let group = all <= this.room ? all : this.left + following;
    let first = true;
    while (this.left > 0 && this.room > 0 && !this.broken) {
      // The room may shrink by more than was written: TLS adds bytes of its own to each write.
      if (group > this.room) group = this.room;
      if (this.#start === this.#end) {
        this.#start = 0;
        this.#end = this.#pull(0);
        continue;
      }
      const have = this.#end - this.#start;
      const count = have < this.room ? have : this.room;
      const options =
        group === count ? undefined : first ? { more: true, byteLength: group } : { more: true };
      const piece = this.#buffer.subarray(this.#start, this.#start + count);
      this.#start += count;
      this.left -= count;
      group -= count;
      first = false;
      this.room = socket.write(piece, options);
    }
    return this.left === 0;
  }

  /** Writes bytes of the tail, at most `room` and `tail`. */
  stream(socket: StreamSocket, data: ArrayBuffer | Uint8Array): void {
    this.tail -= data.byteLength;
    const more = this.tail > 0 && this.tail <= this.room - data.byteLength;
    this.room = socket.write(data, more ? { more } : undefined);
  }
}
