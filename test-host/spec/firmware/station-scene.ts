import type { FirmwareConfig, ModuleName, SleepConfig } from "../../../hosts/firmware/config.js";
import { EmbeddedBroker, type BrokerMessage } from "../../../hosts/workstation/broker.js";
import { deviceProfile, nodeTls } from "../../../hosts/workstation/tls-engine.js";
import type { Issued } from "../../../certs/issue.js";
import { BC66, type Bc66Options } from "../../simulator/bc66/bc66.js";
import { BG95, type Bg95Options } from "../../simulator/bg95/bg95.js";
import type { LinkName } from "../../simulator/link.js";
import { LoopbackNetwork } from "../../simulator/loopback.js";
import { Scheduler } from "../../simulator/scheduler.js";
import type { SimulationEnd } from "../../simulator/simulation.js";
import { DeviceLife } from "../../xs/device-life.js";
import type { EngineOptions } from "../../xs/index.js";

export const HOST = "broker.example.net";
export const EVERY_MS = 900_000;

/** A broker with mutual TLS, and what devices need of it. */
export interface Side {
  readonly broker: EmbeddedBroker;
  readonly device: Issued;
  /** Everything that was published, in order. */
  readonly messages: BrokerMessage[];
  readonly port: number;
}

/** RSA: what a BC66 and the SDK's TLS can show. With `like` as that one, which is down, was. */
export async function startSide(like?: Side): Promise<Side> {
  const messages: BrokerMessage[] = [];
  const broker = await EmbeddedBroker.start({
    key: "RSA-2048",
    names: [HOST],
    onMessage: message => messages.push(message),
    ...(like && { authority: like.broker.authority, server: like.broker.server, port: like.port }),
  });
  return {
    broker,
    device: like?.device ?? (await broker.issueClient("device-1")),
    messages,
    port: broker.port,
  };
}

export interface StationOptions {
  readonly module?: ModuleName;
  readonly side?: Side;
  /** Instead of a side: a broker without TLS on this port. */
  readonly port?: number;
  /** `null`: none is configured. */
  readonly sleep?: Partial<SleepConfig> | null;
  readonly config?: Partial<FirmwareConfig>;
  readonly volts?: number | null;
  readonly link?: LinkName;
  readonly engine?: EngineOptions | ((lives: number) => EngineOptions);
  readonly bc66?: Bc66Options["settings"];
  readonly bg95?: Bg95Options["settings"];
}

/** The example's station over its sleeps, with a module and a broker that live on. */
export class Station {
  readonly scheduler = new Scheduler({ mode: "sockets" });
  readonly network: LoopbackNetwork;
  readonly modem: BG95 | BC66;
  readonly life: DeviceLife;
  readonly reports: (readonly [atMs: number, ...report: unknown[]])[] = [];

  constructor(options: StationOptions) {
    const { module = "bg95", side, sleep, link = "none", volts = 3.7, engine = {} } = options;
    const { scheduler } = this;
    const port = side?.port ?? options.port ?? 0;
    this.network = new LoopbackNetwork({ scheduler, resolve: [`${HOST}=127.0.0.1:${port}`] });
    const common = { scheduler, network: this.network, link, seed: 1 };
    const settings = { epochMs: Date.now() };
    this.modem =
      module === "bc66"
        ? new BC66({ ...common, settings: { ...settings, receiveBufferBytes: Infinity, ...options.bc66 } })
        : new BG95({ ...common, settings: { ...settings, ...options.bg95 } });
    const config: FirmwareConfig & { readonly volts?: number } = {
      module,
      broker: { host: HOST, port, secure: side !== undefined, verify: true },
      clientId: "device-1",
      topic: "devices/device-1/telemetry",
      message: "",
      count: 0,
      qos: 1,
      subscribe: "devices/device-1/command",
      commands: 0,
      lingerMs: 2_000,
      attempts: 0,
      keepAlive: 60_000,
      ...(sleep === null ? {} : { sleep: { everyMs: EVERY_MS, ...sleep } }),
      ...(volts === null ? {} : { volts }),
      ...options.config,
    };
    const given: EngineOptions = {
      entry: "test-host/spec/firmware/programs/station",
      config,
      ...(side && {
        credentials: {
          ca: side.broker.authority.certificate,
          certificate: side.device.certificate,
          key: side.device.key,
        },
        tls: now => nodeTls({ profile: deviceProfile, now }),
      }),
    };
    this.life = new DeviceLife({
      scheduler,
      modem: this.modem,
      onReport: (text, atMs) => this.reports.push([atMs, ...(JSON.parse(text) as unknown[])]),
      engine: lives => ({ ...given, ...(typeof engine === "function" ? engine(lives) : engine) }),
    });
  }

  /** Values of each report of a name. */
  told(name: string): (readonly unknown[])[] {
    return this.reports.flatMap(([, event, ...values]) => (event === name ? [values] : []));
  }

  at(name: string): number[] {
    return this.reports.flatMap(([atMs, event]) => (event === name ? [atMs] : []));
  }

  /** Runs until the device has gone to sleep so many times. */
  async sleeps(count: number): Promise<SimulationEnd> {
    const end = await this.life.run({
      until: () => this.told("sleep").length >= count,
      untilMs: this.scheduler.nowMs + count * EVERY_MS + 600_000,
    });
    // So that its last bytes and the module's answers are through.
    await this.life.run({ untilMs: this.scheduler.nowMs + 1 });
    return end;
  }

  get moduleState(): string {
    return this.modem.module.power.state;
  }

  async stop(): Promise<void> {
    await this.life.stop();
    this.network.close();
  }
}
