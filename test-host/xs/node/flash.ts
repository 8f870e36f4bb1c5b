import { bytesOf, endRun, hasEnded, setup } from "./state.js";

/** Flash partitions of the Node stand-in; `host/flash.c` is their counterpart. */

const BLOCK_BYTES = 4096;
const ERASE_STEPS = 4;
const PIECE_BYTES = 8;

interface Partition {
  readonly label: string;
  /** Of the context's realm, so that it can be given out as it is. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  steps: number;
}

const partitions = new Map<string, Partition>();
for (const [label, contents] of Object.entries(setup.partitions))
  partitions.set(label, { label, bytes: Uint8Array.from(contents), steps: 0 });

const { powerCut } = setup;
let stepsLeft = powerCut?.afterSteps ?? Infinity;
let random = (powerCut?.seed ?? 1) | 1;
const isScattered = powerCut?.tear === "scatter";

/** For the engine outside. */
export function flashOf(label: string): { readonly bytes: Uint8Array; readonly steps: number } | undefined {
  return partitions.get(label);
}

function partitionOf(label: unknown): Partition {
  const partition = partitions.get(String(label));
  if (!partition) throw new Error("can't find partition");
  return partition;
}

/** Eight bits that look random and repeat with the seed (xorshift). */
function bits(): number {
  random ^= random << 13;
  random ^= random >>> 17;
  random ^= random << 5;
  return random & 0xff;
}

/** How many of `count` steps are done before power goes away; `count` when it stays. */
function spend(partition: Partition, count: number): number {
  partition.steps += count;
  if (powerCut?.label !== undefined && powerCut.label !== partition.label) return count;
  const left = stepsLeft;
  if (left < count) return left;
  stepsLeft -= count;
  return count;
}

function program(partition: Partition, bytes: Uint8Array, offset: number): void {
  // What a program does after its power has gone does not happen.
  if (hasEnded()) return;
  const { length } = bytes;
  const done = spend(partition, length);
  const target = partition.bytes.subarray(offset, offset + length);
  const clear = (at: number, kept: number): void => {
    target[at] = (target[at] ?? 0) & ((bytes[at] ?? 0) | kept);
  };
  const whole = done < length && isScattered ? 0 : done;
  for (let at = 0; at < whole; at++) clear(at, 0);
  if (done === length) return;
  // The byte at the cut takes some of its bits; when a whole page is programmed at once, any byte.
  for (let at = whole; at < (isScattered ? length : done + 1); at++) clear(at, bits());
  endRun({ reason: "power cut" });
}

function eraseTorn(block: Uint8Array, done: number): void {
  const erased = (done * BLOCK_BYTES) / ERASE_STEPS;
  if (isScattered && bits() < 128) {
    const spot = ((bits() << 8) | bits()) % BLOCK_BYTES;
    block.fill(0xff, spot, spot + 1 + (bits() & 7));
    return;
  }
  for (let piece = 0; piece < BLOCK_BYTES; piece += PIECE_BYTES) {
    // 0: done, 1: half done, 2: as before.
    let state = piece + PIECE_BYTES <= erased ? 0 : piece < erased ? 1 : 2;
    if (isScattered) state = done > 0 ? bits() % 3 : 2;
    for (let at = piece; state < 2 && at < piece + PIECE_BYTES; at++)
      block[at] = (block[at] ?? 0) | (state === 0 ? 0xff : bits());
  }
}

function erase(partition: Partition, start: number, end: number): void {
  if (!(start >= 0 && start < end && end <= partition.bytes.length / BLOCK_BYTES))
    throw new RangeError("invalid block");
  for (let at = Math.trunc(start); at < Math.trunc(end) && !hasEnded(); at++) {
    const block = partition.bytes.subarray(at * BLOCK_BYTES, (at + 1) * BLOCK_BYTES);
    const done = spend(partition, ERASE_STEPS);
    if (done === ERASE_STEPS) block.fill(0xff);
    else {
      eraseTorn(block, done);
      endRun({ reason: "power cut" });
    }
  }
}

/** Where `count` bytes from `offset` begin. */
function rangeIn({ bytes }: Partition, offset: number, count: number): number {
  if (!(offset >= 0 && count >= 0 && offset + count <= bytes.length)) throw new RangeError("invalid offset");
  return Math.trunc(offset);
}

class StorageFlash {
  readonly #partition: Partition;
  readonly #writable: boolean;
  #open = true;

  constructor(path: unknown, writable: boolean) {
    if (path === undefined) throw new Error("no path");
    this.#partition = partitionOf(path);
    this.#writable = writable;
  }

  #opened(writes: boolean): Partition {
    if (!this.#open) throw new Error("closed");
    if (writes && !this.#writable) throw new Error("read only");
    return this.#partition;
  }

  read(target: number | ArrayBuffer | ArrayBufferView, offset: number): number | ArrayBuffer {
    const partition = this.#opened(false);
    const count = typeof target === "number" ? target : bytesOf(target).length;
    const start = rangeIn(partition, offset, count);
    const part = partition.bytes.subarray(start, start + count);
    if (typeof target === "number") return part.slice().buffer;
    bytesOf(target).set(part);
    return count;
  }

  write(data: ArrayBuffer | ArrayBufferView, offset: number): void {
    const partition = this.#opened(true);
    const bytes = bytesOf(data);
    program(partition, bytes, rangeIn(partition, offset, bytes.length));
  }

  eraseBlock(start: number, end: number = start + 1): void {
    erase(this.#opened(true), start, end);
  }

  status(): { size: number; blocks: number; blockLength: number } {
    const { length } = this.#opened(false).bytes;
    return { size: length, blocks: length / BLOCK_BYTES, blockLength: BLOCK_BYTES };
  }

  close(): void {
    this.#open = false;
  }
}

export const Storage = Object.freeze({
  open: (options: { readonly path?: unknown; readonly mode?: string }): StorageFlash =>
    new StorageFlash(options.path, options.mode !== "r"),
});

/** The older module. Its map is the memory itself, which nothing here keeps from being written to. */
export class Flash {
  readonly #partition: Partition;

  constructor(name: unknown) {
    this.#partition = partitionOf(name);
  }

  get byteLength(): number {
    return this.#partition.bytes.length;
  }

  get blockSize(): number {
    return BLOCK_BYTES;
  }

  erase(sector: number): void {
    erase(this.#partition, sector, sector + 1);
  }

  read(offset: number, byteLength: number): ArrayBuffer {
    const start = rangeIn(this.#partition, offset, byteLength);
    return this.#partition.bytes.slice(start, start + byteLength).buffer;
  }

  write(offset: number, byteLength: number, buffer: ArrayBuffer | ArrayBufferView): void {
    const start = rangeIn(this.#partition, offset, byteLength);
    const bytes = bytesOf(buffer);
    if (!(byteLength > 0 && byteLength <= bytes.length)) throw new Error("invalid");
    program(this.#partition, bytes.subarray(0, byteLength), start);
  }

  map(): ArrayBuffer {
    return this.#partition.bytes.buffer;
  }
}
