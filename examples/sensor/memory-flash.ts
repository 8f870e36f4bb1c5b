import type { FlashPartition } from "../../modules/io/flash.js";

/** A NOR partition in memory: programming clears bits. */
export class MemoryFlash implements FlashPartition {
  private readonly bytes: Uint8Array;
  private readonly blockLength: number;

  constructor(blocks: number, blockLength: number) {
    this.bytes = new Uint8Array(blocks * blockLength).fill(0xff);
    this.blockLength = blockLength;
  }

  read(view: Uint8Array, offset: number): number {
    view.set(this.bytes.subarray(offset, offset + view.length));
    return view.length;
  }

  write(bytes: ArrayBuffer | Uint8Array, offset: number): void {
    const from = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
    from.forEach((byte, i) => {
      this.bytes[offset + i] = (this.bytes[offset + i] ?? 0) & byte;
    });
  }

  eraseBlock(start: number, end = start + 1): void {
    this.bytes.fill(0xff, start * this.blockLength, end * this.blockLength);
  }

  status(): { readonly size: number; readonly blocks: number; readonly blockLength: number } {
    const size = this.bytes.length;
    return { size, blocks: size / this.blockLength, blockLength: this.blockLength };
  }

  close(): void {
    // Nothing is held but memory.
  }
}
