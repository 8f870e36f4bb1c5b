import type { Call, DataSink } from "./call.js";

const controlZ = 0x1a;
const escape = 0x1b;

export interface MqttPayloadOptions {
  readonly call: Call;
  /** Exact count, or undefined: until Ctrl+Z. */
  readonly length: number | undefined;
  /** Bytes beyond it are not part of the payload. */
  readonly most: number;
  readonly echo: boolean;
  /** `isOverlong`: more than `most` came. */
  readonly done: (bytes: Uint8Array, isOverlong: boolean) => void;
  readonly cancelled: () => void;
}

/**
 * Takes what follows the `>` of AT+QMTPUB. With a length exactly so many bytes belong to it, whatever
 * they are; without one Ctrl+Z sends and ESC cancels.
 */
export class MqttPayload implements DataSink {
  readonly #options: MqttPayloadOptions;
  readonly #bytes: number[] = [];
  #count = 0;
  #isOver = false;

  constructor(options: MqttPayloadOptions) {
    this.#options = options;
  }

  take(bytes: Uint8Array): number {
    const { length, call, echo, cancelled } = this.#options;
    if (this.#isOver) return 0;
    const end = this.#end(bytes);
    const mine = bytes.subarray(0, end ?? bytes.length);
    this.#count += mine.length;
    for (const byte of mine) if (this.#bytes.length < this.#options.most) this.#bytes.push(byte);
    if (echo) call.raw(mine);
    if (end === undefined) return bytes.length;
    this.#isOver = true;
    if (length === undefined && bytes[end] === escape) cancelled();
    else this.#options.done(Uint8Array.from(this.#bytes), this.#count > this.#options.most);
    return length === undefined ? end + 1 : end;
  }

  abort(): void {
    this.#isOver = true;
  }

  /** Where the payload ends in these bytes: behind its last byte, or at the byte that ends it. */
  #end(bytes: Uint8Array): number | undefined {
    const { length } = this.#options;
    if (length !== undefined) {
      const missing = length - this.#count;
      return bytes.length >= missing ? missing : undefined;
    }
    const index = bytes.findIndex(byte => byte === controlZ || byte === escape);
    return index < 0 ? undefined : index;
  }
}
