import type { FaultBoard } from "../fault-board.js";
import { HandshakeWatch } from "../handshake-watch.js";
import type { Link } from "../link.js";
import type { AtPort, PortProfile } from "../modem/at-port.js";
import { ModuleClock } from "../modem/clock.js";
import { SimCard } from "../modem/sim-card.js";
import { socketErrors } from "../modem/socket-errors.js";
import { SocketTable } from "../modem/socket-table.js";
import type { Network } from "../network.js";
import type { Random } from "../random.js";
import type { Scheduler } from "../scheduler.js";
import { Bc66Mqtt } from "./commands/mqtt.js";
import { bootText, Power } from "./power.js";
import { bootTextBaud, Rate } from "./rate.js";
import { Receiver } from "./receiver.js";
import { Registration } from "./registration.js";
import type { Bc66Settings } from "./settings.js";
import { Sleep } from "./sleep.js";
import { TlsConnections } from "./tls-connections.js";
import { declareValues } from "./declared-values.js";
import { Values, type StartKind } from "./values.js";

export interface ModuleParts {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly link: Link;
  readonly settings: Bc66Settings;
  readonly random: Random;
}

/** What the transport around the module does for it. */
export interface ModuleOutside {
  readonly port: AtPort<Bc66Module>;
  readonly faults: FaultBoard;
  /** Bytes outside any command, at a rate of their own. */
  print(text: string, baud: number): void;
  /** Bytes not yet sent are gone with the power. */
  discard(): void;
}

/** A CBC record around application data: header, IV, SHA-256 and padding in the mean. */
const recordOverheadBytes = 61;

/** The default bearer, context 1: it comes up by itself once the module is registered. */
export interface Bearer {
  isActive: boolean;
  readonly address: string;
}

/** The state of one BC66 behind its AT port. Commands work on this. */
export class Bc66Module {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly link: Link;
  readonly settings: Bc66Settings;
  readonly values = new Values();
  readonly clock: ModuleClock;
  readonly sim: SimCard;
  readonly profile: PortProfile;
  readonly rate: Rate;
  readonly power: Power;
  readonly sleep: Sleep;
  readonly registration: Registration;
  readonly bearer: Bearer;
  readonly sockets: SocketTable;
  readonly tls: TlsConnections;
  readonly mqtt: Bc66Mqtt;
  /** AT+CFUN: 1 full, 0, 4 and 7 without radio. */
  functionality = 1;
  /** Of the last TCP/IP command. */
  lastError: number = socketErrors.success;
  /** Contexts of AT+CGDCONT beside the default one: cid to `"type","apn"`. */
  readonly contexts = new Map<number, string>();
  #outside: ModuleOutside | undefined;
  #hasAttached = false;
  #heldUrcs: { text: string; payload: Uint8Array | undefined }[] = [];

  constructor(parts: ModuleParts) {
    this.scheduler = parts.scheduler;
    this.network = parts.network;
    this.link = parts.link;
    this.settings = parts.settings;
    const { scheduler, settings, link, values } = this;
    declareValues(values, settings);
    this.clock = new ModuleClock(scheduler, settings.epochMs, 0);
    this.sim = new SimCard(settings.sim);
    this.profile = {
      echo: true,
      verbose: true,
      quiet: false,
      errors: 0,
      carriageReturn: 13,
      lineFeed: 10,
      backspace: 8,
    };
    const addresses = parts.random.fork("addresses");
    this.bearer = {
      isActive: false,
      address: `10.${String(addresses.integer(256))}.${String(addresses.integer(256))}.${String(1 + addresses.integer(254))}`,
    };
    this.rate = new Rate(
      settings,
      () => values.number("+IPR"),
      () => this.#flushHeld(),
    );
    const receiver = new Receiver(this);
    this.sockets = new SocketTable({
      scheduler,
      network: parts.network,
      link,
      connectTimeoutMs: settings.connectTimeoutMs,
      tlsSharesIds: false,
      receiveWindowBytes: Infinity,
      recordOverheadBytes,
      received: (socket, bytes) => receiver.received(socket, bytes),
      receivedPacket: (socket, packet) => receiver.packet(socket, packet),
      peerEnded: socket => receiver.closed(socket),
      sent: (id, before, after) => this.faults.sent(id, before, after),
      lostContext: socket => {
        if (settings.closedUrcAfterDeactivation) receiver.closed(socket);
      },
      // There is no listener type.
      incoming: () => undefined,
    });
    this.tls = new TlsConnections(this);
    this.registration = new Registration({
      scheduler,
      mode: () => values.number("+CEREG"),
      urc: text => this.urc(text),
      outcome: () => outcomeOf(settings.registration),
      attachMs: () => this.#attachMs(),
      extraField: settings.registeredExtraField,
      timers: () =>
        values.get("+CPSMS") === "1"
          ? { active: values.get("T3324"), periodic: values.get("T3412") }
          : undefined,
      connecting: () => this.link.touch(),
      registered: () => this.#registered(),
      lost: () => this.#bearerDown(false),
    });
    this.sleep = new Sleep({
      scheduler,
      values,
      link,
      releaseMs: settings.releaseMs,
      urc: text => this.urc(text),
      isBusy: () =>
        this.sockets.all.some(socket => socket.state === 2) || this.mqtt.all.some(client => client.isOpen),
      isRegistered: () => this.registration.isRegistered,
      isSearching: () => this.registration.state === 2,
      deepSleep: () => this.power.deepSleep(),
      wake: () => {
        if (this.power.state === "deep-sleep") this.power.start("deep-sleep");
      },
    });
    this.power = new Power({
      scheduler,
      boot: settings.boot,
      powerKeyWakes: settings.powerKeyWakes,
      vddExtInDeepSleep: settings.vddExtInDeepSleep,
      printBanner: () => this.outside.print(bootText, bootTextBaud),
      lost: () => this.#lost(),
      starting: kind => this.#starting(kind),
      ready: kind => this.#ready(kind),
      simRead: () => this.#simRead(),
    });
    this.power.onPsmEint = () => this.sleep.pinEdge();
    this.mqtt = new Bc66Mqtt({
      scheduler,
      network: parts.network,
      link,
      settings,
      recordOverheadBytes,
      hasBearer: () => this.bearer.isActive,
      tls: (context, connection, host) => ({
        limitMs: this.tls.item(connection).timeoutS * 1000,
        client: () => this.tls.client(context, connection, host, new HandshakeWatch()),
      }),
      urc: text => this.urc(text),
      sent: (socket, before, after) => this.faults.sent(socket, before, after),
    });
    link.onTraffic = () => this.sleep.traffic();
  }

  /** Joins the module with its port; done once by `BC66`. */
  join(outside: ModuleOutside): void {
    this.#outside = outside;
  }

  get outside(): ModuleOutside {
    if (!this.#outside) throw new Error("The module has no port yet");
    return this.#outside;
  }

  get port(): AtPort<Bc66Module> {
    return this.outside.port;
  }

  get faults(): FaultBoard {
    return this.outside.faults;
  }

  /** An unsolicited line; nothing while the module is down. */
  urc(text: string, payload?: Uint8Array): void {
    if (this.power.state !== "running") return;
    const heldMs = this.faults.holdsUrc(text);
    if (heldMs === Infinity) return;
    if (heldMs > 0) {
      const boot = this.power.boots;
      this.scheduler.after(heldMs, () => {
        if (boot === this.power.boots && this.power.state === "running") this.#say(text, payload);
      });
      return;
    }
    this.#say(text, payload);
  }

  /** A line that is due later; not after a restart. */
  urcAfter(ms: number, text: string): void {
    this.whileUp(ms, () => this.urc(text));
  }

  /** Runs later, unless the module was restarted meanwhile. */
  whileUp(ms: number, action: () => void): void {
    const boot = this.power.boots;
    this.scheduler.after(ms, () => {
      if (boot === this.power.boots && this.power.state === "running") action();
    });
  }

  /** Found powered, trained, booted, searching. */
  bootNow(): void {
    this.power.bootNow();
    if (!this.rate.isKnown) this.rate.set(bootTextBaud);
    this.sleep.started();
    this.sim.describe();
    this.attach();
  }

  /** Begins to search for the network when SIM and functionality allow it. */
  attach(): void {
    if (this.functionality === 1 && this.sim.isReady && this.values.get("cops") !== "2")
      this.registration.search();
  }

  /** Leaves the network; bearer and sockets go with it. */
  detach(): void {
    const wasActive = this.bearer.isActive;
    this.registration.leave(0);
    if (wasActive) this.#bearerDown(true);
  }

  /** The host deactivates context 1. */
  deactivate(): void {
    this.#bearerDown(true);
  }

  /** Context 1 comes up. */
  activate(): void {
    if (!this.registration.isRegistered || this.bearer.isActive) return;
    this.bearer.isActive = true;
    this.urc(`+IP: ${this.bearer.address}`);
  }

  /** The network deactivates the bearer; it comes up again by itself when set so. */
  deactivateByNetwork(): void {
    if (!this.bearer.isActive) return;
    this.#bearerDown(false);
    if (this.settings.reactivates)
      this.whileUp(this.link.spread(this.link.profile.rttMs), () => this.activate());
  }

  /** The bearer vanishes without a word; its sockets look alive and carry nothing. */
  loseContext(): void {
    this.sockets.silence(1);
    this.mqtt.silence();
  }

  /** The peer of a socket, TLS or MQTT connection breaks off. */
  breakOff(id: number): void {
    this.sockets.breakOff(id);
    this.mqtt.streams.sockets.breakOff(id);
  }

  /** Cover is gone for a time. */
  loseRegistration(forMs: number): void {
    if (!this.registration.isRegistered) return;
    this.link.addOutage({ fromMs: this.scheduler.nowMs, forMs });
    this.registration.leave(2);
    this.whileUp(forMs, () => this.attach());
  }

  #say(text: string, payload: Uint8Array | undefined): void {
    if (this.rate.isKnown || this.settings.beforeTraining === "garbled") this.port.urc(text, payload);
    else if (this.settings.beforeTraining === "held") this.#heldUrcs.push({ text, payload });
  }

  #flushHeld(): void {
    for (const { text, payload } of this.#heldUrcs.splice(0)) this.port.urc(text, payload);
  }

  #attachMs(): number {
    const { settings, link } = this;
    const isCold = settings.attach === "cold" && !this.#hasAttached;
    return isCold ? settings.coldAttachMs : link.spread(link.profile.attachMs);
  }

  #starting(kind: StartKind): void {
    this.values.restart(kind);
    Object.assign(this.profile, {
      echo: this.values.get("E") === "1",
      verbose: true,
      quiet: false,
      errors: this.values.number("+CMEE"),
    });
    this.functionality = this.values.number("+CFUN");
    this.lastError = socketErrors.success;
    if (kind === "cold") this.clock.forget();
    if (kind === "cold" || this.settings.contextsInDeepSleep === "lost") this.contexts.clear();
    this.tls.restart(kind);
    this.rate.start();
  }

  #ready(kind: StartKind): void {
    this.sleep.started();
    this.urc("RDY");
    this.urc(`${this.settings.functionalityLine}${String(this.functionality)}`);
    if (kind === "deep-sleep" && this.values.number("+QATWAKEUP") === 1) this.urc("+QATWAKEUP");
    if (kind === "deep-sleep" && this.values.number("+QNBIOTEVENT") === 1)
      this.urc('+QNBIOTEVENT: "EXIT PSM"');
  }

  #simRead(): void {
    if (this.sim.isPresent) this.urc(`+CPIN: ${this.sim.describe()}`);
    this.attach();
  }

  #lost(): void {
    this.sleep.reset(this.power.state === "deep-sleep");
    this.port.reset();
    this.outside.discard();
    this.sockets.reset();
    this.mqtt.reset();
    this.bearer.isActive = false;
    this.registration.reset();
    this.sim.restart();
    this.#heldUrcs = [];
  }

  #registered(): void {
    this.#hasAttached = true;
    if (this.settings.networkTime) {
      this.clock.synchronise(this.settings.timeZoneQuarters);
      const zone = this.settings.timeZoneQuarters;
      const sign = zone < 0 ? "-" : "+";
      if (this.values.number("+CTZR") === 1) this.urc(`+CTZV: ${sign}${String(Math.abs(zone))}`);
    }
    const { link } = this;
    this.whileUp(link.spread(link.profile.activateMs), () => this.activate());
  }

  #bearerDown(byHost: boolean): void {
    if (!this.bearer.isActive) return;
    this.bearer.isActive = false;
    this.sockets.contextDown(1, byHost);
    this.mqtt.bearerDown();
  }
}

function outcomeOf(setting: Bc66Settings["registration"]): 1 | 5 | 3 | undefined {
  if (setting === "home") return 1;
  if (setting === "roaming") return 5;
  return setting === "denied" ? 3 : undefined;
}
