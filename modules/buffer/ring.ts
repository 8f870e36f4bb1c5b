/**
 * Copies `count` bytes from `source` at `from` to `target` at `to`. A whole source needs no view; a
 * short-lived view is cheaper than a loop, which costs the engine more than ten steps for every byte.
 */
function copy(target: Uint8Array, to: number, source: Uint8Array, from: number, count: number): void {
  target.set(count === source.length ? source : source.subarray(from, from + count), to);
}

/**
 * A first-in first-out queue of bytes in one buffer of fixed size. Nothing grows. It can be handed
 * on as it is where bytes come from (`byteLength`, `read`) or go to (`write`).
 */
export class ByteRing {
  /** For who takes the ring as a source: so many of the oldest bytes are meant. */
  byteLength = 0;
  /** Bytes that are held. */
  length = 0;
  /** The most bytes that were ever held. */
  highWater = 0;
  private readonly bytes: Uint8Array;
  /** Place of the oldest byte in `bytes`. */
  private start = 0;

  /** Room for `byteLength` bytes (1 or more). */
  constructor(byteLength: number) {
    this.bytes = new Uint8Array(byteLength);
  }

  get free(): number {
    return this.bytes.length - this.length;
  }

  /**
   * Appends `source` from `start` up to, not including, `end`: all of it or nothing.
   * @throws RangeError when the piece is longer than `free`; nothing was changed.
   */
  write(source: Uint8Array, start = 0, end = source.length): void {
    const count = end - start;
    if (count > this.free) throw new RangeError("ring full");
    const size = this.bytes.length;
    const to = (this.start + this.length) % size;
    const first = Math.min(count, size - to);
    copy(this.bytes, to, source, start, first);
    if (first < count) copy(this.bytes, 0, source, start + first, count - first);
    this.length += count;
    this.highWater = Math.max(this.highWater, this.length);
  }

  /**
   * Copies the oldest bytes to `view`, those before `offset` (0 or more) passed over, as many as
   * there are and fit; returns how many. They stay until they are skipped.
   */
  read(view: Uint8Array, offset: number): number {
    const count = Math.min(view.length, this.length - offset);
    if (count <= 0) return 0;
    const size = this.bytes.length;
    const from = (this.start + offset) % size;
    const first = Math.min(count, size - from);
    copy(view, 0, this.bytes, from, first);
    if (first < count) copy(view, first, this.bytes, 0, count - first);
    return count;
  }

  /**
   * Drops the `count` oldest bytes.
   * @throws RangeError when fewer are held; nothing was changed.
   */
  skip(count: number): void {
    if (count > this.length) throw new RangeError("ring empty");
    this.length -= count;
    // From the front again when empty: the next bytes then lie without a break.
    this.start = this.length === 0 ? 0 : (this.start + count) % this.bytes.length;
  }
}
