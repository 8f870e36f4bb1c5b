import { Authority, type Issued } from "../../certs/issue.js";
import type { FirmwareConfig, ModuleName } from "../../hosts/firmware/config.js";
import { deviceProfile, nodeTls } from "../../hosts/workstation/tls-engine.js";
import { BC66 } from "../simulator/bc66/bc66.js";
import { bc66LinkProfile } from "../simulator/bc66/link-profiles.js";
import { BG95 } from "../simulator/bg95/bg95.js";
import { linkProfiles, type LinkProfile } from "../simulator/link.js";
import { MemoryNetwork } from "../simulator/memory.js";
import type { MemoryPeer } from "../simulator/memory-peer.js";
import { Scheduler } from "../simulator/scheduler.js";
import {
  esp32Cost,
  Simulation,
  type ComputeCost,
  type SimulationEnd,
  type SimulationTrace,
} from "../simulator/simulation.js";
import { createEngine, type FirmwareEngine } from "../xs/index.js";
import { AnsweringBroker } from "./broker.js";

/** 22 characters, as in the figures of known drivers. */
export const HOST = "broker.example.net.org";
/** An MQTT broker. */
export const MQTT_PORT = 1883;
export const MQTTS_PORT = 8883;
/** A TCP peer that takes everything, and sends what `Scene.peer` is told to. */
export const TCP_PORT = 7007;

export const BAUD = 115_200;

const DAY_MS = 86_400_000;
const EPOCH_MS = Date.UTC(2026, 10, 20, 12);
/** Nothing that is measured here takes longer, simulated. */
const RUN_LIMIT_MS = 30 * DAY_MS;

/** The broker's certificates and the device's. */
export interface Identities {
  readonly authority: Authority;
  readonly server: Issued;
  readonly device: Issued;
}

const dates = { notBefore: new Date(EPOCH_MS - DAY_MS), notAfter: new Date(EPOCH_MS + 365 * DAY_MS) };

/**
 * RSA-2048 throughout and a chain of three, of the size that public CAs' have: a server flight of
 * about 4.4 KB, a client flight of about 1.3 KB.
 */
export async function issueChain(): Promise<Identities> {
  const key = "RSA-2048";
  const authority = await Authority.create({ commonName: "Bench Root", key, ...dates });
  const upper = await authority.authority({ commonName: "Bench Upper CA ".padEnd(200, "x"), key, ...dates });
  const lower = await upper.authority({ commonName: "Bench Lower CA ".padEnd(100, "y"), key, ...dates });
  const names = [HOST, ...Array.from({ length: 16 }, (_, index) => `${"n".repeat(20)}${index}.${HOST}`)];
  return {
    authority,
    server: await lower.server({ commonName: HOST, key, names, ...dates }),
    device: await authority.client({ commonName: "bench-device-of-aws-size", key, ...dates }),
  };
}

export async function issueIdentities(): Promise<Identities> {
  // RSA throughout: the TLS of a BC66 has nothing else, and its uploads are the longer ones.
  const key = "RSA-2048";
  const authority = await Authority.create({ commonName: "Bench Root", key, ...dates });
  return {
    authority,
    server: await authority.server({ commonName: HOST, key, ...dates }),
    device: await authority.client({ commonName: "bench-device", key, ...dates }),
  };
}

export interface SceneOptions {
  /** Entry module; default: the firmware. */
  readonly entry?: string;
  readonly config?: Partial<FirmwareConfig>;
  readonly identities?: Identities;
  /** Default: the BG95. */
  readonly module?: ModuleName;
  /** OpenSSL's names of the suites that the broker takes; default: its own list. */
  readonly ciphers?: string;
  readonly link?: "none" | "nb-iot";
  /** The link's delays are always its mean ones, for a bound that is computed. */
  readonly steady?: boolean;
  /** Bytes that a BC66 holds for a socket; default: as seen in a driver. */
  readonly bufferBytes?: number;
  readonly baud?: number;
  readonly serial?: "buffered" | "stock";
  /** What the line is, where the firmware is told another class: to see what happens where it would refuse. */
  readonly wire?: "buffered" | "stock";
  /** Of what varies on the line. */
  readonly seed?: number;
  readonly trace?: SimulationTrace;
  readonly heapBytes?: number;
  /** Default: as on an ESP32. */
  readonly stackSlots?: number;
  /** False: turns take no time. */
  readonly charged?: boolean;
  /** What they take else; default: as an ESP32. */
  readonly cost?: ComputeCost;
  /** From the end of a command or payload to the module's answer, ms. Default 0. */
  readonly answerMs?: number;
  /** What comes so soon behind a prompt of a BC66 is lost, ms. Default 0. */
  readonly promptPauseMs?: number;
}

/** What went over the UART, counted outside of the driver: by the simulated wire and module. */
export interface UartCount {
  readonly commands: number;
  readonly bytes: number;
  readonly lost: number;
  /** Byte codes that the engine ran. */
  readonly steps: number;
  readonly atMs: number;
}

/** Delays of the radio link that the scene has. */
export function linkOf(options: Pick<SceneOptions, "module" | "link" | "steady">): LinkProfile {
  const { module, link = "none", steady = false } = options;
  const profile = module === "bc66" ? bc66LinkProfile(link) : linkProfiles[link];
  if (!steady) return profile;
  const { rttMs, sendMs, jitterMs } = profile;
  return { ...profile, rttMs: rttMs + jitterMs, sendMs: sendMs + jitterMs / 2, jitterMs: 0 };
}

const free: ComputeCost = { nanosecondsPerStep: 0, collectionMs: 0 };

const config: FirmwareConfig = {
  module: "bg95",
  broker: { host: HOST, port: MQTT_PORT, secure: false, verify: true },
  clientId: "bench-device",
  topic: "bench/device",
  message: "x".repeat(200),
  count: 0,
  qos: 0,
  commands: 0,
  lingerMs: 0,
  attempts: 1,
  keepAlive: 60_000,
};

function makeModem(scheduler: Scheduler, network: MemoryNetwork, options: SceneOptions): BG95 | BC66 {
  const { answerMs = 0, promptPauseMs, module, link = "none", baud = BAUD } = options;
  if (module === "bc66") {
    const buffer = options.bufferBytes === undefined ? {} : { receiveBufferBytes: options.bufferBytes };
    const port = promptPauseMs === undefined ? {} : { port: { commandMs: answerMs, promptPauseMs } };
    return new BC66({
      scheduler,
      network,
      link: linkOf(options),
      // It learns rates up to 115,200; a higher one would have been stored.
      settings: { epochMs: EPOCH_MS, ...(baud > BAUD ? { autobaudRates: [baud] } : {}), ...buffer, ...port },
    });
  }
  const modem = new BG95({
    scheduler,
    network,
    link: { ...linkOf(options), ...(link === "none" ? { sendMs: answerMs } : undefined) },
    settings: { epochMs: EPOCH_MS, port: { commandMs: answerMs } },
  });
  modem.module.baud = modem.module.stored.baud = baud;
  return modem;
}

/** An engine, a simulated module and peers in memory: no run touches the wall clock. */
export class Scene {
  readonly engine: FirmwareEngine;
  readonly modem: BG95 | BC66;
  readonly simulation: Simulation;
  readonly broker = new AnsweringBroker();
  /** What the firmware reported, one after another. */
  readonly reports: (readonly unknown[])[] = [];
  /** The TCP peer that was connected last. */
  peer: MemoryPeer | undefined;
  /** A failure that the firmware reports is no error of the scene: it has to get over it. */
  tolerant = false;
  readonly #scheduler = new Scheduler();

  private constructor(engine: FirmwareEngine, options: SceneOptions) {
    const scheduler = this.#scheduler;
    const network = new MemoryNetwork({ scheduler, names: { [HOST]: "192.0.2.10" } });
    network.serveDuplex(MQTT_PORT, this.broker.accept);
    network.serve(TCP_PORT, peer => (this.peer = peer));
    const { identities } = options;
    if (identities)
      network.serveTls(
        MQTTS_PORT,
        {
          key: identities.server.keyPem,
          cert: identities.server.chainPem,
          ca: identities.authority.certificatePem,
          requestCert: true,
          rejectUnauthorized: true,
          maxVersion: "TLSv1.2",
          ...(options.ciphers === undefined ? undefined : { ciphers: options.ciphers }),
        },
        this.broker.accept,
      );
    this.engine = engine;
    this.modem = makeModem(scheduler, network, options);
    this.simulation = new Simulation({
      scheduler,
      modem: this.modem,
      engine,
      uart: { serial: options.wire ?? options.serial ?? "buffered" },
      ...(options.seed === undefined ? {} : { seed: options.seed }),
      ...(options.trace === undefined ? {} : { trace: options.trace }),
      cost: options.charged === false ? free : (options.cost ?? esp32Cost),
      onReport: text => {
        const report: unknown = JSON.parse(text);
        if (Array.isArray(report)) this.reports.push(report);
      },
    });
  }

  /** Runs `work` on a scene of its own, whose engine is stopped whatever happens. */
  static async run<T>(options: SceneOptions, work: (scene: Scene) => Promise<T>): Promise<T> {
    const { entry, identities, heapBytes, stackSlots } = options;
    const engine = await createEngine({
      engine: "xs",
      ...(entry === undefined ? undefined : { entry }),
      config: {
        ...config,
        module: options.module ?? "bg95",
        ...options.config,
        baud: options.baud ?? BAUD,
      },
      tls: now => nodeTls({ profile: deviceProfile, now }),
      credentials: identities
        ? {
            ca: identities.authority.certificate,
            certificate: identities.device.certificate,
            key: identities.device.key,
          }
        : {},
      serial: options.serial ?? "buffered",
      ...(heapBytes === undefined ? undefined : { heapBytes }),
      ...(stackSlots === undefined ? undefined : { stackSlots }),
    });
    try {
      return await work(new Scene(engine, options));
    } finally {
      await engine.stop();
    }
  }

  get nowMs(): number {
    return this.#scheduler.nowMs;
  }

  send(...message: readonly unknown[]): void {
    this.simulation.send(JSON.stringify(message));
  }

  /** Runs until the firmware has reported `name` for the `times`th time from now. */
  async reported(name: string, times = 1): Promise<SimulationEnd> {
    let seen = this.reports.length;
    let left = times;
    const until = (): boolean => {
      for (; seen < this.reports.length; seen++) {
        if (this.reports[seen]?.[0] === name) left--;
        else if (this.reports[seen]?.[0] === "failure" && !this.tolerant)
          throw new Error(`the firmware failed: ${JSON.stringify(this.reports[seen])}`);
      }
      return left <= 0;
    };
    return this.simulation.run({ until, untilMs: this.nowMs + RUN_LIMIT_MS });
  }

  /** As `reported`; anything else that ends the run is an error. */
  async expect(name: string, times = 1): Promise<void> {
    const end = await this.reported(name, times);
    if (end.reason !== "condition") throw new Error(`no "${name}": ${JSON.stringify(end)}`);
  }

  /** Lets everything that is under way end. */
  async rest(ms = 2_000): Promise<void> {
    await this.simulation.run({ untilMs: this.nowMs + ms });
  }

  get count(): UartCount {
    const { toModuleBytes, toHostBytes, lostBytes, compute } = this.simulation.counters;
    return {
      commands: [...this.modem.commandCounts.values()].reduce((sum, count) => sum + count, 0),
      bytes: toModuleBytes + toHostBytes,
      lost: lostBytes,
      steps: compute,
      atMs: this.nowMs,
    };
  }

  /** What one action costs, until everything has come to rest again. */
  async cost(action: () => Promise<void>): Promise<UartCount> {
    const before = this.count;
    await action();
    const atMs = this.nowMs;
    await this.rest();
    const after = this.count;
    return {
      commands: after.commands - before.commands,
      bytes: after.bytes - before.bytes,
      lost: after.lost - before.lost,
      steps: after.steps - before.steps,
      atMs: atMs - before.atMs,
    };
  }
}
