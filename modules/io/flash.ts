/**
 * A raw NOR flash partition in the shape of `embedded:storage/flash`. Programming can only clear
 * bits; erasing a block sets it to 0xFF.
 */
export interface FlashPartition {
  /** Fills `view` from `offset`; returns the number of bytes. */
  read(view: Uint8Array, offset: number): number;
  /** Programs bytes at `offset`: the result is old AND new. */
  write(bytes: ArrayBuffer | Uint8Array, offset: number): void;
  /** Erases blocks `start` up to, not including, `end` (default `start + 1`). */
  eraseBlock(start: number, end?: number): void;
  status(): { readonly size: number; readonly blocks: number; readonly blockLength: number };
  close(): void;
}
