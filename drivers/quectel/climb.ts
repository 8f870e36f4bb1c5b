import type { Channel } from "../../modules/at/channel.js";
import type { Command, Parameter } from "../../modules/at/command.js";
import { RecoveryLadder } from "../../modules/cellular/recovery.js";
import { failure, type Failure, type FailureKind } from "../../modules/diagnosis/failure.js";
import type { Timer } from "../../modules/io/timer.js";
import * as general from "./commands/general.js";
import * as network from "./commands/network.js";
import * as tcpip from "./commands/tcpip.js";
import type { ModemOptions, ModemState } from "./modem-options.js";
import type { Profile } from "./profile.js";

/** From a refused command to the next try, where a refusal can be over soon. */
export const RETRY_MS = 1_000;

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
  state: ModemState = "off";
  /** The module's clock was set from the network or a time server. */
  clockKnown = false;
  /** Own address in the packet data network; empty when there is none. */
  protected localAddress = "";
  protected readonly options: ModemOptions;
  protected readonly ladder: RecoveryLadder;
  /** Counts state changes, so that an answer to an earlier state is not taken for one to this. */
  protected epoch = 0;
  protected timeout: unknown;
  /** Powering up may still be tried by the power key. */
  protected mayPulse = false;
  protected tries = 0;
  /** `<stat>` in LTE and in GSM. */
  protected eps = 0;
  protected gprs = 0;
  /** When the present state was entered, in ticks. */
  private since = 0;
  /** Next line of the start script. */
  private line = 0;
  private pinUsed = false;

  constructor(options: ModemOptions) {
    const profile = options.profile;
    this.options = options;
    this.profile = profile;
    this.timer = options.timer;
    this.context = profile.context;
    this.ladder = new RecoveryLadder(options.clock);
  }

  protected abstract recoverFrom(reason: Failure): void;
  abstract onException(error: unknown): void;

  protected recover(kind: FailureKind, command?: string, code?: number, detail?: string): void {
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
  }

  // Climbing

  protected boot(): void {
    this.enter("booting");
    const power = this.options.power;
    this.mayPulse = power.powerKey !== undefined;
    if (power.status?.() === false && this.mayPulse) this.pulse();
    else this.ask();
  }

  /** Asks whether the module listens; it may run already, and a pulse would turn it off. */
  protected ask(): void {
    this.run(general.attention, this.onAttention);
  }

  private onAttention(reason: Failure | undefined): void {
    if (reason === undefined) this.start();
    else this.ask();
  }

  protected pulse(): void {
    this.mayPulse = false;
    this.event("power");
    this.options.power.powerKey?.(true);
    this.wait(this.profile.power.powerKeyMs, this.release);
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

  protected get registered(): boolean {
    return network.isRegistered(this.eps) || network.isRegistered(this.gprs);
  }

  protected activate(): void {
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

  protected setClock(): void {
    if (this.clockKnown) this.online();
    else {
      this.enter("clock");
      this.run(network.networkClock, this.onClock);
    }
  }

  protected onClock(_: unknown, seconds: number | undefined): void {
    if (this.takeTime(seconds ?? 0)) this.online();
    else this.run(network.ownClock, this.onOwnClock);
  }

  private onOwnClock(_: unknown, seconds: number | undefined): void {
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
    this.ladder.succeeded();
    this.enter("online");
  }
}
