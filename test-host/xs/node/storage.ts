import { bytesOf, setup } from "./state.js";

/** `embedded:storage/flash` and `Resource` of the Node stand-in; `host/storage.c` is their counterpart. */

const BLOCK_BYTES = 4096;
const memory = setup.flash;

function checkOffset(offset: number, count: number): number {
  if (!(offset >= 0 && offset + count <= memory.length)) throw new RangeError("invalid offset");
  return Math.trunc(offset);
}

class Flash {
  readonly #writable: boolean;
  #open = true;

  constructor(writable: boolean) {
    if (!memory.length) throw new Error("no partition");
    this.#writable = writable;
  }

  #check(writes: boolean): void {
    if (!this.#open) throw new Error("closed");
    if (writes && !this.#writable) throw new Error("read only");
  }

  read(target: number | ArrayBuffer | ArrayBufferView, offset: number): number | ArrayBuffer {
    this.#check(false);
    const view = typeof target === "number" ? new Uint8Array(target) : bytesOf(target);
    const start = checkOffset(offset, view.length);
    view.set(memory.subarray(start, start + view.length));
    return typeof target === "number" ? view.slice().buffer : view.length;
  }

  write(data: ArrayBuffer | ArrayBufferView, offset: number): void {
    this.#check(true);
    const bytes = bytesOf(data);
    const start = checkOffset(offset, bytes.length);
    const target = memory.subarray(start, start + bytes.length);
    target.set(target.map((byte, index) => byte & (bytes[index] ?? 0)));
  }

  eraseBlock(start: number, end: number = start + 1): void {
    this.#check(true);
    if (!(start >= 0 && start < end && end <= memory.length / BLOCK_BYTES))
      throw new RangeError("invalid block");
    memory.fill(0xff, Math.trunc(start) * BLOCK_BYTES, Math.trunc(end) * BLOCK_BYTES);
  }

  status(): { size: number; blocks: number; blockLength: number } {
    this.#check(false);
    return { size: memory.length, blocks: memory.length / BLOCK_BYTES, blockLength: BLOCK_BYTES };
  }

  close(): void {
    this.#open = false;
  }
}

export const Storage = Object.freeze({
  open: (options: { readonly mode?: string }): Flash => new Flash(options.mode !== "r"),
});

/** A copy in the context's realm; the stand-in counts no memory. */
export class Resource extends ArrayBuffer {
  constructor(name: string) {
    const bytes = setup.resources[name];
    if (!bytes) throw new URIError("resource not found");
    super(bytes.length);
    new Uint8Array(this).set(bytes);
  }

  static override get [Symbol.species](): ArrayBufferConstructor {
    return ArrayBuffer;
  }

  static exists(name: string): boolean {
    return setup.resources[name] !== undefined;
  }
}
