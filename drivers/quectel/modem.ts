import { Channel } from "../../modules/at/channel.js";
import type { Command, Parameter, Urc } from "../../modules/at/command.js";
import { LINE_BYTES } from "../../modules/at/receiver.js";
import type { Line } from "../../modules/at/line.js";
import type { Done } from "../../modules/at/request.js";
import { Trace, type TraceWriter } from "../../modules/at/trace.js";
import { RecoveryLadder, type Rung } from "../../modules/cellular/recovery.js";
import { failure, type Failure, type FailureKind } from "../../modules/diagnosis/failure.js";
import type { Power } from "../../modules/io/power.js";
import type { SerialRecord } from "../../modules/io/serial.js";
import type { Clock, Timer } from "../../modules/io/timer.js";
import {
  attention,
  identify,
  powerDown,
  serialNumber,
  setFunctionality,
  type Identity,
} from "./commands/general.js";
import {
  enterPin,
  epsRegistration,
  gprsRegistration,
  isRegistered,
  networkClock,
  networkInformation,
  networkTime,
  signalStrength,
  simNumber,
  simState,
} from "./commands/network.js";
import {
  accessPoint,
  activateContext,
  askTimeServer,
  contextAddress,
  deactivateContext,
  setAccessPoint,
  type AccessPoint,
} from "./commands/tcpip.js";
import { CredentialStore } from "./credential-store.js";
import type { Lookup } from "./lookup.js";
import type { BufferUse, Profile, SocketLimits } from "./profile.js";
import { SocketTable } from "./socket-table.js";
import type { ModuleSocket } from "./socket.js";
import { TlsContexts } from "./tls-contexts.js";
import type { SecureHost } from "./tls.js";

/** Where the modem is on its way to the network, in the order in which it climbs. */
export type ModemState =
  "off" | "booting" | "starting" | "sim" | "registering" | "activating" | "clock" | "online";

/** Unregistered for so long, the connections count as lost; shorter gaps are normal when cells change. */
const OUTAGE_MS = 60_000;
/** How often a state of the SIM is asked for that can still change by itself. */
const SIM_POLL_MS = 1_000;
/** A first activation right after registration was seen to fail and the second to succeed. */
const ACTIVATION_RETRY_MS = 1_000;
/** Module powered down, until it can be turned on again. */
const POWER_OFF_MS = 2_000;
/** TCP/IP note: after so many failed opens in a row renew the context. */
const OPEN_FAILURES = 5;
const TIME_SERVER_MS = 125_000;
/** Activations that are tried before the next rung. */
const ACTIVATIONS = 2;
/** 27.007, `<stat>`. */
const DENIED = 3;
const ROAMING = 5;
/** September 2020: no module that this runs on is older. */
const EARLIEST_S = 1_600_000_000;

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
  readonly trace?: TraceWriter | undefined;
  readonly onState?: (state: ModemState) => void;
  /** A way to the network failed; the modem goes on by itself with the rung named. */
  readonly onFailure?: (reason: Failure, rung: Rung, waitMs: number) => void;
  /** What happens on the way, for logs: `module`, `sim`, `registered`, `address`, `clock`, `credential`. */
  readonly onEvent?: (name: string, ...values: (string | number)[]) => void;
}

/** What follows a command or a wait. A method, so that no step costs a closure of its own. */
type Step<R = unknown> = (this: Modem, reason: Failure | undefined, result: R | undefined) => void;

/**
 * A module from power-off to the network and back, with the recovery that keeps it there. One
 * wish (`connect`, `disconnect`); the rest follows. Methods stand in the order of the climb.
 */
export class Modem implements SecureHost {
  readonly channel: Channel;
  readonly timer: Timer;
  readonly limits: SocketLimits;
  readonly context: number;
  readonly tlsContexts: TlsContexts;
  /** Takes reports of the module's DNS client while a `Resolver` waits for them. */
  lookup: Lookup | undefined;
  state: ModemState = "off";
  /** Own address in the packet data network; empty when there is none. */
  address = "";
  /** The module's clock was set from the network or a time server. */
  clockKnown = false;
  private readonly options: ModemOptions;
  private readonly profile: Profile;
  private readonly ladder = new RecoveryLadder();
  private readonly sockets: SocketTable;
  private wished = false;
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
  private registration = 0;
  private openFailures = 0;

  constructor(options: ModemOptions) {
    const { profile, timer, clock, trace } = options;
    this.options = options;
    this.profile = profile;
    this.timer = timer;
    this.limits = profile.sockets;
    this.context = profile.context;
    this.channel = new Channel({
      serial: options.serial,
      timer,
      urcs: profile.urcs,
      onReport: (urc, line) => this.onReport(urc, line),
      onSilent: () => this.onSilent(),
      // A report may have been among the lost bytes.
      onOverrun: () => this.sockets.wake(),
      ...(trace === undefined ? undefined : { trace: new Trace(clock, trace) }),
    });
    this.sockets = new SocketTable(profile.sockets.count);
    const store = new CredentialStore(this.channel, (role, fileName, action, byteLength) =>
      this.event("credential", role, fileName, action, byteLength),
    );
    this.tlsContexts = new TlsContexts(
      this.channel,
      store,
      profile.tlsContexts,
      profile.sockets.handshakeTimeoutS,
    );
  }

  /** Goes online and stays there. */
  connect(): void {
    if (this.wished) return;
    this.wished = true;
    this.boot();
  }

  /** Ends the connections and powers the module down. */
  disconnect(): void {
    if (!this.wished) return;
    this.stop();
    this.channel.run(powerDown, []);
  }

  /** Frees the serial port; the module is left as it is. */
  close(): void {
    this.stop();
    this.channel.close();
  }

  /** Received signal strength in dBm; `NaN` without a measurement. */
  signal(done: Done<number>): void {
    this.channel.run(signalStrength, [], done);
  }

  /** Every buffer of fixed size with its high-water mark; the sockets' are those of the fullest one so far. */
  get buffers(): readonly BufferUse[] {
    return [
      ["AT receive", LINE_BYTES, this.channel.counters.receiveHighWater],
      ...this.sockets.buffers(this.limits),
    ];
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
    if (this.openFailures < OPEN_FAILURES || this.state !== "online") return;
    this.openFailures = 0;
    this.recover("connect", "AT+QIOPEN");
  }

  // Tools of the climb

  private enter(state: ModemState): void {
    this.epoch++;
    this.since = this.options.clock.ticks;
    this.timer.clear(this.timeout);
    this.timeout = undefined;
    if (this.state === state) return;
    this.state = state;
    this.options.onState?.(state);
  }

  private event(name: string, ...values: (string | number)[]): void {
    this.options.onEvent?.(name, ...values);
  }

  private run<R, P extends readonly Parameter[]>(command: Command<R, P>, parameters: P, next: Step<R>): void {
    const epoch = this.epoch;
    this.channel.run(command, parameters, (reason, result) => {
      if (epoch === this.epoch) next.call(this, reason, result);
    });
  }

  private wait(ms: number, next: (this: Modem) => void): void {
    this.timer.clear(this.timeout);
    this.timeout = this.timer.set(() => next.call(this), ms);
  }

  /** Milliseconds in the present state. */
  private get elapsed(): number {
    return this.options.clock.delta(this.since);
  }

  // Climbing

  private boot(): void {
    this.enter("booting");
    const { power } = this.options;
    this.mayPulse = power.powerKey !== undefined;
    if (power.status?.() === false && this.mayPulse) this.pulse();
    else this.ask();
  }

  /** Asks whether the module listens; it may run already, and a pulse would turn it off. */
  private ask(): void {
    this.run(attention, [], this.onAttention);
  }

  private onAttention(reason: Failure | undefined): void {
    if (reason === undefined) this.start();
    else if (reason.kind !== "no-answer") this.ask();
    else if (this.mayPulse) this.pulse();
    else this.recover("no-answer", "AT");
  }

  private pulse(): void {
    this.mayPulse = false;
    this.event("power");
    this.options.power.powerKey?.(true);
    this.wait(this.profile.power.powerKeyMs, this.release);
  }

  private release(): void {
    const { power } = this.options;
    power.powerKey?.(false);
    power.reset?.(false);
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
    if (step === undefined) this.run(identify, [], this.onIdentity);
    else this.run(step.command, [], this.nextLine);
  }

  private onIdentity(_: unknown, identity: Identity | undefined): void {
    if (identity !== undefined) this.event("module", identity.model, identity.revision);
    this.run(serialNumber, [], this.onSerialNumber);
  }

  private onSerialNumber(_: unknown, imei: string | undefined): void {
    if (imei !== undefined) this.event("imei", imei);
    if (this.options.apn) this.run(accessPoint, [this.context], this.onAccessPoint);
    else this.awaitSim();
  }

  /** Written only when different: the module keeps it. */
  private onAccessPoint(_: unknown, stored: AccessPoint | undefined): void {
    const { apn = "", apnUser = "", apnPassword = "" } = this.options;
    if (stored?.apn === apn && stored.user === apnUser) this.awaitSim();
    else
      this.run(
        setAccessPoint,
        [this.context, 1, apn, apnUser, apnPassword, apnUser === "" ? 0 : 3],
        this.onAccessPointSet,
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
    this.run(simState, [], this.onSim);
  }

  private onSim(reason: Failure | undefined, state: string | undefined): void {
    const { pin } = this.options;
    if (state === "READY") this.run(simNumber, [], this.onSimNumber);
    else if (state === "SIM PIN" && pin !== undefined && !this.pinUsed) {
      // Once: three wrong PINs lock the card.
      this.pinUsed = true;
      this.run(enterPin, [pin], this.askSim);
    } else if ((state === undefined || state === "NOT READY") && this.elapsed < this.profile.simMs)
      this.wait(SIM_POLL_MS, this.askSim);
    else this.recover("sim", "AT+CPIN", reason?.code, state);
  }

  private onSimNumber(_: unknown, iccid: string | undefined): void {
    this.event("sim", "ready", iccid ?? "");
    this.enter("registering");
    this.askRegistration();
  }

  private askRegistration(): void {
    this.run(epsRegistration, [], this.onEps);
  }

  private onEps(_: unknown, stat: number | undefined): void {
    this.registration = stat ?? 0;
    if (isRegistered(this.registration)) this.registered(this.registration);
    else this.run(gprsRegistration, [], this.onGprs);
  }

  private onGprs(_: unknown, stat: number | undefined): void {
    if (stat !== undefined && isRegistered(stat)) this.registered(stat);
    else if (this.elapsed < this.profile.registrationMs)
      this.wait(this.profile.registrationPollMs, this.askRegistration);
    else this.recover("registration", "AT+CEREG", stat === DENIED ? stat : this.registration);
  }

  private registered(stat: number): void {
    this.registration = stat;
    this.enter("activating");
    this.run(networkInformation, [], this.onNetwork);
  }

  private onNetwork(_: unknown, technology: string | undefined): void {
    this.event("registered", this.registration === ROAMING ? "roaming" : "home", technology ?? "");
    this.tries = 0;
    this.askAddress();
  }

  private askAddress(): void {
    this.run(contextAddress, [], this.onAddress);
  }

  private onAddress(reason: Failure | undefined, address: string | undefined): void {
    if (reason !== undefined) this.recoverFrom(reason);
    else if (address) {
      this.address = address;
      this.event("address", address);
      this.setClock();
    } else this.run(activateContext, [this.context], this.onActivated);
  }

  private onActivated(reason: Failure | undefined): void {
    if (this.tries++ >= ACTIVATIONS) this.recover("pdp", "AT+QIACT", reason?.code);
    else if (reason === undefined) this.askAddress();
    else this.wait(ACTIVATION_RETRY_MS, this.askAddress);
  }

  private setClock(): void {
    if (this.clockKnown) this.online();
    else {
      this.enter("clock");
      this.run(networkClock, [], this.onClock);
    }
  }

  private onClock(_: unknown, seconds: number | undefined): void {
    const { timeServer } = this.options;
    if (this.takeTime(seconds ?? 0) || !timeServer) this.online();
    else {
      this.wait(TIME_SERVER_MS, this.online);
      this.run(askTimeServer, [this.context, timeServer], this.onTimeServer);
    }
  }

  private onTimeServer(reason: Failure | undefined): void {
    if (reason !== undefined) this.online();
  }

  /** False when that is no time: before its first synchronisation a module counts from 1980. */
  private takeTime(seconds: number): boolean {
    if (!(seconds > EARLIEST_S)) return false;
    this.options.clock.set(seconds);
    this.clockKnown = true;
    this.event("clock", seconds);
    return true;
  }

  private online(): void {
    this.ladder.succeeded();
    this.enter("online");
  }

  // Falling

  private stop(): void {
    this.wished = false;
    this.lose(failure("cancelled"));
    this.enter("off");
  }

  /** Ends every connection; the module has forgotten them, or does with what follows. */
  private lose(reason: Failure): void {
    this.timer.clear(this.outage);
    this.outage = undefined;
    this.lookup?.reset(reason);
    this.sockets.lose(reason);
  }

  private recover(kind: FailureKind, command?: string, code?: number, detail?: string): void {
    this.recoverFrom(failure(kind, command, code, detail));
  }

  private recoverFrom(reason: Failure): void {
    if (!this.wished) return;
    const { rung, waitMs } = this.ladder.next(reason.kind);
    this.lose(reason);
    this.enter("starting");
    const epoch = this.epoch;
    // The application may wish to end it now.
    this.options.onFailure?.(reason, rung, waitMs);
    if (epoch === this.epoch) this.wait(waitMs, rungs[rung]);
  }

  /** Rung 1. */
  renewContext(): void {
    this.run(deactivateContext, [this.context], this.awaitSim);
  }

  /** Rung 2. */
  restartRadio(): void {
    this.run(setFunctionality, [0], this.radioOn);
  }

  private radioOn(): void {
    this.run(setFunctionality, [1], this.awaitSim);
  }

  /** Rung 3. */
  restart(): void {
    this.run(setFunctionality, [1, 1], this.onRestart);
  }

  private onRestart(reason: Failure | undefined): void {
    if (reason?.kind === "no-answer" || reason?.kind === "timeout") this.boot();
    else {
      this.enter("booting");
      this.awaitReady();
    }
  }

  /** Rung 4. */
  reset(): void {
    const { power } = this.options;
    if (power.reset === undefined) this.restart();
    else {
      this.forget(failure("module-reset"));
      power.reset(true);
      this.wait(this.profile.power.resetMs, this.release);
    }
  }

  /** The module restarted or was turned off: all that it knew is gone. */
  private forget(reason: Failure): void {
    this.enter("booting");
    this.channel.reset(reason);
    this.tlsContexts.forget();
    this.clockKnown = false;
    this.lose(reason);
  }

  private onSilent(): void {
    this.lose(failure("no-answer", "AT"));
    // While booting the question itself gets the failure.
    if (this.state !== "booting") this.recover("no-answer", "AT");
  }

  // Reports

  private onReport(urc: Urc, line: Line): void {
    switch (urc.name) {
      case "socket":
        this.onSocketReport(line);
        return;
      case "tls":
        this.sockets.report(line);
        return;
      case "opened":
        this.sockets.opened(line);
        return;
      case "registration":
        this.onRegistration(line.int(0));
        return;
      case "time":
        if (this.state === "clock") {
          this.takeTime(networkTime(line.text(1)));
          this.online();
        }
        return;
      case "ignored":
        return;
      default:
        if (this.wished) this.onPowerReport(urc.name);
    }
  }

  private onPowerReport(name: string): void {
    if (this.state !== "booting") this.event("restarted");
    // `RDY` comes before the module takes commands, `APP RDY` when it does.
    if (this.state !== "booting" || name === "ready") this.forget(failure("module-reset"));
    if (name === "ready") this.start();
    else if (name === "boot") this.awaitReady();
    else this.wait(POWER_OFF_MS, this.boot);
  }

  private onSocketReport(line: Line): void {
    if (line.is(0, "dnsgip")) this.lookup?.onReport(line);
    else if (!line.is(0, "pdpdeact")) this.sockets.report(line);
    else if (line.int(1) === this.context && this.state === "online") this.recover("pdp-deactivated");
  }

  private onRegistration(stat: number): void {
    if (this.state === "registering") {
      if (isRegistered(stat)) this.registered(stat);
    } else if (this.state === "online") {
      this.timer.clear(this.outage);
      this.outage = undefined;
      this.registration = stat;
      if (isRegistered(stat)) this.sockets.wake();
      else
        this.outage = this.timer.set(
          () => this.recover("registration", "AT+CEREG", this.registration),
          OUTAGE_MS,
        );
    }
  }
}

const rungs: Readonly<Record<Rung, (this: Modem) => void>> = Object.freeze({
  context: Modem.prototype.renewContext,
  radio: Modem.prototype.restartRadio,
  restart: Modem.prototype.restart,
  reset: Modem.prototype.reset,
});
