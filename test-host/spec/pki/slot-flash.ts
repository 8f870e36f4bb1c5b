import assert from "node:assert/strict";
import { createCipheriv, createDecipheriv } from "node:crypto";
import type { FlashPartition } from "../../../modules/io/flash.js";

/** Power went away in the middle of an operation. */
export class PowerCut extends Error {}

/**
 * - `prefix`: bytes up to the cut are done, of the one at the cut some bits
 * - `scatter`: any bits of the whole operation are done
 */
export type Tear = "prefix" | "scatter";

/** What the erase of a block counts as, in steps of one programmed byte. */
export const ERASE_STEPS = 8;

/** Power of the whole device: each programmed byte is a step, and it can go away at any of them. */
export class Supply {
  steps = 0;
  dead = false;
  private cutAt = Infinity;
  private random = 1;
  tear: Tear = "prefix";

  cutAfter(steps: number, tear: Tear, seed: number): void {
    this.cutAt = this.steps + steps;
    this.tear = tear;
    this.random = seed | 1;
  }

  restore(): void {
    this.dead = false;
    this.cutAt = Infinity;
  }

  /** How many of `count` steps are done before the cut; `undefined`: all. */
  spend(count: number): number | undefined {
    const before = this.steps;
    this.steps += count;
    return this.steps > this.cutAt ? Math.max(this.cutAt - before, 0) : undefined;
  }

  die(): never {
    this.dead = true;
    throw new PowerCut();
  }

  /** Eight bits that look random and repeat with the seed (xorshift). */
  bits(): number {
    this.random ^= this.random << 13;
    this.random ^= this.random >>> 17;
    this.random ^= this.random << 5;
    return this.random & 0xff;
  }
}

const UNIT = 16;
const KEY = Buffer.from("000102030405060708090a0b0c0d0e0f", "hex");

/** Each unit of 16 bytes by its own permutation, as flash encryption has it. */
function cipher(bytes: Uint8Array, offset: number, decrypt: boolean): Uint8Array {
  const tweaked = Buffer.from(bytes);
  const tweak = (): void => {
    for (let at = 0; at < tweaked.length; at += UNIT)
      tweaked.writeUInt32LE((tweaked.readUInt32LE(at) ^ (offset + at)) >>> 0, at);
  };
  if (!decrypt) tweak();
  const machine = decrypt
    ? createDecipheriv("aes-128-ecb", KEY, null)
    : createCipheriv("aes-128-ecb", KEY, null);
  machine.setAutoPadding(false);
  tweaked.set(machine.update(tweaked));
  if (decrypt) tweak();
  return tweaked;
}

/**
 * A NOR partition and its bytes as they are mapped, plain or under flash encryption: then units of 16
 * bytes are written, erased ones read as noise, and writing one twice makes noise of it. A unit that
 * was written whole must not be written again; one that power cut off may be, since nothing tells it
 * from an erased one, and so may the object behind such a header, which cannot be found any more.
 */
export class SlotPartition implements FlashPartition {
  /** What the cells hold. */
  readonly cells: Uint8Array;
  /** What is read from them. */
  readonly view: Uint8Array;
  /** Cells that do not take a zero any more. */
  readonly worn = new Set<number>();
  readonly encrypted: boolean;
  private readonly supply: Supply;
  private readonly blockLength: number;
  private readonly written = new Set<number>();
  /** Where objects end and records begin. */
  private readonly limit: number;
  /** Power was cut while an object was written. */
  private cut = false;

  constructor(supply: Supply, encrypted: boolean, blocks: number, blockLength: number) {
    this.supply = supply;
    this.encrypted = encrypted;
    this.blockLength = blockLength;
    this.cells = new Uint8Array(blocks * blockLength).fill(0xff);
    this.limit = this.cells.length - 512;
    this.view = encrypted ? new Uint8Array(this.cells.length) : this.cells;
    this.refresh(0, this.cells.length);
  }

  /** As a programming tool writes it, through the chip's encryption. */
  flashImage(image: Uint8Array): void {
    const padded = new Uint8Array(Math.ceil(image.length / UNIT) * UNIT).fill(0xff);
    padded.set(image);
    this.cells.fill(0xff);
    this.cells.set(this.encrypted ? cipher(padded, 0, false) : padded);
    this.written.clear();
    this.refresh(0, this.cells.length);
  }

  /** A copy of everything that a power cut leaves. */
  snapshot(): () => void {
    const cells = this.cells.slice();
    const view = this.view.slice();
    const written = [...this.written];
    const cut = this.cut;
    return () => {
      this.cut = cut;
      this.cells.set(cells);
      this.view.set(view);
      this.written.clear();
      for (const unit of written) this.written.add(unit);
    };
  }

  read(view: Uint8Array, offset: number): number {
    this.check(offset, view.length);
    view.set(this.view.subarray(offset, offset + view.length));
    return view.length;
  }

  write(data: ArrayBuffer | Uint8Array, offset: number): void {
    const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
    const size = bytes.length;
    this.check(offset, size);
    assert.ok(offset % UNIT === 0 && size % UNIT === 0, `${size} bytes at ${offset}`);
    for (let at = offset; at < offset + size; at += UNIT) {
      const lost = this.cut && at < this.limit;
      assert.ok(lost || !this.written.has(at), `written again at ${at}`);
    }
    const wanted = this.encrypted ? cipher(bytes, offset, false) : bytes;
    const { supply } = this;
    const cut = supply.spend(size);
    for (const [index, value] of wanted.entries()) {
      if (cut !== undefined && supply.tear === "prefix" && index > cut) break;
      const torn = cut !== undefined && (supply.tear === "scatter" || index === cut);
      const at = offset + index;
      const old = this.cells[at] ?? 0;
      this.cells[at] = old & (torn ? value | supply.bits() : value) & 0xff;
      if (this.worn.has(at)) this.cells[at] = old;
    }
    this.refresh(offset, size);
    if (cut !== undefined) {
      this.cut = true;
      supply.die();
    }
    for (let at = offset; at < offset + size; at += UNIT) this.written.add(at);
  }

  eraseBlock(start: number, end = start + 1): void {
    for (let block = start; block < end; block++) {
      const from = block * this.blockLength;
      this.check(from, this.blockLength);
      const { supply } = this;
      const cut = supply.spend(ERASE_STEPS);
      const done = ((cut ?? ERASE_STEPS) / ERASE_STEPS) * this.blockLength;
      for (let index = 0; index < this.blockLength; index++) {
        const at = from + index;
        const old = this.cells[at] ?? 0;
        if (cut === undefined || (supply.tear === "prefix" && index < done)) this.cells[at] = 0xff;
        else if (supply.tear === "scatter" && supply.bits() % ERASE_STEPS < cut)
          this.cells[at] = old | supply.bits();
        if (index % UNIT === 0) this.written.delete(at);
      }
      this.refresh(from, this.blockLength);
      if (cut !== undefined) supply.die();
      if (block === 0) this.cut = false;
    }
  }

  status(): { readonly size: number; readonly blocks: number; readonly blockLength: number } {
    const size = this.cells.length;
    return { size, blocks: size / this.blockLength, blockLength: this.blockLength };
  }

  close(): void {
    assert.fail("nobody closes it");
  }

  private refresh(offset: number, size: number): void {
    if (this.encrypted)
      this.view.set(cipher(this.cells.subarray(offset, offset + size), offset, true), offset);
  }

  private check(offset: number, length: number): void {
    if (this.supply.dead) throw new PowerCut();
    assert.ok(offset >= 0 && offset + length <= this.cells.length, `${length} bytes at ${offset}`);
  }
}
