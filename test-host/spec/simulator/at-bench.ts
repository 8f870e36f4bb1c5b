import { BG95, type Bg95Options } from "../../simulator/bg95/bg95.js";
import { MemoryNetwork } from "../../simulator/memory.js";
import type { Network } from "../../simulator/network.js";
import { Scheduler } from "../../simulator/scheduler.js";

export type BenchOptions<N extends Network> = Omit<Partial<Bg95Options>, "scheduler" | "network"> & {
  readonly scheduler?: Scheduler;
  readonly network?: (scheduler: Scheduler) => N;
};

const finals = /\r\n(OK|ERROR|\+CME ERROR: [^\r]*|SEND OK|SEND FAIL|NO CARRIER|CONNECT[^\r]*)\r\n$|\r\n> $/;

/** Types AT commands into a simulated module without a UART between, and keeps what comes back. */
export class AtBench<N extends Network = MemoryNetwork> {
  readonly scheduler: Scheduler;
  readonly network: N;
  readonly modem: BG95;
  /** Everything that the module sent. */
  received = "";
  #mark = 0;

  constructor(options: BenchOptions<N> & { readonly network: (scheduler: Scheduler) => N }) {
    this.scheduler = options.scheduler ?? new Scheduler();
    this.network = options.network(this.scheduler);
    this.modem = new BG95({ ...options, scheduler: this.scheduler, network: this.network });
    this.modem.onOutput = bytes => (this.received += Buffer.from(bytes).toString("latin1"));
  }

  static memory(options: Omit<BenchOptions<MemoryNetwork>, "network"> = {}): AtBench {
    return new AtBench({ ...options, network: scheduler => new MemoryNetwork({ scheduler, names: names }) });
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
    return this.exchange(line + "\r", finals, limitMs);
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

  /** Booted, echo off, registered; with a context also an active PDP context 1. */
  async ready(withContext = true): Promise<this> {
    this.modem.bootNow();
    await this.scheduler.run({ until: () => this.modem.module.registration.isRegistered, untilMs: 100_000 });
    await this.ask("ATE0");
    await this.ask("AT+QISDE=0");
    if (withContext) await this.ask("AT+QIACT=1");
    this.take();
    return this;
  }
}

const names = { "broker.test": "192.0.2.10", "other.test": "192.0.2.11" };
