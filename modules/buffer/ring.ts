/** A write was refused because it does not fit; the buffer is unchanged. */
export class BufferFullError extends Error {
  readonly needed: number;
  readonly free: number;

  /** `needed` bytes were to be written into `free` bytes of room. */
  constructor(needed: number, free: number) {
    super(`${needed} bytes do not fit into ${free} free`);
    this.needed = needed;
    this.free = free;
  }
}

/**
 * Below this length a byte loop is used, which allocates nothing. From it on one short-lived view
 * is made per piece, because the loop would cost the engine more than ten steps for every byte.
 */
const LOOP_LIMIT = 24;

/** Copies `count` bytes from `source` at `from` to `target` at `to`. */
function copy(target: Uint8Array, to: number, source: Uint8Array, from: number, count: number): void {
  if (from === 0 && count === source.length) {
    target.set(source, to);
  } else if (count < LOOP_LIMIT) {
    for (let index = 0; index < count; index++) target[to + index] = source[from + index] ?? 0;
  } else {
    target.set(source.subarray(from, from + count), to);
  }
}

/**
 * A first-in first-out queue of bytes in one buffer of fixed size. Nothing grows. The oldest bytes
 * can be used in place: they lie in `bytes` from `start`, `spanLength` of them without a break.
 */
export class ByteRing {
  /** The buffer itself; only `start` up to `start + spanLength` may be read. */
  readonly bytes: Uint8Array;
  /** Place of the oldest byte in `bytes`. */
  start = 0;
  /** Bytes that are held. */
  length = 0;
  /** The most bytes that were ever held. */
  highWater = 0;

  /** Room for `byteLength` bytes (1 or more). */
  constructor(byteLength: number) {
    this.bytes = new Uint8Array(byteLength);
  }

  get byteLength(): number {
    return this.bytes.length;
  }

  get free(): number {
    return this.bytes.length - this.length;
  }

  /** Bytes that lie in `bytes` from `start` without a break; 0 only when the ring is empty. */
  get spanLength(): number {
    const toEnd = this.bytes.length - this.start;
    return this.length < toEnd ? this.length : toEnd;
  }

  /**
   * Appends `source` from `start` up to, not including, `end`: all of it or nothing.
   * @throws BufferFullError when the piece is longer than `free`; nothing was changed.
   * @throws RangeError when the piece does not lie in `source`; nothing was changed.
   */
  write(source: Uint8Array, start = 0, end: number = source.length): void {
    const count = end - start;
    if (start < 0 || count < 0 || end > source.length) throw new RangeError("piece outside of its source");
    if (count > this.free) throw new BufferFullError(count, this.free);
    const size = this.bytes.length;
    let to = this.start + this.length;
    if (to >= size) to -= size;
    const first = count < size - to ? count : size - to;
    copy(this.bytes, to, source, start, first);
    if (first < count) copy(this.bytes, 0, source, start + first, count - first);
    this.length += count;
    if (this.length > this.highWater) this.highWater = this.length;
  }

  /** Takes the oldest bytes out into `view`, as many as there are and fit; returns how many. */
  read(view: Uint8Array): number {
    const count = this.peek(view);
    this.skip(count);
    return count;
  }

  /** As `read`, but the bytes stay, and those before `offset` (0 or more) are passed over. */
  peek(view: Uint8Array, offset = 0): number {
    const rest = this.length - offset;
    if (rest <= 0) return 0;
    const count = rest < view.length ? rest : view.length;
    const size = this.bytes.length;
    let from = this.start + offset;
    if (from >= size) from -= size;
    const first = count < size - from ? count : size - from;
    copy(view, 0, this.bytes, from, first);
    if (first < count) copy(view, first, this.bytes, 0, count - first);
    return count;
  }

  /**
   * Drops the `count` oldest bytes.
   * @throws RangeError when fewer are held; nothing was changed.
   */
  skip(count: number): void {
    if (count < 0 || count > this.length) throw new RangeError("more skipped than is held");
    this.length -= count;
    // From the front again when empty: the next bytes then lie without a break.
    const start = this.length === 0 ? 0 : this.start + count;
    this.start = start >= this.bytes.length ? start - this.bytes.length : start;
  }

  /** Drops everything; `highWater` stays. */
  clear(): void {
    this.skip(this.length);
  }
}
