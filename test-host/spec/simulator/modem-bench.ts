import type { Modem } from "../../simulator/modem/modem.js";
import type { Scheduler } from "../../simulator/scheduler.js";

/** Types AT commands into a simulated module without a UART between, and keeps what comes back. */
export class ModemBench<M extends Modem> {
  readonly scheduler: Scheduler;
  readonly modem: M;
  /** Everything that the module sent. */
  received = "";
  readonly #finals: RegExp;
  #mark = 0;

  /** `finals` matches what ends an answer. */
  constructor(scheduler: Scheduler, modem: M, finals: RegExp) {
    this.scheduler = scheduler;
    this.modem = modem;
    this.#finals = finals;
    this.modem.onOutput = bytes => (this.received += Buffer.from(bytes).toString("latin1"));
  }

  type(text: string | Uint8Array): void {
    this.modem.receive(typeof text === "string" ? Buffer.from(text, "latin1") : text);
  }

  /** What came since the last call. */
  take(): string {
    const text = this.received.slice(this.#mark);
    this.#mark = this.received.length;
    return text;
  }

  /** Lets simulated time pass. */
  async pass(ms: number): Promise<string> {
    await this.scheduler.run({ untilMs: this.scheduler.nowMs + ms });
    return this.take();
  }

  /** Types a line and waits for its final result or a prompt; returns all that came. */
  async ask(line: string, limitMs = 200_000): Promise<string> {
    return this.exchange(line + "\r", this.#finals, limitMs);
  }

  /** Types bytes and waits until what came since the last call matches. */
  async exchange(text: string | Uint8Array, awaited: RegExp, limitMs = 200_000): Promise<string> {
    this.take();
    this.type(text);
    return this.wait(awaited, limitMs);
  }

  async wait(awaited: RegExp, limitMs = 200_000): Promise<string> {
    await this.scheduler.run({
      until: () => awaited.test(this.received.slice(this.#mark)),
      untilMs: this.scheduler.nowMs + limitMs,
    });
    return this.take();
  }
}
