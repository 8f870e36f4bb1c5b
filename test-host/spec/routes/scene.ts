import assert from "node:assert/strict";
import type { Duplex } from "node:stream";
import { createServer, type Server, type TlsOptions } from "node:tls";
import { Authority, type Issued, type KeyKind } from "../../../certs/issue.js";
import type { RouteName } from "../../../drivers/quectel/route.js";
import type { FirmwareConfig, ModuleName } from "../../../hosts/firmware/config.js";
import { explainFailure } from "../../../hosts/workstation/diagnosis/explain.js";
import { RunRecord, type ReportedFailure } from "../../../hosts/workstation/simulate/record.js";
import { deviceProfile, nodeTls, type TlsEngineProfile } from "../../../hosts/workstation/tls-engine.js";
import { AnsweringBroker } from "../../bench/broker.js";
import { BC66, type Bc66Options } from "../../simulator/bc66/bc66.js";
import { BG95, type Bg95Options } from "../../simulator/bg95/bg95.js";
import type { LinkName } from "../../simulator/link.js";
import { MemoryNetwork } from "../../simulator/memory.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { Simulation, type SimulationEnd } from "../../simulator/simulation.js";
import { createEngine, type FirmwareEngine } from "../../xs/index.js";

export const HOST = "broker.example.net";
export const PORT = 8883;
export const DAY_MS = 86_400_000;
export const EPOCH_MS = Date.UTC(2026, 10, 20, 12);

/** Certificates of a broker with a chain of two, and of a device. */
export interface Identities {
  readonly root: Authority;
  readonly issuing: Authority;
  readonly server: Issued;
  readonly device: Issued;
}

export const dates = {
  notBefore: new Date(EPOCH_MS - 30 * DAY_MS),
  notAfter: new Date(EPOCH_MS + 365 * DAY_MS),
};

export async function issueIdentities(key: KeyKind = "RSA-2048"): Promise<Identities> {
  const root = await Authority.create({ commonName: "Spec Root", key, ...dates });
  const issuing = await root.authority({ commonName: "Spec CA", key, ...dates });
  return {
    root,
    issuing,
    server: await issuing.server({ commonName: HOST, key, ...dates }),
    device: await root.client({ commonName: "device", key, ...dates }),
  };
}

/** A module and a route on it. */
export type Way = readonly [module: ModuleName, route: RouteName];

/** Suites that a BC66's own TLS has one of; others have their own list. */
export function suitesFor([module, route]: Way): TlsOptions {
  return module === "bc66" && route !== "host-tls" ? { ciphers: "AES128-SHA256" } : {};
}

export interface SceneOptions {
  /** Default: host-tls on the BG95. */
  readonly way?: Way;
  readonly identities: Identities;
  /** Of the broker; beside them a client certificate of the root is asked for. */
  readonly tls?: TlsOptions;
  /** Stands between the module and the broker, on the nth connection from 1. */
  readonly between?: ((far: Duplex, nth: number) => Duplex) | undefined;
  readonly config?: Partial<FirmwareConfig>;
  readonly credentials?: {
    readonly ca?: Uint8Array | undefined;
    readonly certificate?: Uint8Array | undefined;
    readonly key?: Uint8Array | undefined;
  };
  readonly profile?: TlsEngineProfile;
  readonly engine?: "node" | "xs";
  readonly link?: LinkName;
  readonly bg95?: Pick<Bg95Options, "settings" | "faults">;
  readonly bc66?: Pick<Bc66Options, "settings" | "faults">;
  readonly faults?: readonly string[];
  readonly heapBytes?: number;
  readonly seed?: number;
}

/** The whole firmware on a simulated module and peers in memory: no run touches the wall clock. */
export class RouteScene {
  readonly scheduler = new Scheduler();
  readonly network = new MemoryNetwork({ scheduler: this.scheduler, names: { [HOST]: "192.0.2.10" } });
  readonly broker = new AnsweringBroker();
  readonly record = new RunRecord();
  readonly reports: (readonly unknown[])[] = [];
  readonly failures: ReportedFailure[] = [];
  /** What the broker said of handshakes that did not complete. */
  readonly refusals: string[] = [];
  readonly modem: BG95 | BC66;
  readonly simulation: Simulation;
  readonly engine: FirmwareEngine;
  /** Connections that reached the broker. */
  connections = 0;
  between: SceneOptions["between"];
  readonly #options: SceneOptions;
  #server: Server;

  private constructor(engine: FirmwareEngine, options: SceneOptions) {
    const { scheduler, network } = this;
    this.engine = engine;
    this.#options = options;
    this.between = options.between;
    this.#server = this.#serverOf(options.tls ?? {});
    network.serveDuplex(PORT, far => {
      this.connections++;
      far.on("error", () => undefined);
      this.#server.emit("connection", this.between?.(far, this.connections) ?? far);
    });
    const { faults = [], seed = 1, link = "none" } = options;
    const common = { scheduler, network, link, seed, faults };
    const settings = { epochMs: EPOCH_MS };
    // What a BC66 loses on a fast link when a flight is larger than its buffer has specs of its own.
    const unlimited = { ...settings, receiveBufferBytes: Infinity };
    this.modem =
      options.way?.[0] === "bc66"
        ? new BC66({ ...common, ...options.bc66, settings: { ...unlimited, ...options.bc66?.settings } })
        : new BG95({ ...common, ...options.bg95, settings: { ...settings, ...options.bg95?.settings } });
    this.simulation = new Simulation({
      scheduler,
      modem: this.modem,
      engine,
      uart: { serial: "buffered" },
      seed,
      onReport: text => {
        const values = this.record.take(text);
        this.reports.push(values);
        if (values[0] === "failure" && this.record.lastFailure) this.failures.push(this.record.lastFailure);
      },
    });
  }

  #serverOf(changes: TlsOptions): Server {
    const { identities, way = ["bg95", "host-tls"] } = this.#options;
    const server = createServer(
      {
        key: identities.server.keyPem,
        cert: identities.server.chainPem,
        ca: identities.root.certificatePem,
        requestCert: true,
        rejectUnauthorized: true,
        maxVersion: "TLSv1.2",
        ...suitesFor(way),
        ...changes,
      },
      this.broker.accept,
    );
    server.on("tlsClientError", error => this.refusals.push(error.message));
    return server;
  }

  /** From the next connection on the broker is another: `{}` is one without a fault. */
  serve(changes: TlsOptions): void {
    this.#server = this.#serverOf(changes);
  }

  static async run<T>(options: SceneOptions, work: (scene: RouteScene) => Promise<T>): Promise<T> {
    const { identities, profile = deviceProfile } = options;
    const [module, route] = options.way ?? ["bg95", "host-tls"];
    const given: Record<"ca" | "certificate" | "key", Uint8Array | undefined> = {
      ca: identities.root.certificate,
      certificate: identities.device.certificate,
      key: identities.device.key,
      ...options.credentials,
    };
    const { ca, certificate, key } = given;
    const engine = await createEngine({
      engine: options.engine ?? "node",
      config: {
        module,
        route,
        baud: 115_200,
        broker: { host: HOST, port: PORT, secure: true, verify: true },
        clientId: "device",
        topic: "up",
        message: "{n}",
        count: 1,
        qos: 1,
        commands: 0,
        lingerMs: 0,
        attempts: 1,
        keepAlive: 60_000,
        ...options.config,
      },
      credentials: {
        ...(ca && { ca }),
        ...(certificate && { certificate }),
        ...(key && { key }),
      },
      tls: now => nodeTls({ profile, now }),
      seed: options.seed ?? 1,
      ...(options.heapBytes === undefined ? undefined : { heapBytes: options.heapBytes }),
    });
    try {
      return await work(new RouteScene(engine, options));
    } finally {
      await engine.stop();
    }
  }

  /** Runs until the firmware has done its work or given up, and at most a simulated day. */
  finish(): Promise<SimulationEnd> {
    return this.until(() => this.record.end !== undefined);
  }

  /** As {@link finish}, and it is done, not given up. */
  async online(): Promise<void> {
    const end = await this.finish();
    assert.equal(end.reason, "condition", `${JSON.stringify(end)} ${this.told}`);
    assert.equal(this.record.end, "done", this.told);
    assert.ok(this.happened.has("acknowledged"), this.told);
  }

  /** Runs until the failure comes that nobody has looked at yet, and gives it. */
  async failure(nth = 1): Promise<ReportedFailure> {
    const end = await this.until(() => this.failures.length >= nth || this.record.end === "done");
    const found = this.failures[nth - 1];
    assert.equal(end.reason, "condition", `${JSON.stringify(end)} ${this.told}`);
    assert.ok(found, `a failure is reported: ${this.told}`);
    return found;
  }

  until(condition: () => boolean, withinMs = DAY_MS): Promise<SimulationEnd> {
    return this.simulation.run({ until: condition, untilMs: this.scheduler.nowMs + withinMs });
  }

  /** The last reports, for the words of an assertion. */
  get told(): string {
    return this.reports
      .slice(-12)
      .map(report => JSON.stringify(report))
      .join(" ");
  }

  /** Names of the reports, each once. */
  get happened(): ReadonlySet<string> {
    return new Set(this.reports.map(([name]) => String(name)));
  }

  /** A failure as people read it: what happened, why, and what to do. */
  explain(failure: ReportedFailure): string {
    const { what, why, fix } = explainFailure(failure, this.#options.way?.[0] ?? "bg95");
    return `${what}: ${why} ${fix}`;
  }
}
