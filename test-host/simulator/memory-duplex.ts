import { Duplex } from "node:stream";
import { setImmediate as nextRound } from "node:timers/promises";
import type { Scheduler } from "./scheduler.js";

/** Rounds of the event loop without a byte moving, after which all peers are taken to have finished. */
const quietRounds = 8;

/**
 * Keeps simulated time still while streams of this process are working. Everything under them
 * (node:tls over a duplex, a broker) runs in ticks and immediates, never on the wall clock, so a few
 * quiet rounds mean that nothing more will come by itself.
 */
export class Settler {
  readonly #scheduler: Scheduler;
  #moves = 0;
  #running = false;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  touch(): void {
    this.#moves++;
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    const hold = this.#scheduler.block();
    for (let quiet = 0; quiet < quietRounds;) {
      const before = this.#moves;
      await nextRound();
      quiet = before === this.#moves ? quiet + 1 : 0;
    }
    this.#running = false;
    hold.release();
  }
}

/** One end of a pair of connected streams in memory. */
export class PipeEnd extends Duplex {
  sentBytes = 0;
  receivedBytes = 0;
  #other: PipeEnd | undefined;
  readonly #settler: Settler;

  private constructor(settler: Settler, allowHalfOpen: boolean) {
    super({ allowHalfOpen });
    this.#settler = settler;
  }

  /** The near end stays half open when the far end is done; the far end closes as Node's servers do. */
  static pair(settler: Settler): [PipeEnd, PipeEnd] {
    const near = new PipeEnd(settler, true);
    const far = new PipeEnd(settler, false);
    near.#other = far;
    far.#other = near;
    return [near, far];
  }

  override _read(): void {
    this.#settler.touch();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#settler.touch();
    this.sentBytes += chunk.length;
    const other = this.#other;
    if (other && !other.destroyed) {
      other.receivedBytes += chunk.length;
      other.push(Buffer.from(chunk));
    }
    callback();
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#settler.touch();
    const other = this.#other;
    if (other && !other.destroyed) other.push(null);
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#settler.touch();
    const other = this.#other;
    this.#other = undefined;
    if (other && !other.destroyed && !other.readableEnded && !this.writableFinished) {
      other.destroy(Object.assign(new Error("connection reset by the other end"), { code: "ECONNRESET" }));
    }
    callback(error);
  }
}
