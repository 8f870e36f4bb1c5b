import assert from "node:assert/strict";
import type { FlashPartition } from "../../../modules/io/flash.js";

/** Power went away in the middle of an operation. */
export class PowerCut extends Error {}

/**
 * - `prefix`: bytes up to the cut are done, of the one at the cut some bits
 * - `scatter`: any bits of the whole operation are done, as when a page is programmed at once; of an
 *   erase, pieces of eight bytes are done, not done or half done, or nothing but one place is
 */
export type Tear = "prefix" | "scatter";

/** What a torn erase counts as, in steps of one programmed byte. */
const ERASE_STEPS = 4;

/**
 * A raw NOR partition: programming clears bits, erasing sets the bits of a whole block. Power can
 * be cut at any step; everything then fails until it is restored. Asking to set a bit by
 * programming is an error of the program under test.
 */
export class NorFlash implements FlashPartition {
  readonly bytes: Uint8Array;
  /** Erases by block. */
  readonly erases: number[];
  /** Steps (programmed bytes, parts of erases) so far. */
  steps = 0;
  /** Bits by place that cannot be cleared any more. */
  readonly stuck = new Map<number, number>();
  readonly #blockLength: number;
  #cutAt = Infinity;
  #tear: Tear = "prefix";
  #random = 1;
  #dead = false;

  constructor(blocks: number, blockLength: number) {
    this.bytes = new Uint8Array(blocks * blockLength).fill(0xff);
    this.erases = new Array<number>(blocks).fill(0);
    this.#blockLength = blockLength;
  }

  /** Power will be cut after `steps` more steps; `seed` decides which bits are done by then. */
  cutAfter(steps: number, tear: Tear, seed: number): void {
    this.#cutAt = this.steps + steps;
    this.#tear = tear;
    this.#random = seed | 1;
  }

  restore(): void {
    this.#dead = false;
    this.#cutAt = Infinity;
  }

  read(view: Uint8Array, offset: number): number {
    this.#check(offset, view.length);
    view.set(this.bytes.subarray(offset, offset + view.length));
    return view.length;
  }

  write(data: ArrayBuffer | Uint8Array, offset: number): void {
    const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
    this.#check(offset, bytes.length);
    const cut = this.#spend(bytes.length);
    for (const [index, wanted] of bytes.entries()) {
      const at = offset + index;
      const old = this.bytes[at] ?? 0;
      assert.equal(
        old & wanted,
        wanted,
        `programming 0x${wanted.toString(16)} over 0x${old.toString(16)} at ${at}`,
      );
      const torn = cut !== undefined && (this.#tear === "scatter" || index === cut);
      if (cut !== undefined && this.#tear === "prefix" && index > cut) break;
      this.bytes[at] = (torn ? old & (wanted | this.#bits()) : wanted) | (this.stuck.get(at) ?? 0);
    }
    if (cut !== undefined) this.#die();
  }

  eraseBlock(start: number, end = start + 1): void {
    for (let block = start; block < end; block++) {
      this.#check(block * this.#blockLength, this.#blockLength);
      const cut = this.#spend(ERASE_STEPS);
      const from = block * this.#blockLength;
      if (cut === undefined) {
        this.erases[block] = (this.erases[block] ?? 0) + 1;
        this.bytes.fill(0xff, from, from + this.#blockLength);
        continue;
      }
      const done = (cut / ERASE_STEPS) * this.#blockLength;
      if (this.#tear === "scatter" && this.#bits() < 128) {
        const spot = ((this.#bits() << 8) | this.#bits()) % this.#blockLength;
        this.bytes.fill(0xff, from + spot, from + Math.min(spot + 1 + (this.#bits() & 7), this.#blockLength));
        this.#die();
      }
      for (let piece = 0; piece < this.#blockLength; piece += 8) {
        // 0: done, 1: half done, 2: as before.
        let state = piece + 8 <= done ? 0 : piece < done ? 1 : 2;
        if (this.#tear === "scatter") state = cut > 0 ? this.#bits() % 3 : 2;
        for (let at = from + piece; at < from + piece + 8; at++) {
          if (state < 2) this.bytes[at] = (this.bytes[at] ?? 0) | (state === 0 ? 0xff : this.#bits());
        }
      }
      this.#die();
    }
  }

  status(): { readonly size: number; readonly blocks: number; readonly blockLength: number } {
    return { size: this.bytes.length, blocks: this.erases.length, blockLength: this.#blockLength };
  }

  close(): void {
    this.#dead = true;
  }

  #check(offset: number, length: number): void {
    if (this.#dead) throw new PowerCut();
    assert.ok(offset >= 0 && offset + length <= this.bytes.length, `${length} bytes at ${offset}`);
  }

  /** How many of `count` steps are done before the cut; `undefined`: all. */
  #spend(count: number): number | undefined {
    const before = this.steps;
    this.steps += count;
    return this.steps > this.#cutAt ? Math.max(this.#cutAt - before, 0) : undefined;
  }

  #die(): never {
    this.#dead = true;
    throw new PowerCut();
  }

  /** Eight bits that look random and repeat with the seed (xorshift). */
  #bits(): number {
    this.#random ^= this.#random << 13;
    this.#random ^= this.#random >>> 17;
    this.#random ^= this.#random << 5;
    return this.#random & 0xff;
  }
}
