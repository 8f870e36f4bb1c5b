import type { Link } from "../link.js";
import type { AtPort, PortProfile } from "../modem/at-port.js";
import { FileStore } from "../modem/file-store.js";
import type { Network } from "../network.js";
import type { Random } from "../random.js";
import type { Scheduler, Task } from "../scheduler.js";
import type { FaultBoard } from "../fault-board.js";
import { ModuleClock } from "../modem/clock.js";
import { PdpContexts } from "./contexts.js";
import { socketErrors } from "./errors.js";
import { Power } from "./power.js";
import { Registration, registrationDomains, type RegistrationDomain } from "./registration.js";
import type { Bg95Settings } from "./settings.js";
import { SimCard } from "../modem/sim-card.js";
import { Receiver, type SocketOptionValues } from "./receiver.js";
import { SocketTable } from "../modem/socket-table.js";
import { freshSslContext, type SslContext } from "./ssl-contexts.js";
import { DataMode } from "./data-mode.js";
import { Bg95Mqtt } from "./commands/mqtt.js";

export interface ModuleParts {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly link: Link;
  readonly settings: Bg95Settings;
  readonly random: Random;
}

/** What the transport around the module does for it. */
export interface ModuleOutside {
  readonly port: AtPort<Bg95Module>;
  readonly faults: FaultBoard;
  /** A line outside any command, framed. */
  print(text: string, payload?: Uint8Array): void;
  /** Bytes not yet sent are gone with the power. */
  discard(): void;
}

/** A TLS record around application data: header, explicit nonce and tag of AES-GCM. */
const recordOverheadBytes = 29;

interface StoredProfile {
  echo: boolean;
  verbose: boolean;
  quiet: boolean;
  baud: number;
  modes: Record<RegistrationDomain, number>;
}

/** Numbers that a restart sets back, by the command or item that shows them. */
export type Values = Map<string, number>;

/** The state of one BG95 behind its AT port. Commands work on this. */
export class Bg95Module {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly link: Link;
  readonly settings: Bg95Settings;
  readonly random: Random;
  readonly files: FileStore;
  readonly clock: ModuleClock;
  readonly sim: SimCard;
  readonly contexts: PdpContexts;
  readonly sockets: SocketTable;
  readonly registration: Registration;
  readonly power: Power;
  readonly data: DataMode;
  readonly mqtt: Bg95Mqtt;
  readonly profile: PortProfile;
  readonly stored: StoredProfile;
  /** AT+IPR */
  baud = 115_200;
  /** AT+IFC: flow control of data from and to the module. */
  flow = { byModule: 0, byHost: 0 };
  functionality: 0 | 1 | 4 = 1;
  /** Of the last TCP/IP or TLS command. */
  lastError: number = socketErrors.success;
  ssl: SslContext[] = [];
  /** Gone at a restart. */
  readonly volatile: Values = new Map();
  /** Kept in flash: texts behind the item's name as the module prints them. */
  readonly configuration = new Map<string, string>();
  readonly kept: Values = new Map();
  readonly socketOptions: SocketOptionValues = { recvLength: 0, viewMode: 0, sendHex: 0, receiveHex: 0 };
  /** AT+CPSMS: requested times, 8 bits each. */
  psm = { enabled: false, periodic: "", active: "" };
  operatorMode = { mode: 0, format: 0 };
  #outside: ModuleOutside | undefined;
  #release: Task | undefined;

  constructor(parts: ModuleParts) {
    this.scheduler = parts.scheduler;
    this.network = parts.network;
    this.link = parts.link;
    this.settings = parts.settings;
    this.random = parts.random;
    const { scheduler, settings, link } = this;
    this.files = new FileStore(settings.fileSystemBytes);
    this.clock = new ModuleClock(scheduler, settings.epochMs);
    this.sim = new SimCard(settings.sim);
    this.contexts = new PdpContexts(parts.random.fork("addresses"));
    this.profile = factoryProfile();
    this.stored = {
      echo: true,
      verbose: true,
      quiet: false,
      baud: this.baud,
      modes: { CREG: 0, CGREG: 0, CEREG: 0 },
    };
    this.data = new DataMode(this);
    const receiver = new Receiver({
      options: this.socketOptions,
      urc: (text, payload) => this.urc(text, payload),
      transparent: (socket, bytes) => this.data.deliver(socket, bytes),
      peerClosed: socket => this.data.peerClosed(socket),
    });
    this.sockets = new SocketTable({
      scheduler,
      network: parts.network,
      link,
      connectTimeoutMs: settings.connectTimeoutMs,
      tlsSharesIds: settings.tlsSharesIds,
      receiveWindowBytes: settings.receiveBufferBytes,
      recordOverheadBytes,
      received: (socket, bytes) => receiver.received(socket, bytes),
      receivedPacket: (socket, packet) => receiver.packet(socket, packet),
      peerEnded: socket => receiver.peerEnded(socket),
      sent: (id, before, after) => this.faults.sent(id, before, after),
      lostContext: socket => {
        if (settings.closedUrcAfterDeactivation) receiver.closed(socket);
      },
      incoming: (server, socket) => {
        if (!socket) this.urc('+QIURC: "incoming full"');
        else {
          const from = `"${socket.address}",${String(socket.remotePort)}`;
          this.urc(`+QIURC: "incoming",${String(socket.id)},${String(server.id)},${from}`);
        }
      },
    });
    this.registration = new Registration({
      scheduler,
      urc: text => this.urc(text),
      outcome: () => registrationOutcome(settings.registration),
      attachMs: () => link.spread(link.profile.attachMs),
      cell: () => ({
        area: "66C0",
        cell: "1A2D002",
        accessTechnology: link.profile.accessTechnology,
        activeTime: this.psm.enabled ? this.psm.active : "",
        periodicTime: this.psm.enabled ? this.psm.periodic : "",
      }),
      registered: () => this.#registered(),
      lost: () => undefined,
    });
    this.power = new Power({
      scheduler,
      settings,
      print: text => this.outside.print(text),
      lost: () => this.#lost(),
      simRead: () => this.sim.describe(),
      simUsable: () => this.attach(),
    });
    this.mqtt = new Bg95Mqtt(this);
    link.onTraffic = () => this.#traffic();
    this.restoreVolatile();
  }

  /** Joins the module with its port; done once by `BG95`. */
  join(outside: ModuleOutside): void {
    this.#outside = outside;
  }

  get outside(): ModuleOutside {
    if (!this.#outside) throw new Error("The module has no port yet");
    return this.#outside;
  }

  get port(): AtPort<Bg95Module> {
    return this.outside.port;
  }

  get faults(): FaultBoard {
    return this.outside.faults;
  }

  /** An unsolicited line; nothing while the module is down. */
  urc(text: string, payload?: Uint8Array): void {
    if (!this.power.uart) return;
    const heldMs = this.faults.holdsUrc(text);
    if (heldMs === Infinity) return;
    if (heldMs > 0) {
      const boot = this.power.boots;
      this.scheduler.after(heldMs, () => {
        if (boot === this.power.boots && this.power.uart) this.port.urc(text, payload);
      });
      return;
    }
    this.port.urc(text, payload);
  }

  /** Begins to search for the network when SIM and functionality allow it. */
  attach(): void {
    if (this.functionality === 1 && this.sim.isReady && this.operatorMode.mode !== 2)
      this.registration.search();
  }

  /** Leaves the network; contexts and sockets go with it. */
  detach(): void {
    this.registration.leave(0);
    for (const context of this.contexts.active) this.deactivate(context.id);
  }

  /** The host deactivates a context. */
  deactivate(id: number): void {
    const context = this.contexts.get(id);
    context.state = "inactive";
    this.sockets.contextDown(id, true);
    this.mqtt.streams.contextDown(id);
  }

  /** The network deactivates a context. */
  deactivateByNetwork(id: number): void {
    const context = this.contexts.get(id);
    if (context.state !== "active") return;
    context.state = this.settings.deactivationNeedsQideact ? "lost" : "inactive";
    this.sockets.contextDown(id, false);
    this.urc(`+QIURC: "pdpdeact",${String(id)}`);
    this.mqtt.streams.contextDown(id);
  }

  /** A context vanishes without a word; its sockets look alive and carry nothing. */
  loseContext(id: number): void {
    this.contexts.get(id).state = "inactive";
    this.sockets.silence(id);
    this.mqtt.streams.sockets.silence(id);
  }

  /** The peer of a socket, or of an MQTT client (100 and up), ends the connection. */
  breakOff(id: number): void {
    this.sockets.breakOff(id);
    this.mqtt.streams.sockets.breakOff(id);
  }

  /** Cover is gone for a time; contexts survive, nothing passes. */
  loseRegistration(forMs: number): void {
    if (!this.registration.isRegistered) return;
    this.link.addOutage({ fromMs: this.scheduler.nowMs, forMs });
    this.registration.leave(2);
    const boot = this.power.boots;
    this.scheduler.after(forMs, () => {
      if (boot === this.power.boots) this.attach();
    });
  }

  /** Settings that a restart sets back to the factory's or the stored ones. */
  restoreVolatile(): void {
    Object.assign(this.profile, factoryProfile(), {
      echo: this.stored.echo,
      verbose: this.stored.verbose,
      quiet: this.stored.quiet,
    });
    for (const domain of registrationDomains) this.registration.modes[domain] = this.stored.modes[domain];
    this.baud = this.stored.baud;
    this.flow = { byModule: 0, byHost: 0 };
    this.functionality = 1;
    this.lastError = socketErrors.success;
    this.ssl = Array.from({ length: 6 }, () => freshSslContext(this.settings));
    this.volatile.clear();
    Object.assign(this.socketOptions, { recvLength: 0, viewMode: 0, sendHex: 0, receiveHex: 0 });
  }

  #lost(): void {
    this.#release?.cancel();
    this.data.reset();
    this.port.reset();
    this.outside.discard();
    this.sockets.reset();
    this.mqtt.reset();
    this.contexts.reset();
    this.registration.reset();
    this.files.closeAll();
    this.sim.restart();
    this.restoreVolatile();
  }

  #registered(): void {
    this.link.touch();
    if (this.settings.networkTime) this.clock.synchronise(this.settings.timeZoneQuarters);
  }

  /** RRC connection: up with traffic, released after a while; PSM begins then. */
  #traffic(): void {
    const wasUp = this.#release?.pending === true;
    this.#release?.cancel();
    if (!wasUp && this.volatile.get("+QCSCON") === 1) this.urc("+QCSCON: 1,1");
    this.#release = this.scheduler.after(this.link.profile.releaseMs, () => {
      if (this.volatile.get("+QCSCON") === 1) this.urc("+QCSCON: 1,0");
      if (this.psm.enabled) this.#awaitSleep();
    });
  }

  #awaitSleep(): void {
    const { active, periodic } = this.psm;
    const activeS = activeTimeSeconds(active);
    if (this.configuration.get("psm/urc") === "1") {
      this.urc(`+QPSMTIMER: ${String(periodicTimeSeconds(periodic))},${String(activeS)}`);
    }
    this.#release = this.scheduler.after(activeS * 1000, () => {
      if (this.power.state === "running") this.power.powerDown("PSM POWER DOWN", 0, "psm");
    });
  }
}

function factoryProfile(): PortProfile {
  return {
    echo: true,
    verbose: true,
    quiet: false,
    errors: 1,
    carriageReturn: 13,
    lineFeed: 10,
    backspace: 8,
  };
}

function registrationOutcome(setting: Bg95Settings["registration"]): 1 | 5 | 3 | undefined {
  if (setting === "home") return 1;
  if (setting === "roaming") return 5;
  return setting === "denied" ? 3 : undefined;
}

/** T3324 from its 8 bits, seconds. */
export function activeTimeSeconds(bits: string): number {
  const value = parseInt(bits.slice(3), 2) || 0;
  const unit = bits.slice(0, 3);
  if (unit === "001") return value * 60;
  return unit === "010" ? value * 360 : value * 2;
}

/** T3412 extended from its 8 bits, seconds. */
export function periodicTimeSeconds(bits: string): number {
  const value = parseInt(bits.slice(3), 2) || 0;
  const units: Record<string, number> = {
    "000": 600,
    "001": 3600,
    "010": 36000,
    "011": 2,
    "100": 30,
    "101": 60,
    "110": 1_152_000,
  };
  return value * (units[bits.slice(0, 3)] ?? 0);
}
