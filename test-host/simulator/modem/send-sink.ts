import type { Call, DataSink } from "./call.js";

const controlZ = 0x1a;
const escape = 0x1b;

export interface SendOptions {
  readonly call: Call;
  /** Exact count, or undefined: until Ctrl+Z. */
  readonly length: number | undefined;
  /** Bytes beyond it are dropped when the end is given by Ctrl+Z. */
  readonly most: number;
  /** The byte that makes up `most` ends the payload instead. */
  readonly endsAtMost?: boolean;
  readonly echo: boolean;
  readonly done: (bytes: Uint8Array) => void;
  readonly cancelled: () => void;
}

/**
 * Takes what follows a `> ` prompt. With a length exactly so many bytes belong to it, whatever they
 * are; without one Ctrl+Z sends and ESC cancels.
 */
export class SendSink implements DataSink {
  readonly #options: SendOptions;
  readonly #bytes: number[] = [];
  #isOver = false;

  constructor(options: SendOptions) {
    this.#options = options;
  }

  take(bytes: Uint8Array): number {
    const { length, most, call, echo } = this.#options;
    // More than was announced came, while the result is still under way.
    if (this.#isOver) return 0;
    let taken = 0;
    while (taken < bytes.length && !this.#isOver) {
      const byte = bytes[taken++] ?? 0;
      if (length === undefined && (byte === controlZ || byte === escape)) {
        this.#isOver = true;
        if (echo) call.raw(bytes.subarray(0, taken - 1));
        if (byte === escape) this.#options.cancelled();
        else this.#options.done(Uint8Array.from(this.#bytes));
        return taken;
      }
      if (length !== undefined || this.#bytes.length < most) this.#bytes.push(byte);
      const end = length ?? (this.#options.endsAtMost === true ? most : undefined);
      if (this.#bytes.length === end) this.#isOver = true;
    }
    if (echo) call.raw(bytes.subarray(0, taken));
    if (this.#isOver) this.#options.done(Uint8Array.from(this.#bytes));
    return taken;
  }

  abort(): void {
    this.#isOver = true;
  }
}
