import type { Channel } from "../../modules/at/channel.js";
import type { Command, Parameter } from "../../modules/at/command.js";
import { failureOf } from "../../modules/at/request.js";
import { RecoveryLadder } from "../../modules/cellular/recovery.js";
import { failure, type Failure, type FailureKind } from "../../modules/diagnosis/failure.js";
import type { Timer } from "../../modules/io/timer.js";
import { identify, type Identity } from "./commands/general.js";
import * as network from "./commands/network.js";
import { askTimeServer } from "./commands/tcpip.js";
import type { ModemOptions, ModemState } from "./modem-options.js";
import type { AccessPoint, NetworkCommands, Profile } from "./profile.js";

/** From a refused command to the next try, where a refusal can be over soon. */
export const RETRY_MS = 1_000;
/** Longest time in which a module that listens answers an empty command: 20 to 40 ms, says a field log. */
const SETTLE_MS = 300;

/** What follows a command. A method, so that no step costs a closure of its own. */
type Step<M, R> = (this: M, reason: Failure | undefined, result: R | undefined) => void;

/**
 * The way from power-off to the network. Methods stand in the order of the climb; each hands the
 * next one on as what follows its command. What ends the climb is `Modem`'s.
 */
export abstract class Climb {
  abstract readonly channel: Channel;
  readonly timer: Timer;
  readonly context: number;
  readonly profile: Profile;
  /** Baud rate of the serial port; `undefined` where the record leaves it open. */
  readonly baud: number | undefined;
  state: ModemState = "off";
  /** The module's clock was set from the network or a time server. */
  clockKnown = false;
  /** Own address in the packet data network; empty when there is none. */
  localAddress = "";
  protected readonly options: ModemOptions;
  protected readonly commands: NetworkCommands;
  protected readonly ladder: RecoveryLadder;
  /** Openings were refused until the context was renewed, and none has succeeded since. */
  protected refused = false;
  /** Counts state changes, so that an answer to an earlier state is not taken for one to this. */
  protected epoch = 0;
  protected timeout: unknown;
  /** Powering up may still be tried by the power key. */
  protected mayPulse = false;
  /** It may still be woken. */
  protected mayWake = false;
  protected tries = 0;
  /** Questions without an answer since the module was started or found silent. */
  protected asked = 0;
  /** `<stat>` in LTE and in GSM. */
  protected eps = 0;
  protected gprs = 0;
  /** When the present state was entered, in ticks. */
  private since = 0;
  /** Next line of the start script. */
  private line = 0;
  /** The setting of that line is being written. */
  private correcting = false;
  private pinUsed = false;
  /** The module was restarted for the sake of its access point. */
  private accessPointApplied = false;

  constructor(options: ModemOptions) {
    const profile = options.profile;
    this.options = options;
    this.profile = profile;
    this.timer = options.timer;
    this.commands = profile.commands;
    this.baud = options.serial.baud;
    this.context = options.context ?? profile.context;
    this.ladder = new RecoveryLadder(options.clock);
  }

  protected abstract recoverFrom(reason: Failure): void;
  /** The module does not answer. */
  abstract onSilent(): void;
  /** Restarts the module by command. */
  abstract restart(): void;
  abstract onException(error: unknown): void;

  recover(kind: FailureKind, command?: string, code?: number, detail?: string): void {
    this.recoverFrom(failure(kind, command, code, detail));
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

  protected run<R, P extends readonly Parameter[]>(
    command: Command<R, P>,
    next: Step<this, R>,
    ...parameters: P
  ): void {
    const epoch = this.epoch;
    this.channel.run(command, parameters, (reason, result) => {
      // A silent module is a matter of `onSilent`, which follows.
      if (epoch === this.epoch && reason?.kind !== "no-answer") next.call(this, reason, result);
    });
  }

  protected wait(ms: number, next: (this: this) => void): void {
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
  protected letGo(): void {
    const power = this.options.power;
    power.powerKey?.(false);
    power.reset?.(false);
    power.wake?.(false);
  }

  // Climbing

  protected boot(): void {
    this.enter("booting");
    const power = this.options.power;
    this.mayPulse = power.powerKey !== undefined;
    this.mayWake = power.wake !== undefined;
    this.asked = 0;
    if (power.status?.() === false && this.mayPulse) this.pulse();
    else this.ask();
  }

  /** Asks whether the module listens; it may run already, and a pulse would turn it off. */
  protected ask(): void {
    this.run(this.commands.attention, this.onAttention);
  }

  private onAttention(reason: Failure | undefined): void {
    const asks = this.profile.power.asks;
    if (reason === undefined) {
      // Answers to earlier questions may be on their way still.
      if (asks !== undefined && this.asked > 0) this.wait(SETTLE_MS, this.start);
      else this.start();
    } else if (asks === undefined || this.asked++ < (this.mayWake || this.mayPulse ? asks >> 2 : asks))
      this.ask();
    else this.onSilent();
  }

  protected pulse(): void {
    this.mayPulse = false;
    this.asked = 0;
    this.event("power");
    this.options.power.powerKey?.(true);
    this.wait(this.profile.power.powerKeyMs, this.release);
  }

  protected wakeUp(): void {
    this.mayWake = false;
    this.asked = 0;
    this.event("wake");
    this.options.power.wake?.(true);
    this.wait(this.profile.power.wakeMs, this.release);
  }

  protected release(): void {
    this.letGo();
    this.awaitReady();
  }

  protected awaitReady(): void {
    // The ready report may be lost, or a baud rate be wrong: the answer tells.
    this.wait(this.profile.power.bootMs, this.ask);
  }

  protected start(): void {
    this.enter("starting");
    this.line = this.tries = this.asked = 0;
    this.nextLine();
  }

  private nextLine(): void {
    const step = this.profile.startScript[this.line];
    this.correcting = false;
    if (step === undefined) this.run(identify, this.onIdentity);
    else this.run(step.command, this.onLine);
  }

  private onLine(reason: Failure | undefined, isRight: unknown): void {
    const step = this.profile.startScript[this.line];
    const correction = isRight === true || this.correcting ? undefined : step?.otherwise?.(this.baud);
    if (correction !== undefined) {
      this.correcting = true;
      this.run(correction, this.onLine);
    } else if (reason !== undefined && this.tries++ < (step?.tries ?? 0)) this.wait(RETRY_MS, this.nextLine);
    else if (reason !== undefined && !step?.mayFail) this.recoverFrom(reason);
    else {
      this.line++;
      this.tries = 0;
      this.nextLine();
    }
  }

  private onIdentity(_: unknown, identity: Identity | undefined): void {
    if (identity !== undefined) this.event("module", identity.model, identity.revision);
    this.run(this.commands.serialNumber, this.onSerialNumber);
  }

  private onSerialNumber(_: unknown, imei: string | undefined): void {
    const sendReport = this.profile.sendReport;
    if (imei !== undefined) this.event("imei", imei);
    if (sendReport !== undefined) this.event(...sendReport(this.baud));
    if (this.options.apn) this.run(this.commands.accessPoint(this.context), this.onAccessPoint);
    else this.awaitSim();
  }

  /** Written only when different: the module keeps it. */
  private onAccessPoint(_: unknown, stored: AccessPoint | undefined): void {
    const apn = this.options.apn ?? "";
    const apnUser = this.options.apnUser ?? "";
    if (stored?.apn === apn && (stored.user ?? apnUser) === apnUser) this.awaitSim();
    else if (this.profile.accessPointRestarts) this.setAccessPoint();
    // An active context does not take it.
    else this.run(this.commands.deactivate, this.setAccessPoint, this.context);
  }

  private setAccessPoint(): void {
    const apn = this.options.apn ?? "";
    const apnUser = this.options.apnUser ?? "";
    const apnPassword = this.options.apnPassword ?? "";
    const commands = this.commands;
    this.run(
      commands.setAccessPoint,
      this.onAccessPointSet,
      ...commands.accessPointParameters(this.context, apn, apnUser, apnPassword),
    );
  }

  private onAccessPointSet(reason: Failure | undefined): void {
    if (reason !== undefined) this.recoverFrom(reason);
    else if (this.profile.accessPointRestarts && !this.accessPointApplied) {
      // Once: a module that tells another spelling of it would be restarted for ever.
      this.accessPointApplied = true;
      this.restart();
    } else this.awaitSim();
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
    const gprsRegistration = this.commands.gprsRegistration;
    this.eps = stat;
    if (gprsRegistration === undefined) this.onGprs(undefined, 0);
    else this.run(gprsRegistration, this.onGprs);
  }

  private onGprs(_: unknown, stat = 0): void {
    this.gprs = stat;
    if (this.registered) this.activate();
    else if (this.elapsed < this.profile.registrationMs)
      this.wait(this.profile.registrationPollMs, this.askRegistration);
    else this.recover("registration", "AT+CEREG", stat === 3 /* denied */ ? stat : this.eps);
  }

  protected get registered(): boolean {
    return network.isRegistered(this.eps) || network.isRegistered(this.gprs);
  }

  protected activate(): void {
    const networkInformation = this.commands.networkInformation;
    this.enter("activating");
    if (networkInformation === undefined) this.onNetwork(undefined, "NBIoT");
    else this.run(networkInformation, this.onNetwork);
  }

  private onNetwork(_: unknown, technology: string | undefined): void {
    const stat = network.isRegistered(this.eps) ? this.eps : this.gprs;
    this.event("registered", stat === 5 ? "roaming" : "home", technology ?? "");
    this.tries = 0;
    this.askAddress();
  }

  protected askAddress(): void {
    this.run(this.commands.contextAddress(this.context), this.onAddress);
  }

  private onAddress(reason: Failure | undefined, address: string | undefined): void {
    if (reason !== undefined) this.recoverFrom(reason);
    else if (address) {
      this.localAddress = address;
      this.event("address", address);
      this.setClock();
    } else if (this.elapsed < this.profile.bearerMs) this.wait(RETRY_MS, this.askAddress);
    else if (this.tries++ < this.profile.activations)
      this.run(this.commands.activate, this.onActivated, this.context);
    else this.inactive(undefined);
  }

  private inactive(code: number | undefined): void {
    this.recoverFrom(failureOf(this.commands.activate, "pdp", code));
  }

  private onActivated(reason: Failure | undefined): void {
    if (reason === undefined) this.askAddress();
    else if (this.tries >= this.profile.activations) this.inactive(reason.code);
    else this.wait(RETRY_MS, this.askAddress);
  }

  protected setClock(): void {
    if (this.clockKnown) this.online();
    else {
      this.enter("clock");
      this.run(this.commands.networkClock, this.onClock);
    }
  }

  protected onClock(_: unknown, seconds: number | undefined): void {
    if (this.takeTime(seconds ?? 0)) this.online();
    else this.run(this.commands.ownClock, this.onOwnClock);
  }

  private onOwnClock(_: unknown, seconds: number | undefined): void {
    const timeServer = this.options.timeServer;
    if (this.takeTime(seconds ?? 0) || !timeServer) this.online();
    else {
      if (this.state === "clock") this.wait(this.profile.timeServerMs, this.online);
      this.run(askTimeServer, this.onTimeServer, this.context, timeServer);
    }
  }

  private onTimeServer(reason: Failure | undefined): void {
    if (reason !== undefined) this.online();
  }

  /** False when that is no time: before its first synchronisation a module counts from 1980. */
  protected takeTime(seconds: number): boolean {
    // September 2020: no module that this runs on is older.
    if (!(seconds > 1_600_000_000)) return false;
    this.options.clock.set(seconds);
    this.clockKnown = true;
    this.event("clock", seconds);
    return true;
  }

  protected online(): void {
    if (this.state === "online") return;
    // After refused openings a context that comes up proves nothing: a connection does.
    if (!this.refused) this.ladder.succeeded();
    this.enter("online");
  }
}
