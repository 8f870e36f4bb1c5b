import { Duplex } from "node:stream";

/** A stream whose incoming bytes are shown to an observer before anybody reads them. */
export class WatchedDuplex extends Duplex {
  readonly #inner: Duplex;

  /** `watch` returns a reason to stop; `stopped` is told of it, and nothing more comes through. */
  constructor(
    inner: Duplex,
    watch: (bytes: Uint8Array) => string | undefined,
    stopped: (reason: string) => void,
  ) {
    super({ allowHalfOpen: true });
    this.#inner = inner;
    let isStopped = false;
    inner.on("data", (bytes: Buffer) => {
      if (isStopped) return;
      const reason = watch(bytes);
      if (reason !== undefined) {
        isStopped = true;
        stopped(reason);
      } else if (!this.push(bytes)) inner.pause();
    });
    inner.on("end", () => {
      if (!isStopped) this.push(null);
    });
    inner.on("error", (error: Error) => this.destroy(error));
    inner.on("close", () => this.destroy());
  }

  override _read(): void {
    this.#inner.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#inner.write(chunk, encoding, callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#inner.end(() => callback());
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#inner.destroy();
    callback(error);
  }
}
