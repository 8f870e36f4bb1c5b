import { Channel } from "../../modules/at/channel.js";
import type { Command, Parameter, Urc } from "../../modules/at/command.js";
import { LINE_BYTES } from "../../modules/at/receiver.js";
import type { Line } from "../../modules/at/line.js";
import type { ChannelOptions } from "../../modules/at/options.js";
import type { Done } from "../../modules/at/request.js";
import type { Trace } from "../../modules/at/trace.js";
import { RecoveryLadder, type Rung } from "../../modules/cellular/recovery.js";
import { failure, type Failure, type FailureKind } from "../../modules/diagnosis/failure.js";
import type { Power } from "../../modules/io/power.js";
import type { SerialRecord } from "../../modules/io/serial.js";
import type { Clock, Timer } from "../../modules/io/timer.js";
import * as general from "./commands/general.js";
import * as network from "./commands/network.js";
import * as tcpip from "./commands/tcpip.js";
import type { Lookup } from "./lookup.js";
import type { BufferReport, Profile, SocketLimits } from "./profile.js";
import { SocketTable } from "./socket-table.js";
import type { ModuleSocket } from "./socket.js";
import { TlsContexts } from "./tls-contexts.js";
import type { SecureHost } from "./tls.js";

/** Where the modem is on its way to the network, in the order in which it climbs. */
export type ModemState =
  "off" | "booting" | "starting" | "sim" | "registering" | "activating" | "clock" | "online";

/** From a refused command to the next try, where a refusal can be over soon. */
const RETRY_MS = 1_000;

export interface ModemOptions {
  readonly profile: Profile;
  readonly serial: SerialRecord;
  readonly timer: Timer;
  readonly clock: Clock;
  readonly power: Power;
  /** Access point; absent or empty leaves what the module has stored or the network gives. */
  readonly apn?: string | undefined;
  readonly apnUser?: string | undefined;
  readonly apnPassword?: string | undefined;
  readonly pin?: string | undefined;
  /** Asked when the network tells no time. */
  readonly timeServer?: string | undefined;
  /** Sees every line; handed in as an object, so that a product without it carries no code for it. */
  readonly trace?: Trace | undefined;
  readonly onState?: (state: ModemState) => void;
  /** A way to the network failed; the modem goes on by itself with the rung named. */
  readonly onFailure?: (reason: Failure, rung: Rung, waitMs: number) => void;
  /**
   * What happens on the way, for logs: `power`, `module`, `imei`, `sim`, `registered`, `address`, `clock`,
   * `credential`, `restarted`, and `exception` when a callback of the application threw.
   */
  readonly onEvent?: (name: string, ...values: (string | number)[]) => void;
}

/** What follows a command. A method, so that no step costs a closure of its own. */
type Step<R = unknown> = (this: Modem, reason: Failure | undefined, result: R | undefined) => void;

/**
 * A module from power-off to the network and back, with the recovery that keeps it there. One
 * wish (`connect`, `disconnect`); the rest follows. Methods stand in the order of the climb.
 */
export class Modem implements SecureHost, ChannelOptions {
  readonly channel: Channel;
  readonly timer: Timer;
  readonly limits: SocketLimits;
  readonly context: number;
  readonly tlsContexts: TlsContexts;
  readonly serial: SerialRecord;
  readonly urcs: Profile["urcs"];
  readonly trace: Trace | undefined;
  /** Takes reports of the module's DNS client while a `Resolver` waits for them. */
  lookup: Lookup | undefined;
  state: ModemState = "off";
  /** Own address in the packet data network; empty when there is none. */
  protected localAddress = "";
  /** The module's clock was set from the network or a time server. */
  clockKnown = false;
  readonly profile: Profile;
  private readonly options: ModemOptions;
  private readonly ladder: RecoveryLadder;
  private readonly sockets: SocketTable;
  private wished = false;
  /** The application wants the module off, and it may still come up. */
  private ending = false;
  /** Counts state changes, so that an answer to an earlier state is not taken for one to this. */
  private epoch = 0;
  private timeout: unknown;
  private outage: unknown;
  /** When the present state was entered, in ticks. */
  private since = 0;
  /** Next line of the start script. */
  private line = 0;
  private tries = 0;
  private mayPulse = false;
  private pinUsed = false;
  /** `<stat>` in LTE and in GSM. */
  private eps = 0;
  private gprs = 0;
  private openFailures = 0;
  /** What the channel has counted of lost or damaged lines. */
  private damage = 0;

  constructor(options: ModemOptions) {
    const profile = options.profile;
    this.options = options;
    this.profile = profile;
    this.timer = options.timer;
    this.limits = profile.sockets;
    this.context = profile.context;
    this.serial = options.serial;
    this.urcs = profile.urcs;
    this.trace = options.trace;
    this.ladder = new RecoveryLadder(options.clock);
    this.sockets = new SocketTable(profile.sockets.count);
    this.tlsContexts = new TlsContexts(this);
    this.channel = new Channel(this);
  }

  /** Goes online and stays there. */
  connect(): void {
    if (this.wished) return;
    this.wished = true;
    this.ending = false;
    // No callback inside this call.
    this.wait(0, this.boot);
  }

  /** Ends the connections and powers the module down. */
  disconnect(): void {
    if (!this.wished) return;
    this.wished = false;
    this.ending = true;
    this.epoch++;
    this.tries = 0;
    this.wait(0, this.stop);
  }

  /** Frees the serial port; the module is left as it is. Nothing calls back afterwards but open sockets, once. */
  close(): void {
    this.wished = this.ending = false;
    this.epoch++;
    this.state = "off";
    this.letGo();
    this.timer.clear(this.timeout);
    this.channel.close();
    this.timer.set(() => this.lose(failure("cancelled")), 0);
  }

  /** Received signal strength in dBm; `NaN` without a measurement. */
  signal(done: Done<number>): void {
    this.channel.run(network.signalStrength, [], done);
  }

  /** Tells of every buffer of fixed size; the sockets' are those of the fullest one so far. */
  reportBuffers(report: BufferReport): void {
    report("AT receive", LINE_BYTES, this.channel.counters.receiveHighWater);
    this.sockets.reportBuffers(this.limits, report);
  }

  // For sockets

  attach(socket: ModuleSocket): number | undefined {
    return this.sockets.attach(socket);
  }

  detach(id: number): void {
    this.sockets.detach(id);
  }

  unreachable(): Failure | undefined {
    return this.state === "online" ? undefined : failure("network-lost", undefined, undefined, this.state);
  }

  opened(ok: boolean): void {
    this.openFailures = ok ? 0 : this.openFailures + 1;
    if (ok || this.state !== "online") return;
    if (this.openFailures >= this.profile.openFailures) this.recover("connect", "AT+QIOPEN");
    // The network can take the context away without a word.
    else this.run(tcpip.contextAddress(this.context), this.onContextCheck);
  }

  private onContextCheck(_: unknown, address: string | undefined): void {
    if (address === "" && this.state === "online") this.recover("pdp-deactivated");
  }

  /** A line was damaged or lost since the last call: it may have been a report of data. */
  heed(): void {
    const counters = this.channel.counters;
    const damage = counters.strays + counters.overflows + counters.resynchronisations;
    if (damage === this.damage) return;
    this.damage = damage;
    this.sockets.wake();
  }

  /** A connection was refused for want of the time: asks for it again, for the next one. */
  missClock(): void {
    if (this.state === "online" && !this.clockKnown) this.run(network.networkClock, this.onClock);
  }

  // Tools of the climb

  protected enter(state: ModemState): void {
    this.epoch++;
    this.since = this.options.clock.ticks;
    this.timer.clear(this.timeout);
    this.timeout = undefined;
    if (this.state === state) return;
    this.state = state;
    this.call(this.options.onState, [state]);
  }

  /** Tells `onEvent`. */
  event(...report: [name: string, ...values: (string | number)[]]): void {
    this.call(this.options.onEvent, report);
  }

  /** Tells the application. The way to the network does not depend on who watches it. */
  protected call<P extends unknown[]>(
    callback: ((this: this, ...values: P) => void) | undefined,
    values: P,
  ): void {
    try {
      callback?.apply(this, values);
    } catch (error) {
      if (values[0] !== "exception") this.onException(error);
    }
  }

  private run<R, P extends readonly Parameter[]>(
    command: Command<R, P>,
    next: Step<R>,
    ...parameters: P
  ): void {
    const epoch = this.epoch;
    this.channel.run(command, parameters, (reason, result) => {
      // A silent module is a matter of `onSilent`, which follows.
      if (epoch === this.epoch && reason?.kind !== "no-answer") next.call(this, reason, result);
    });
  }

  private wait(ms: number, next: (this: Modem) => void): void {
    this.timer.clear(this.timeout);
    this.timeout = this.timer.set(() => {
      this.timeout = undefined;
      next.call(this);
    }, ms);
  }

  /** Milliseconds in the present state. */
  private get elapsed(): number {
    return this.options.clock.delta(this.since);
  }

  /** Lets go of the module's control lines, whatever was under way with them. */
  private letGo(): void {
    const power = this.options.power;
    power.powerKey?.(false);
    power.reset?.(false);
  }

  // Climbing

  private boot(): void {
    this.enter("booting");
    const power = this.options.power;
    this.mayPulse = power.powerKey !== undefined;
    if (power.status?.() === false && this.mayPulse) this.pulse();
    else this.ask();
  }

  /** Asks whether the module listens; it may run already, and a pulse would turn it off. */
  private ask(): void {
    this.run(general.attention, this.onAttention);
  }

  private onAttention(reason: Failure | undefined): void {
    if (reason === undefined) this.start();
    else this.ask();
  }

  private pulse(): void {
    this.mayPulse = false;
    this.event("power");
    this.options.power.powerKey?.(true);
    this.wait(this.profile.power.powerKeyMs, this.release);
  }

  private release(): void {
    this.letGo();
    this.awaitReady();
  }

  private awaitReady(): void {
    // The ready report may be lost, or a baud rate be wrong: the answer tells.
    this.wait(this.profile.power.bootMs, this.ask);
  }

  private start(): void {
    this.enter("starting");
    this.line = 0;
    this.nextLine(undefined);
  }

  private nextLine(reason: Failure | undefined): void {
    const script = this.profile.startScript;
    if (reason !== undefined && !script[this.line - 1]?.mayFail) {
      this.recoverFrom(reason);
      return;
    }
    const step = script[this.line++];
    if (step === undefined) this.run(general.identify, this.onIdentity);
    else this.run(step.command, this.nextLine);
  }

  private onIdentity(_: unknown, identity: general.Identity | undefined): void {
    if (identity !== undefined) this.event("module", identity.model, identity.revision);
    this.run(general.serialNumber, this.onSerialNumber);
  }

  private onSerialNumber(_: unknown, imei: string | undefined): void {
    if (imei !== undefined) this.event("imei", imei);
    if (this.options.apn) this.run(tcpip.accessPoint, this.onAccessPoint, this.context);
    else this.awaitSim();
  }

  /** Written only when different: the module keeps it. */
  private onAccessPoint(_: unknown, stored: tcpip.AccessPoint | undefined): void {
    const apn = this.options.apn ?? "";
    const apnUser = this.options.apnUser ?? "";
    if (stored?.apn === apn && stored.user === apnUser) this.awaitSim();
    // An active context does not take it.
    else this.run(tcpip.deactivateContext, this.setAccessPoint, this.context);
  }

  private setAccessPoint(): void {
    const apn = this.options.apn ?? "";
    const apnUser = this.options.apnUser ?? "";
    const apnPassword = this.options.apnPassword ?? "";
    this.run(
      tcpip.setAccessPoint,
      this.onAccessPointSet,
      this.context,
      1,
      apn,
      apnUser,
      apnPassword,
      apnUser === "" ? 0 : 3,
    );
  }

  private onAccessPointSet(reason: Failure | undefined): void {
    if (reason === undefined) this.awaitSim();
    else this.recoverFrom(reason);
  }

  private awaitSim(): void {
    this.enter("sim");
    this.askSim();
  }

  private askSim(): void {
    this.run(network.simState, this.onSim);
  }

  private onSim(reason: Failure | undefined, state: string | undefined): void {
    const pin = this.options.pin;
    if (state === "READY") this.run(network.simNumber, this.onSimNumber);
    else if (state === "SIM PIN" && pin !== undefined && !this.pinUsed) {
      // Once, until it has proved right: three wrong PINs lock the card.
      this.pinUsed = true;
      this.run(network.enterPin, this.askSim, pin);
    } else if ((state === undefined || state === "NOT READY") && this.elapsed < this.profile.simMs)
      this.wait(RETRY_MS, this.askSim);
    else this.recover("sim", "AT+CPIN", reason?.code, state);
  }

  private onSimNumber(_: unknown, iccid: string | undefined): void {
    this.pinUsed = false;
    this.event("sim", "ready", iccid ?? "");
    this.enter("registering");
    this.askRegistration();
  }

  private askRegistration(): void {
    this.run(network.epsRegistration, this.onEps);
  }

  private onEps(_: unknown, stat = 0): void {
    this.eps = stat;
    this.run(network.gprsRegistration, this.onGprs);
  }

  private onGprs(_: unknown, stat = 0): void {
    this.gprs = stat;
    if (this.registered) this.activate();
    else if (this.elapsed < this.profile.registrationMs)
      this.wait(this.profile.registrationPollMs, this.askRegistration);
    else this.recover("registration", "AT+CEREG", stat === 3 /* denied */ ? stat : this.eps);
  }

  private get registered(): boolean {
    return network.isRegistered(this.eps) || network.isRegistered(this.gprs);
  }

  private activate(): void {
    this.enter("activating");
    this.run(network.networkInformation, this.onNetwork);
  }

  private onNetwork(_: unknown, technology: string | undefined): void {
    const stat = network.isRegistered(this.eps) ? this.eps : this.gprs;
    this.event("registered", stat === 5 ? "roaming" : "home", technology ?? "");
    this.tries = 0;
    this.askAddress();
  }

  private askAddress(): void {
    this.run(tcpip.contextAddress(this.context), this.onAddress);
  }

  private onAddress(reason: Failure | undefined, address: string | undefined): void {
    if (reason !== undefined) this.recoverFrom(reason);
    else if (address) {
      this.localAddress = address;
      this.event("address", address);
      this.setClock();
    } else if (this.tries++ < this.profile.activations)
      this.run(tcpip.activateContext, this.onActivated, this.context);
    else this.recover("pdp", "AT+QIACT");
  }

  private onActivated(reason: Failure | undefined): void {
    if (reason === undefined) this.askAddress();
    else if (this.tries >= this.profile.activations) this.recover("pdp", "AT+QIACT", reason.code);
    else this.wait(RETRY_MS, this.askAddress);
  }

  private setClock(): void {
    if (this.clockKnown) this.online();
    else {
      this.enter("clock");
      this.run(network.networkClock, this.onClock);
    }
  }

  private onClock(_: unknown, seconds: number | undefined): void {
    const timeServer = this.options.timeServer;
    if (this.takeTime(seconds ?? 0) || !timeServer) this.online();
    else {
      if (this.state === "clock") this.wait(this.profile.timeServerMs, this.online);
      this.run(tcpip.askTimeServer, this.onTimeServer, this.context, timeServer);
    }
  }

  private onTimeServer(reason: Failure | undefined): void {
    if (reason !== undefined) this.online();
  }

  /** False when that is no time: before its first synchronisation a module counts from 1980. */
  private takeTime(seconds: number): boolean {
    // September 2020: no module that this runs on is older.
    if (!(seconds > 1_600_000_000)) return false;
    this.options.clock.set(seconds);
    this.clockKnown = true;
    this.event("clock", seconds);
    return true;
  }

  private online(): void {
    if (this.state === "online") return;
    this.ladder.succeeded();
    this.enter("online");
  }

  // Falling

  private stop(): void {
    this.letGo();
    this.lose(failure("cancelled"));
    this.enter("off");
    this.turnOff();
  }

  private turnOff(): void {
    this.run(general.powerDown, this.onPowerDown);
  }

  /** Soon after its start a module may refuse. */
  private onPowerDown(reason: Failure | undefined): void {
    if (reason !== undefined && this.tries++ < this.profile.power.powerDownTries)
      this.wait(RETRY_MS, this.turnOff);
  }

  /** Ends every connection; the module has forgotten them, or does with what follows. */
  private lose(reason: Failure): void {
    this.timer.clear(this.outage);
    this.outage = undefined;
    this.localAddress = "";
    this.lookup?.reset(reason);
    this.sockets.lose(reason);
  }

  private recover(kind: FailureKind, command?: string, code?: number, detail?: string): void {
    this.recoverFrom(failure(kind, command, code, detail));
  }

  private recoverFrom(reason: Failure): void {
    if (!this.wished) return;
    const { rung, waitMs } = this.ladder.next(reason.kind);
    this.openFailures = 0;
    this.lose(reason);
    this.enter("starting");
    const epoch = this.epoch;
    this.call(this.options.onFailure, [reason, rung, waitMs]);
    // The application may have ended it in there.
    if (epoch === this.epoch) this.wait(waitMs, rungs[rung]);
  }

  /** Rung 0: the module may be off, and it is asked before anything else. */
  again(): void {
    this.boot();
  }

  /** Rung 1. */
  renewContext(): void {
    // The whole start script follows: that it has run to its end is not certain.
    this.run(tcpip.deactivateContext, this.start, this.context);
  }

  /** Rung 2. */
  restartRadio(): void {
    this.run(general.setFunctionality, this.radioOn, 0);
  }

  private radioOn(): void {
    this.run(general.setFunctionality, this.start, 1);
  }

  /** Rung 3. */
  restart(): void {
    this.run(general.setFunctionality, this.onRestarting, 1, 1);
  }

  private onRestarting(reason: Failure | undefined): void {
    if (reason !== undefined) this.boot();
    else {
      this.enter("booting");
      this.mayPulse = this.options.power.powerKey !== undefined;
      this.awaitReady();
    }
  }

  /** Rung 4. */
  reset(): void {
    const power = this.options.power;
    const timing = this.profile.power;
    if (power.reset === undefined && power.powerKey === undefined) {
      this.restart();
      return;
    }
    this.forget(failure("module-reset"));
    this.mayPulse = power.powerKey !== undefined;
    if (power.reset !== undefined) {
      power.reset(true);
      this.wait(timing.resetMs, this.release);
    } else {
      // Turns a running module off, and one that is off on: the question of `boot` tells which.
      power.powerKey?.(true);
      this.wait(timing.powerKeyOffMs, this.turnedOff);
    }
  }

  private turnedOff(): void {
    this.letGo();
    this.wait(this.profile.power.offMs, this.boot);
  }

  /** The module restarted or was turned off: all that it knew is gone. */
  private forget(reason: Failure): void {
    this.enter("booting");
    this.letGo();
    this.channel.reset(reason);
    this.tlsContexts.forget();
    this.clockKnown = false;
    this.lose(reason);
  }

  onSilent(): void {
    // With a timer running the module is being restarted, or a rung waits.
    if (this.timeout !== undefined && (this.state === "booting" || this.state === "starting")) return;
    if (this.state === "booting" && this.mayPulse) this.pulse();
    else this.recover("no-answer", "AT");
  }

  // For the channel

  onRestart(): void {
    this.onPowerReport("ready");
  }

  /** A report may have been among the lost bytes. */
  onOverrun(): void {
    this.sockets.wake();
  }

  onException(error: unknown): void {
    this.event("exception", String(error));
  }

  onReport(urc: Urc, line: Line): void {
    switch (urc.name) {
      case "socket":
        this.onSocketReport(line);
        break;
      case "tls":
        this.sockets.report(line);
        break;
      case "opened":
        this.sockets.opened(line);
        break;
      case "eps":
      case "gprs":
        this[urc.name] = line.int(0);
        if (this.wished) this.onRegistration();
        break;
      case "time":
        if (this.wished && (this.state === "clock" || this.state === "online")) {
          this.takeTime(network.networkTime(line.text(1)));
          this.online();
        }
        break;
      case "boot":
      case "ready":
      case "power-down":
        this.onPowerReport(urc.name);
    }
    this.heed();
  }

  private onPowerReport(name: string): void {
    if (!this.wished) {
      // The wish to turn it off may have come before the module could hear it.
      if (name === "ready" && this.ending) this.turnOff();
      else if (name === "power-down") this.ending = false;
      return;
    }
    const booting = this.state === "booting";
    // What is expected: it is being restarted.
    if (name === "power-down" && booting && this.timeout !== undefined) return;
    if (!booting) this.event("restarted");
    // `RDY` comes before the module takes commands, `APP RDY` when it does.
    if (!booting || name === "ready") this.forget(failure("module-reset"));
    if (name === "ready") this.start();
    else if (name === "boot") this.awaitReady();
    else {
      const waitMs = Math.max(this.profile.power.offMs, this.ladder.restartWait());
      this.ladder.restarted();
      this.wait(waitMs, this.boot);
    }
  }

  private onSocketReport(line: Line): void {
    if (line.is(0, "dnsgip")) this.lookup?.onReport(line);
    else if (!line.is(0, "pdpdeact")) this.sockets.report(line);
    else if (line.int(1) === this.context && this.state === "online") this.recover("pdp-deactivated");
  }

  private onRegistration(): void {
    if (this.state === "registering") {
      if (this.registered) this.activate();
    } else if (this.state === "online") {
      if (this.registered) {
        this.timer.clear(this.outage);
        this.outage = undefined;
        this.sockets.wake();
      }
      // Shorter gaps are normal when cells change.
      else this.outage ??= this.timer.set(this.onOutage, 60_000);
    }
  }

  private readonly onOutage = (): void => {
    this.recover("registration", "AT+CEREG", this.eps);
  };
}

const rungs: Readonly<Record<Rung, (this: Modem) => void>> = Object.freeze({
  again: Modem.prototype.again,
  context: Modem.prototype.renewContext,
  radio: Modem.prototype.restartRadio,
  restart: Modem.prototype.restart,
  reset: Modem.prototype.reset,
});
