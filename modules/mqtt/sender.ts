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
  buffer: Uint8Array;
  private readonly fixed: Uint8Array;
  private start = 0;
  private end = 0;
  private source: Source | undefined;
  private offset = 0;

  /** `capacity`: bytes of the buffer. */
  constructor(capacity: number) {
    this.fixed = this.buffer = new Uint8Array(capacity);
  }

  /** A header beyond the buffer's capacity (CONNECT with a long token) gets a buffer of its own, until the next packet. */
  allocate(byteLength: number): void {
    this.buffer = byteLength > this.fixed.length ? new Uint8Array(byteLength) : this.fixed;
  }

  /** `header` bytes stand in the buffer, behind them go those of `source` and `tail` bytes of the application. */
  begin(header: number, source: Source | undefined, tail: number): void {
    this.source = source;
    this.offset = this.start = 0;
    this.end = header;
    this.left = header + (source ? source.byteLength : 0);
    this.tail = tail;
    // Header and payload in one write where the buffer has room: some sockets make a record of each write.
    if (this.left > header && header < this.buffer.length) this.pull();
  }

  /** Reads payload into the buffer behind what stands there. */
  private pull(): void {
    const end = this.end;
    let count = 0;
    try {
      // `left` counts from the buffer's start: none of what it holds has been written.
      count = this.source?.read(this.buffer.subarray(end, this.start + this.left), this.offset) ?? 0;
    } catch {
      // Storage that throws is storage that gave nothing.
    }
    if (count < 1) this.broken = true;
    this.offset += count;
    this.end += count;
  }

  /**
   * Writes as much as the room allows; `streamTail` follows at once with `following` bytes. Returns
   * whether the packet is out but for the tail.
   */
  flush(socket: StreamSocket, following: number): boolean {
    let group = this.left + following;
    let first = true;
    if (this.left + this.tail <= this.room) group = this.left + this.tail;
    while (this.left && this.room && !this.broken) {
      // The room may shrink by more than was written: TLS adds bytes of its own to each write.
      if (group > this.room) group = this.room;
      if (this.start === this.end) {
        this.start = this.end = 0;
        this.pull();
      } else {
        const start = this.start;
        const count = Math.min(this.end - start, this.room);
        this.start += count;
        this.left -= count;
        this.room = socket.write(
          this.buffer.subarray(start, this.start),
          group === count ? undefined : first ? { more: true, byteLength: group } : { more: true },
        );
        group -= count;
        first = false;
      }
    }
    return !this.left;
  }
}
