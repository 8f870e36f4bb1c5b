import { Channel } from "../../modules/at/channel.js";
import type { Command, Urc } from "../../modules/at/command.js";
import { LINE_BYTES } from "../../modules/at/receiver.js";
import type { Line } from "../../modules/at/line.js";
import type { ChannelOptions } from "../../modules/at/options.js";
import type { Trace } from "../../modules/at/trace.js";
import type { Rung } from "../../modules/cellular/recovery.js";
import { failure, type Failure } from "../../modules/diagnosis/failure.js";
import type { SerialRecord } from "../../modules/io/serial.js";
import { Climb, RETRY_MS } from "./climb.js";
import * as network from "./commands/network.js";
import type { ModemExtension } from "./extension.js";
import type { ModemOptions } from "./modem-options.js";
import type { BufferReport, Profile, ReportHost, SocketLimits } from "./profile.js";
import type { SecureHost } from "./tls.js";

/**
 * A module from power-off to the network and back, with the recovery that keeps it there. One
 * wish (`connect`, `disconnect`); the rest follows.
 */
export class Modem extends Climb implements SecureHost, ChannelOptions, ReportHost {
  readonly channel: Channel;
  readonly limits: SocketLimits;
  readonly serial: SerialRecord;
  readonly urcs: Profile["urcs"];
  readonly trace: Trace | undefined;
  private readonly extensions: ModemExtension[] = [];
  /** The application wants to be online. */
  wished = false;
  /** The application wants the module off, and it may still come up. */
  private ending = false;
  private outage: unknown;
  private openFailures = 0;
  /** What the channel has counted of lost or damaged lines. */
  private damage = 0;

  constructor(options: ModemOptions) {
    super(options);
    const profile = options.profile;
    this.limits = profile.sockets;
    this.serial = options.serial;
    this.urcs = profile.urcs;
    this.trace = options.trace;
    this.channel = new Channel(this);
  }

  /** Goes online and stays there. */
  connect(): void {
    if (this.wished) return;
    this.wished = true;
    this.ending = false;
    // No callback inside this call.
    this.wait(0, this.begin);
  }

  private begin(): void {
    const reason = this.profile.refuse?.(this.context, this.options.apn ?? "");
    if (reason === undefined) {
      this.boot();
      return;
    }
    this.wished = false;
    this.call(this.options.onFailure, [reason, "none", 0]);
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

  /** Tells of every buffer of fixed size; those of connections are those of the fullest one so far. */
  reportBuffers(report: BufferReport): void {
    report("AT receive", LINE_BYTES, this.channel.counters.receiveHighWater);
    this.extensions.forEach(extension => extension.reportBuffers?.(report));
  }

  /** The extension of this class; made when it is asked for first. */
  extension<E extends ModemExtension>(type: new (modem: Modem) => E): E {
    const extensions = this.extensions;
    for (let i = 0; i < extensions.length; i++) {
      const known = extensions[i];
      if (known instanceof type) return known;
    }
    const made = new type(this);
    extensions.push(made);
    if (made.urcs !== undefined) this.channel.addReports(made.urcs, made.payloads);
    return made;
  }

  // For sockets

  unreachable(): Failure | undefined {
    return this.state === "online" ? undefined : failure("network-lost", undefined, undefined, this.state);
  }

  opened(ok: boolean, reason?: Failure): void {
    this.openFailures = ok ? 0 : this.openFailures + 1;
    if (ok) {
      this.refused = false;
      this.ladder.succeeded();
    }
    if (ok || this.state !== "online") return;
    if (this.openFailures >= this.profile.openFailures) {
      this.refused = true;
      // A setting may have been taken with a byte lost on its way: nothing that was set is relied on.
      this.each("forget");
      // As the last of them failed: what is done about it is the same.
      this.recover("connect", reason?.command, reason?.code, reason?.detail);
    }
    // The network can take the context away without a word.
    else this.run(this.commands.contextAddress(this.context), this.onContextCheck);
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
    this.wake();
  }

  /** A report may have been lost. */
  private wake(): void {
    this.each("wake");
  }

  private each(step: "forget" | "wake"): void {
    this.extensions.forEach(extension => extension[step]?.());
  }

  /** A connection was refused for want of the time: asks for it again, for the next one. */
  missClock(): void {
    if (this.state === "online" && !this.clockKnown) this.run(this.commands.networkClock, this.onClock);
  }

  // Falling

  private stop(): void {
    const reason = failure("cancelled");
    this.letGo();
    // An open connection keeps a module awake.
    if (this.sleep !== undefined) this.endSockets(reason, NaN);
    this.lose(reason);
    this.enter("off");
    this.turnOff();
  }

  private turnOff(): void {
    this.run(this.sleep ?? this.commands.powerDown, this.onPowerDown);
  }

  private get sleep(): Command | undefined {
    return this.options.sleep ? this.commands.sleep : undefined;
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
    this.extensions.forEach(extension => extension.lose?.(reason));
  }

  protected recoverFrom(reason: Failure): void {
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
    this.run(this.commands.deactivate, this.start, this.context);
  }

  /** Rung 2. */
  restartRadio(): void {
    this.run(this.commands.functionality, this.radioOn, 0);
  }

  private radioOn(): void {
    this.run(this.commands.functionality, this.start, 1);
  }

  /** Rung 3. */
  restart(): void {
    this.run(this.commands.restart, this.onRestarting);
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
    const offMs = timing.powerKeyOffMs;
    if (!this.canReset) {
      // Where PWRKEY only turns it on, the module may listen, sleep or be off: the questions tell.
      if (offMs === undefined) {
        this.channel.run(this.commands.restart, []);
        this.boot();
      } else this.restart();
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
      this.wait(offMs ?? 0, this.turnedOff);
    }
  }

  private get canReset(): boolean {
    const power = this.options.power;
    return (
      power.reset !== undefined ||
      (power.powerKey !== undefined && this.profile.power.powerKeyOffMs !== undefined)
    );
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
    this.each("forget");
    this.clockKnown = false;
    this.lose(reason);
  }

  onSilent(): void {
    // With a timer running the module is being restarted, or a rung waits.
    if (this.timeout !== undefined && (this.state === "booting" || this.state === "starting")) return;
    const booting = this.state === "booting";
    if (booting && this.mayWake) this.wakeUp();
    else if (booting && this.mayPulse) this.pulse();
    else this.recover("no-answer", "AT");
  }

  // For the channel

  onRestart(): void {
    this.onPowerReport("ready");
  }

  /** Where the module can be reset, nothing that is no payload gets into a connection. */
  onStuckPayload(): boolean {
    if (!this.canReset) return false;
    this.recover("no-answer", "AT");
    return this.wished;
  }

  /** A report may have been among the lost bytes. */
  onOverrun(): void {
    this.wake();
  }

  onException(error: unknown): void {
    this.event("exception", String(error));
  }

  onReport(urc: Urc, line: Line): void {
    const extensions = this.extensions;
    let name = urc.name;
    if (name === "socket") {
      if (line.is(0, "dnsgip")) name = "dns";
      else if (line.is(0, "pdpdeact")) name = "context";
    }
    switch (this.profile.onReport?.(this, name, line) ? "taken" : name) {
      case "taken":
        break;
      case "context":
        if (line.int(1) === this.context && this.state === "online") this.recover("pdp-deactivated");
        break;
      case "eps":
        this.onRegistration(line.int(0), this.gprs);
        break;
      case "gprs":
        this.onRegistration(this.eps, line.int(0));
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
        this.onPowerReport(name);
        break;
      default:
        // Here, and without a callback of an array's method: the way of data stands on it in the stack.
        for (let i = 0; i < extensions.length; i++) if (extensions[i]?.onReport?.(name, line)) break;
    }
    this.heed();
  }

  onPayload(urc: Urc, bytes: Uint8Array, start: number, end: number, left: number): void {
    const extensions = this.extensions;
    // No callback of an array's method: the payload's way to the application is the deepest of all.
    for (let i = 0; i < extensions.length; i++)
      if (extensions[i]?.onPayload?.(urc.name, bytes, start, end, left)) return;
  }

  hasten(): void {
    if (this.timeout !== undefined) this.wait(0, this.askAddress);
  }

  endSockets(reason: Failure, id: number): void {
    this.extensions.forEach(extension => extension.endSockets?.(reason, id));
  }

  onPowerReport(name: string): void {
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
    else {
      // Where no other report follows, this is the one that tells.
      this.each("forget");
      // A question that is under way belongs to the time before.
      if (this.profile.power.asks !== undefined) this.enter("booting");
    }
    if (name === "ready") this.start();
    else if (name === "boot") this.awaitReady();
    else {
      const waitMs = Math.max(this.profile.power.offMs, this.ladder.restartWait());
      this.ladder.restarted();
      this.wait(waitMs, this.boot);
    }
  }

  private onRegistration(eps: number, gprs: number): void {
    this.eps = eps;
    this.gprs = gprs;
    if (!this.wished) return;
    if (this.state === "registering") {
      if (this.registered) this.activate();
    } else if (this.state === "online") {
      if (this.registered) {
        this.timer.clear(this.outage);
        this.outage = undefined;
        this.wake();
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
