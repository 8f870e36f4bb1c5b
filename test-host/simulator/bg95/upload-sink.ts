import type { Call, DataSink } from "../modem/call.js";
import { EscapeDetector } from "../modem/escape.js";
import type { Scheduler, Task } from "../scheduler.js";

/** Acknowledged piece of an upload with `ack` 1. */
const pieceBytes = 1024;

export interface UploadOptions {
  readonly scheduler: Scheduler;
  readonly call: Call;
  readonly size: number;
  readonly timeoutMs: number;
  /** An `A` after every 1024 bytes. */
  readonly acknowledges: boolean;
  /** All bytes came, the time is over, or `+++` ended it. */
  readonly done: (bytes: Uint8Array) => void;
}

/** Takes the raw bytes of QFUPL and QFWRITE after CONNECT. */
export class UploadSink implements DataSink {
  readonly #options: UploadOptions;
  readonly #bytes: number[] = [];
  readonly #escape: EscapeDetector;
  #timeout: Task | undefined;
  #isOver = false;

  constructor(options: UploadOptions) {
    this.#options = options;
    this.#escape = new EscapeDetector(
      options.scheduler,
      () => this.#finish(),
      bytes => this.#store(bytes),
    );
    this.#restart();
  }

  take(bytes: Uint8Array): number {
    const room = this.#options.size - this.#bytes.length;
    const mine = bytes.subarray(0, room);
    this.#restart();
    this.#store(this.#escape.feed(mine));
    return mine.length;
  }

  abort(): void {
    this.#isOver = true;
    this.#timeout?.cancel();
    this.#escape.stop();
  }

  #store(bytes: Uint8Array): void {
    const { size, acknowledges, call } = this.#options;
    for (const byte of bytes) {
      this.#bytes.push(byte);
      if (acknowledges && this.#bytes.length % pieceBytes === 0 && this.#bytes.length < size)
        call.raw(Buffer.from("A"));
    }
    if (this.#bytes.length >= size) this.#finish();
  }

  #restart(): void {
    this.#timeout?.cancel();
    this.#timeout = this.#options.scheduler.after(this.#options.timeoutMs, () => this.#finish());
  }

  #finish(): void {
    if (this.#isOver) return;
    this.abort();
    this.#options.done(Uint8Array.from(this.#bytes));
  }
}
