import { createPublicKey } from "node:crypto";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { FactoryError } from "../../../certs/factory-error.js";
import type { Target } from "../../../certs/factory/target.js";
import {
  openModemTarget,
  type ModemNotice,
  type ModemTarget,
  type ModemTargetOptions,
} from "../../../hosts/workstation/provision/targets/modem/target.js";
import { BC66 } from "../../simulator/bc66/bc66.js";
import type { Bc66Changes } from "../../simulator/bc66/settings.js";
import { BG95 } from "../../simulator/bg95/bg95.js";
import type { Bg95Changes } from "../../simulator/bg95/settings.js";
import type { Fault } from "../../simulator/faults.js";
import { LoopbackNetwork } from "../../simulator/loopback.js";
import type { Modem } from "../../simulator/modem/modem.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { serveModem, type ModemService } from "../../simulator/serve.js";
import { derOf, identities } from "../drivers/identities.js";
import { Authority } from "../simulator/authority.js";

/** What a unit gets, in DER. */
export interface Parts {
  readonly ca: Uint8Array;
  readonly certificate: Uint8Array;
  /** PKCS#8. A copy for each use: the target's callers overwrite it. */
  readonly key: Uint8Array;
  /** SubjectPublicKeyInfo. */
  readonly half: Uint8Array;
}

export function partsOf(ca: Authority, unit: Authority): Parts {
  return {
    ca: derOf(ca.certificatePem),
    certificate: derOf(unit.certificatePem),
    key: derOf(unit.keyPem),
    half: Uint8Array.from(createPublicKey(unit.keyPem).export({ type: "spki", format: "der" })),
  };
}

export async function rsaParts(): Promise<Parts> {
  const { root, rsaDevice } = await identities();
  return partsOf(root, rsaDevice);
}

export async function ecParts(): Promise<Parts> {
  const { root, device } = await identities();
  return partsOf(root, device);
}

/** A module that starts in a moment, where a spec restarts it. */
export const FAST: Bg95Changes = {
  boot: { readyMs: 20, appReadyMs: 40, simReadyMs: 45, smsReadyMs: 50, statusMs: 10, rebootMs: 100 },
};

export interface BenchOptions {
  readonly settings?: Bg95Changes;
  readonly bc66?: Bc66Changes;
  readonly faults?: readonly (Fault | string)[];
  /** Path of a pty; default: TCP, by way of a cable that can be cut. */
  readonly pty?: string;
}

/** A simulated modem at the end of a cable. */
export class ModemBench<M extends Modem = Modem> {
  readonly modem: M;
  /** As a tool is given it. */
  readonly address: string;
  /** Every byte that the tool was sent, and every one that it sent. */
  readonly toTool: Buffer[] = [];
  readonly toModule: Buffer[] = [];
  readonly #service: ModemService;
  readonly #network: LoopbackNetwork;
  readonly #cable: Server;
  readonly #sockets = new Set<Socket>();
  #cutAfter = Infinity;

  private constructor(
    modem: M,
    service: ModemService,
    network: LoopbackNetwork,
    cable: Server,
    address: string,
  ) {
    this.modem = modem;
    this.address = address;
    this.#service = service;
    this.#network = network;
    this.#cable = cable;
    cable.on("connection", socket => this.#plugged(socket));
  }

  static bg95(options: BenchOptions = {}): Promise<ModemBench<BG95>> {
    return ModemBench.#make(options, (scheduler, network) => {
      const { settings = {}, faults = [] } = options;
      return new BG95({ scheduler, network, settings: { ...FAST, ...settings }, faults });
    });
  }

  static bc66(options: BenchOptions = {}): Promise<ModemBench<BC66>> {
    return ModemBench.#make(options, (scheduler, network) => {
      const { bc66 = {}, faults = [] } = options;
      return new BC66({ scheduler, network, settings: bc66, faults });
    });
  }

  static async #make<M extends Modem>(
    options: BenchOptions,
    make: (scheduler: Scheduler, network: LoopbackNetwork) => M,
  ): Promise<ModemBench<M>> {
    const scheduler = new Scheduler({ mode: "realtime" });
    const network = new LoopbackNetwork({ scheduler, resolve: ["broker.test=127.0.0.1"] });
    const modem = make(scheduler, network);
    const service = await serveModem({ scheduler, modem, at: options.pty ?? "127.0.0.1:0" });
    const cable = createServer({ noDelay: true });
    await new Promise<void>(resolve => cable.listen(0, "127.0.0.1", resolve));
    const address = options.pty ?? `tcp:127.0.0.1:${(cable.address() as AddressInfo).port}`;
    return new ModemBench(modem, service, network, cable, address);
  }

  /** The cable is pulled when so many more bytes have passed to the module, and is whole for who opens it next. */
  cutAfter(bytes: number): void {
    this.#cutAfter = bytes;
  }

  /** Pulls the cable now. */
  pull(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.pull();
    await new Promise(resolve => this.#cable.close(resolve));
    await this.#service.stop();
    this.#network.close();
  }

  #plugged(tool: Socket): void {
    const module = connect(Number(this.#service.address.split(":")[1]), "127.0.0.1");
    for (const socket of [tool, module]) {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        tool.destroy();
        // What has been handed to it still arrives.
        module.end();
      });
    }
    tool.on("data", (bytes: Buffer) => {
      const passed = bytes.subarray(0, this.#cutAfter);
      this.#cutAfter -= passed.length;
      this.toModule.push(Buffer.from(passed));
      module.write(Buffer.from(passed));
      if (this.#cutAfter > 0) return;
      this.#cutAfter = Infinity;
      tool.destroy();
    });
    module.on("data", (bytes: Buffer) => {
      this.toTool.push(Buffer.from(bytes));
      if (!tool.destroyed) tool.write(bytes);
    });
  }
}

/** A target, everything that it says, and what it fails with. */
export interface Opened {
  readonly target: ModemTarget;
  readonly notices: ModemNotice[];
  /** Lines of its trace. */
  readonly trace: string[];
}

export async function opened(address: string, options: Partial<ModemTargetOptions> = {}): Promise<Opened> {
  const notices: ModemNotice[] = [];
  const trace: string[] = [];
  const target = await openModemTarget(address, {
    module: "bg95",
    route: "module-tls",
    onNotice: notice => notices.push(notice),
    trace: (_, direction, text) => trace.push(`${direction} ${text}`),
    ...options,
  });
  return { target, notices, trace };
}

/** Everything of a unit, as a line writes it. */
export async function fill(target: Target, parts: Parts): Promise<void> {
  await target.begin();
  await target.write("ca", parts.ca);
  await target.write("certificate", parts.certificate);
  await target.write("key", Uint8Array.from(parts.key));
}

export function expected({ ca, certificate, half }: Parts) {
  return { ca, certificate, key: half };
}

/** What the work was refused with. */
export async function refusal(work: Promise<unknown>): Promise<FactoryError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof FactoryError) return error;
  throw new Error(`not refused by a FactoryError: ${String(error)}`);
}

export interface TestBroker {
  readonly port: number;
  /** Connections whose client certificate was accepted. */
  readonly accepted: number;
  close(): Promise<void>;
}

/** TLS 1.2 with client authentication; answers the first bytes with `answer`, or ends the connection without one. */
export async function tlsBroker(options: TlsOptions, answer: Uint8Array | undefined): Promise<TestBroker> {
  let accepted = 0;
  const server = createTlsServer(
    { requestCert: true, rejectUnauthorized: true, maxVersion: "TLSv1.2", ...options },
    socket => {
      accepted++;
      socket.on("error", () => undefined);
      socket.on("data", () => {
        if (answer) socket.write(answer);
        else socket.end();
      });
    },
  );
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get accepted() {
      return accepted;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise<void>(resolve => void server.close(() => resolve()));
    },
  };
}
