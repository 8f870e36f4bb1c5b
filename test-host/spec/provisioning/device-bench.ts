import type { Duplex } from "node:stream";
import type { FirmwareConfig } from "../../../hosts/firmware/config.js";
import { deviceKeys } from "../../../hosts/workstation/device-keys.js";
import { ProvisioningClient } from "../../../hosts/workstation/provisioning/client.js";
import type { Timer } from "../../../modules/io/timer.js";
import { BG95 } from "../../simulator/bg95/bg95.js";
import { MemoryNetwork } from "../../simulator/memory.js";
import type { Network } from "../../simulator/network.js";
import { Scheduler, type Task } from "../../simulator/scheduler.js";
import { DeviceLife } from "../../xs/device-life.js";
import type { EngineOptions } from "../../xs/index.js";
import { VAULT_LABELS } from "../../xs/partitions.js";

export const HOST = "broker.example.net";

/** As the command `device` starts it: with rotation of credentials and a watchdog. */
export const ENTRY = "hosts/workstation/device-command/entry";

const config: FirmwareConfig = {
  module: "bg95",
  broker: { host: HOST, port: 8883, secure: true, verify: true },
  clientId: "unit-1",
  topic: "t",
  message: "{n}",
  count: 0,
  qos: 1,
  commands: 0,
  lingerMs: 0,
  attempts: 0,
  keepAlive: 60_000,
};

export interface DeviceBenchOptions {
  readonly config?: Partial<FirmwareConfig>;
  readonly engine?: EngineOptions | ((lives: number) => EngineOptions);
  /** Of the console. Default: the buffered class. */
  readonly serial?: "buffered" | "stock";
  readonly scheduler?: Scheduler;
  readonly network?: Network;
}

/** The firmware in an engine, over restarts, with its console's UART and flash; and tools at its console. */
export class DeviceBench {
  readonly scheduler: Scheduler;
  readonly life: DeviceLife;
  readonly modem: BG95;
  readonly reports: string[] = [];
  /** What the console heard from the device. */
  readonly said: Buffer[] = [];

  constructor(options: DeviceBenchOptions = {}) {
    const serial = options.serial ?? "buffered";
    this.scheduler = options.scheduler ?? new Scheduler();
    const network = options.network ?? new MemoryNetwork({ scheduler: this.scheduler });
    this.modem = new BG95({ scheduler: this.scheduler, network, settings: { epochMs: Date.now() } });
    const engineOf = (lives: number): EngineOptions => ({
      engine: "xs",
      entry: ENTRY,
      config: { ...config, ...options.config },
      console: { serial },
      keys: deviceKeys,
      watchdogMs: 30_000,
      partitions: Object.fromEntries(VAULT_LABELS.map(label => [label, new Uint8Array(8192).fill(0xff)])),
      ...(typeof options.engine === "function" ? options.engine(lives) : options.engine),
    });
    this.life = new DeviceLife({
      scheduler: this.scheduler,
      modem: this.modem,
      console: { serial },
      onReport: text => this.reports.push(text),
      engine: engineOf,
    });
  }

  /** A tool at the console; the one before it is gone. */
  plug(): ProvisioningClient {
    return new ProvisioningClient({ stream: this.open(), timer: this.timer });
  }

  /** The cable's end on the workstation; the one before it is gone. */
  open(): Duplex {
    const stream = this.life.console.duplex();
    const { onData } = this.life.console;
    this.life.console.onData = bytes => {
      this.said.push(Buffer.from(bytes));
      onData?.(bytes);
    };
    return stream;
  }

  /** A tool's timers, on simulated time. */
  get timer(): Timer<Task> {
    return {
      set: (work, ms = 0) => this.scheduler.after(ms, work),
      clear: task => task?.cancel(),
    };
  }

  /** Runs the device until the tool's work is done. */
  async run<Value>(work: Promise<Value>): Promise<Value> {
    const state = { done: false };
    const settled = (): void => {
      state.done = true;
    };
    work.then(settled, settled);
    while (!state.done) {
      await this.life.run({ until: () => state.done });
      // The tool's own arithmetic, which simulated time does not wait for.
      await new Promise(resolve => setImmediate(resolve));
    }
    return work;
  }

  /** Lets simulated time pass. */
  async wait(ms: number): Promise<void> {
    await this.life.run({ untilMs: this.scheduler.nowMs + ms });
  }
}

export async function withDevice(
  options: DeviceBenchOptions,
  work: (bench: DeviceBench) => Promise<void>,
): Promise<void> {
  const bench = new DeviceBench(options);
  try {
    await work(bench);
  } finally {
    await bench.life.stop();
  }
}
