import { PipeEnd, Settler } from "./memory-duplex.js";
import type { Duplex } from "node:stream";
import type { Scheduler } from "./scheduler.js";
import type { UartModule } from "./uart.js";

/**
 * The far end of the console's UART: a terminal or a factory's tool on a serial adapter, which stays
 * when the device restarts. What it sends while no firmware listens is lost.
 */
export class ConsoleLine implements UartModule {
  /** Of the far end, bit/s. The firmware sees garbage when its own rate is another. */
  baud: number;
  readonly heedsRts = false;
  onOutput: UartModule["onOutput"];
  onDiscard: UartModule["onDiscard"];
  /** Bytes of the firmware, called in simulated time. */
  onData: ((bytes: Uint8Array) => void) | undefined;
  readonly #scheduler: Scheduler;

  constructor(scheduler: Scheduler, baud = 115_200) {
    this.#scheduler = scheduler;
    this.baud = baud;
  }

  /** To the firmware. They go onto the line before simulated time goes on, and take their time there. */
  write(bytes: Uint8Array): void {
    const sent = Uint8Array.from(bytes);
    this.#scheduler.post(() => this.onOutput?.(sent, this.baud));
  }

  receive(bytes: Uint8Array): void {
    this.onData?.(bytes);
  }

  /**
   * The far end as a stream, for a tool of this process that never looks at the wall clock. Simulated
   * time stands while its bytes move; longer work of the tool has to hold it (`Scheduler.block`).
   */
  duplex(): Duplex {
    const [near, far] = PipeEnd.pair(new Settler(this.#scheduler));
    this.onData = bytes => near.write(bytes);
    near.on("data", (bytes: Buffer) => this.write(bytes));
    return far;
  }
}
