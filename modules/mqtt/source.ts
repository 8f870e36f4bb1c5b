/**
 * A payload that can be read more than once, so that an unacknowledged message can be sent again
 * without a copy in RAM: flash, a journal entry, a view.
 */
export interface Source {
  readonly byteLength: number;
  /** Copies bytes from `offset` into `view`; returns how many, at least one unless the source is broken. */
  read(view: Uint8Array, offset: number): number;
}

/** A payload in memory. The bytes must stay unchanged until the message is acknowledged. */
export class BytesSource implements Source {
  readonly byteLength: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: ArrayBuffer | Uint8Array) {
    this.#bytes = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
    this.byteLength = bytes.byteLength;
  }

  read(view: Uint8Array, offset: number): number {
    const piece = this.#bytes.subarray(offset, offset + view.length);
    view.set(piece);
    return piece.length;
  }
}
