import { BG95, type Bg95Options } from "../../simulator/bg95/bg95.js";
import { MemoryNetwork } from "../../simulator/memory.js";
import type { Network } from "../../simulator/network.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { ModemBench } from "./modem-bench.js";

export type BenchOptions<N extends Network> = Omit<Partial<Bg95Options>, "scheduler" | "network"> & {
  readonly scheduler?: Scheduler;
  readonly network?: (scheduler: Scheduler) => N;
};

const finals = /\r\n(OK|ERROR|\+CME ERROR: [^\r]*|SEND OK|SEND FAIL|NO CARRIER|CONNECT[^\r]*)\r\n$|\r\n> $/;

/** A simulated BG95 to type into. */
export class AtBench<N extends Network = MemoryNetwork> extends ModemBench<BG95> {
  readonly network: N;

  constructor(options: BenchOptions<N> & { readonly network: (scheduler: Scheduler) => N }) {
    const scheduler = options.scheduler ?? new Scheduler();
    const network = options.network(scheduler);
    super(scheduler, new BG95({ ...options, scheduler, network }), finals);
    this.network = network;
  }

  static memory(options: Omit<BenchOptions<MemoryNetwork>, "network"> = {}): AtBench {
    return new AtBench({ ...options, network: scheduler => new MemoryNetwork({ scheduler, names: names }) });
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
