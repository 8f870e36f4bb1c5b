import { BC66, type Bc66Options } from "../../simulator/bc66/bc66.js";
import { MemoryNetwork } from "../../simulator/memory.js";
import type { Network } from "../../simulator/network.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { ModemBench } from "./modem-bench.js";

type BenchOptions = Omit<Partial<Bc66Options>, "scheduler" | "network">;

const finals = /\r\n(OK|ERROR|\+CME ERROR: [^\r]*|NO CARRIER)\r\n$|\r\n> ?$/;

/** A simulated BC66 to type into. */
export class Bc66Bench<N extends Network = MemoryNetwork> extends ModemBench<BC66> {
  readonly network: N;

  constructor(scheduler: Scheduler, network: N, options: BenchOptions = {}) {
    super(scheduler, new BC66({ ...options, scheduler, network }), finals);
    this.network = network;
  }

  static memory(options: BenchOptions = {}): Bc66Bench {
    const scheduler = new Scheduler();
    return new Bc66Bench(scheduler, new MemoryNetwork({ scheduler, names }), options);
  }

  /** Booted, trained, echo off, never asleep, registered, with a bearer. */
  async ready(): Promise<this> {
    this.modem.bootNow();
    await this.scheduler.run({ until: () => this.modem.module.bearer.isActive, untilMs: 400_000 });
    await this.ask("ATE0");
    await this.ask("AT+QSCLK=0");
    this.take();
    return this;
  }
}

const names = { "broker.test": "192.0.2.10", "other.test": "192.0.2.11" };
