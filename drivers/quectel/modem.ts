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
import { attention, identify, powerDown, serialNumber, setFunctionality } from "./commands/general.js";
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
} from "./commands/tcpip.js";
import { CredentialStore } from "./credential-store.js";
import { NameLookup } from "./lookup.js";
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

/**
 * A module from power-off to the network and back, with the recovery that keeps it there. One
 * wish (`connect`, `disconnect`); the rest follows.
 */
export class Modem implements SecureHost {
  readonly channel: Channel;
  readonly timer: Timer;
  readonly limits: SocketLimits;
  readonly context: number;
  readonly lookup: NameLookup;
  readonly tlsContexts: TlsContexts;
  /** Own address in the packet data network; empty when there is none. */
  address = "";
  /** The module's clock was set from the network or a time server. */
  clockKnown = false;
  readonly #options: ModemOptions;
  readonly #profile: Profile;
  readonly #ladder = new RecoveryLadder();
  readonly #sockets: SocketTable;
  #state: ModemState = "off";
  #wished = false;
  /** Counts state changes, so that an answer to an earlier state is not taken for one to this. */
  #epoch = 0;
  #timeout: unknown;
  #openFailures = 0;
  #pinUsed = false;
  #outage: unknown;

  constructor(options: ModemOptions) {
    const { profile, timer } = options;
    this.#options = options;
    this.#profile = profile;
    this.timer = timer;
    this.limits = profile.sockets;
    this.context = profile.context;
    this.channel = new Channel({
      serial: options.serial,
      timer,
      urcs: profile.urcs,
      onReport: (urc, line) => {
        this.#onReport(urc, line);
      },
      onSilent: () => {
        this.#lose(failure("no-answer", "AT"));
        if (this.#state !== "booting") this.#recover("no-answer", "AT");
      },
      // A report may have been among the lost bytes.
      onOverrun: () => {
        this.#sockets.wake();
      },
      ...(options.trace === undefined ? undefined : { trace: new Trace(options.clock, options.trace) }),
    });
    this.lookup = new NameLookup(this.channel, timer, profile.context);
    this.#sockets = new SocketTable(profile.sockets.count);
    const store = new CredentialStore(this.channel, (role, fileName, action, byteLength) => {
      this.#event("credential", role, fileName, action, byteLength);
    });
    this.tlsContexts = new TlsContexts(
      this.channel,
      store,
      profile.tlsContexts,
      profile.sockets.handshakeTimeoutS,
    );
  }

  get state(): ModemState {
    return this.#state;
  }

  /** Goes online and stays there. */
  connect(): void {
    if (this.#wished) return;
    this.#wished = true;
    this.#boot();
  }

  /** Ends the connections and powers the module down. */
  disconnect(): void {
    if (!this.#wished) return;
    this.#wished = false;
    this.#lose(failure("cancelled"));
    this.#enter("off");
    this.#run(powerDown, []);
  }

  /** Frees the serial port; the module is left as it is. */
  close(): void {
    this.#wished = false;
    this.#lose(failure("cancelled"));
    this.#enter("off");
    this.channel.close();
  }

  /** Received signal strength in dBm; `NaN` without a measurement. */
  signal(done: Done<number>): void {
    this.channel.run(signalStrength, [], done);
  }

  /** Every buffer of fixed size with its high-water mark; the sockets' are those of the fullest one so far. */
  get buffers(): readonly BufferUse[] {
    const { receiveHighWater } = this.channel.counters;
    return [["AT receive", LINE_BYTES, receiveHighWater], ...this.#sockets.buffers(this.limits)];
  }

  // For sockets

  attach(socket: ModuleSocket): number | undefined {
    return this.#sockets.attach(socket);
  }

  detach(id: number): void {
    this.#sockets.detach(id);
  }

  unreachable(): Failure | undefined {
    return this.#state === "online" ? undefined : failure("network-lost", undefined, undefined, this.#state);
  }

  opened(ok: boolean): void {
    this.#openFailures = ok ? 0 : this.#openFailures + 1;
    if (this.#openFailures < OPEN_FAILURES || this.#state !== "online") return;
    this.#openFailures = 0;
    this.#recover("connect", "AT+QIOPEN");
  }

  // Climbing

  #enter(state: ModemState): void {
    this.#epoch++;
    this.timer.clear(this.#timeout);
    this.#timeout = undefined;
    if (this.#state === state) return;
    this.#state = state;
    this.#options.onState?.(state);
  }

  #event(name: string, ...values: (string | number)[]): void {
    this.#options.onEvent?.(name, ...values);
  }

  #run<R, P extends readonly Parameter[]>(command: Command<R, P>, parameters: P, done?: Done<R>): void {
    const epoch = this.#epoch;
    this.channel.run(command, parameters, (reason, result) => {
      if (epoch === this.#epoch) done?.(reason, result);
    });
  }

  #wait(ms: number, action: () => void): void {
    this.timer.clear(this.#timeout);
    this.#timeout = this.timer.set(action, ms);
  }

  #boot(): void {
    this.#enter("booting");
    const power = this.#options.power;
    if (power.status?.() === false) this.#pulse();
    else this.#ask(true);
  }

  /** Asks whether the module listens; it may run already, and a pulse would turn it off. */
  #ask(mayPulse: boolean): void {
    this.#run(attention, [], reason => {
      if (reason === undefined) this.#start();
      else if (reason.kind !== "no-answer") this.#ask(mayPulse);
      else if (mayPulse && this.#options.power.powerKey !== undefined) this.#pulse();
      else this.#recover("no-answer", "AT");
    });
  }

  #pulse(): void {
    const power = this.#options.power;
    if (power.powerKey === undefined) {
      this.#ask(false);
      return;
    }
    this.#event("power");
    power.powerKey(true);
    this.#wait(this.#profile.power.powerKeyMs, () => {
      power.powerKey?.(false);
      this.#awaitReady();
    });
  }

  #awaitReady(): void {
    this.#wait(this.#profile.power.bootMs, () => {
      // The ready report may have been lost, or a baud rate be wrong: the answer tells.
      this.#ask(false);
    });
  }

  #start(): void {
    this.#enter("starting");
    const script = this.#profile.startScript;
    let index = 0;
    const next = (reason: Failure | undefined): void => {
      if (reason !== undefined && !script[index - 1]?.mayFail) {
        this.#recover(reason.kind, reason.command, reason.code);
        return;
      }
      const step = script[index++];
      if (step === undefined) this.#identify();
      else this.#run(step.command, [], next);
    };
    next(undefined);
  }

  #identify(): void {
    this.#run(identify, [], (_, identity) => {
      this.#run(serialNumber, [], (__, imei) => {
        this.#event("module", identity?.model ?? "", identity?.revision ?? "", imei ?? "");
        this.#setAccessPoint();
      });
    });
  }

  #setAccessPoint(): void {
    const { apn, apnUser, apnPassword } = this.#options;
    if (apn === undefined || apn === "") {
      this.#awaitSim();
      return;
    }
    // Written only when different: the module keeps it.
    this.#run(accessPoint, [this.context], (_, stored) => {
      if (stored?.apn === apn && stored.user === (apnUser ?? "")) this.#awaitSim();
      else {
        const authentication = apnUser === undefined || apnUser === "" ? 0 : 3;
        this.#run(
          setAccessPoint,
          [this.context, 1, apn, apnUser ?? "", apnPassword ?? "", authentication],
          reason => {
            if (reason === undefined) this.#awaitSim();
            else this.#recover("pdp", "AT+QICSGP", reason.code);
          },
        );
      }
    });
  }

  #awaitSim(): void {
    this.#enter("sim");
    const since = this.#options.clock.ticks;
    const ask = (): void => {
      this.#run(simState, [], (reason, state) => {
        if (state === "READY") {
          this.#run(simNumber, [], (_, iccid) => {
            this.#event("sim", state, iccid ?? "");
            this.#register();
          });
        } else if (state === "SIM PIN" && this.#options.pin !== undefined && !this.#pinUsed) {
          // Once: three wrong PINs lock the card.
          this.#pinUsed = true;
          this.#run(enterPin, [this.#options.pin], ask);
        } else if (state !== undefined && state !== "NOT READY") {
          this.#recover("sim", "AT+CPIN", undefined, state);
        } else if (this.#options.clock.delta(since) < this.#profile.simMs) this.#wait(SIM_POLL_MS, ask);
        else this.#recover("sim", "AT+CPIN", reason?.code, state);
      });
    };
    ask();
  }

  #register(): void {
    this.#enter("registering");
    const since = this.#options.clock.ticks;
    let denied = false;
    const ask = (): void => {
      this.#run(epsRegistration, [], (_, eps) => {
        if (isRegistered(eps ?? 0)) {
          this.#registered(eps ?? 0);
          return;
        }
        this.#run(gprsRegistration, [], (__, gprs) => {
          denied = eps === 3 || gprs === 3;
          if (isRegistered(gprs ?? 0)) this.#registered(gprs ?? 0);
          else if (this.#options.clock.delta(since) < this.#profile.registrationMs)
            this.#wait(this.#profile.registrationPollMs, ask);
          else this.#recover("registration", "AT+CEREG", denied ? 3 : (eps ?? 0));
        });
      });
    };
    ask();
  }

  #registered(stat: number): void {
    // A report and the answer to a query may both tell it.
    this.#enter("activating");
    this.#run(networkInformation, [], (_, technology) => {
      this.#event("registered", stat === 5 ? "roaming" : "home", technology ?? "");
      this.#activate(true);
    });
  }

  #activate(mayRetry: boolean): void {
    this.#run(contextAddress, [], (reason, address) => {
      if (address !== undefined && address !== "") this.#active(address);
      else if (reason !== undefined) this.#recover("pdp", reason.command, reason.code);
      else
        this.#run(activateContext, [this.context], problem => {
          if (problem === undefined)
            this.#run(contextAddress, [], (__, own) => {
              this.#active(own ?? "");
            });
          else if (mayRetry)
            this.#wait(ACTIVATION_RETRY_MS, () => {
              this.#activate(false);
            });
          else this.#recover("pdp", "AT+QIACT", problem.code);
        });
    });
  }

  #active(address: string): void {
    this.address = address;
    this.#event("address", address);
    if (this.clockKnown) {
      this.#online();
      return;
    }
    this.#enter("clock");
    this.#run(networkClock, [], (_, seconds) => {
      if (this.#setClock(seconds ?? NaN)) return;
      const server = this.#options.timeServer;
      if (server === undefined || server === "") {
        this.#online();
        return;
      }
      this.#wait(TIME_SERVER_MS, () => {
        this.#online();
      });
      this.#run(askTimeServer, [this.context, server], reason => {
        if (reason !== undefined) this.#online();
      });
    });
  }

  /** False when the module knows no time. */
  #setClock(seconds: number): boolean {
    // Before its first synchronisation a module counts from 1980.
    if (!(seconds > 1_600_000_000)) return false;
    this.#options.clock.set(seconds);
    this.clockKnown = true;
    this.#event("clock", seconds);
    this.#online();
    return true;
  }

  #online(): void {
    this.#ladder.succeeded();
    this.#enter("online");
  }

  // Falling

  /** Ends every connection; the module has forgotten them, or does with what follows. */
  #lose(reason: Failure): void {
    this.timer.clear(this.#outage);
    this.#outage = undefined;
    this.lookup.reset(reason);
    this.#sockets.lose(reason);
  }

  #recover(kind: FailureKind, command?: string, code?: number, detail?: string): void {
    if (!this.#wished) return;
    const reason = failure(kind, command, code, detail);
    const step = this.#ladder.next(kind);
    this.#lose(reason);
    this.#enter("starting");
    // The application may wish to end it now.
    this.#options.onFailure?.(reason, step.rung, step.waitMs);
    if (this.#isWished())
      this.#wait(step.waitMs, () => {
        this.#climb(step.rung);
      });
  }

  #isWished(): boolean {
    return this.#wished;
  }

  #climb(rung: Rung): void {
    const power = this.#options.power;
    if (rung === "context")
      this.#run(deactivateContext, [this.context], () => {
        this.#awaitSim();
      });
    else if (rung === "radio")
      this.#run(setFunctionality, [0], () => {
        this.#run(setFunctionality, [1], () => {
          this.#awaitSim();
        });
      });
    else if (rung === "reset" && power.reset !== undefined) {
      this.#forget(failure("module-reset"));
      power.reset(true);
      this.#wait(this.#profile.power.resetMs, () => {
        power.reset?.(false);
        this.#awaitReady();
      });
    } else
      this.#run(setFunctionality, [1, 1], reason => {
        this.#enter("booting");
        if (reason?.kind === "no-answer" || reason?.kind === "timeout") this.#boot();
        else this.#awaitReady();
      });
  }

  /** The module restarted or was turned off: all that it knew is gone. */
  #forget(reason: Failure): void {
    this.#enter("booting");
    this.channel.reset(reason);
    this.tlsContexts.forget();
    this.clockKnown = false;
    this.#lose(reason);
  }

  // Reports

  #onReport(urc: Urc, line: Line): void {
    switch (urc.name) {
      case "socket":
        this.#onSocketReport(line);
        return;
      case "tls":
        this.#sockets.report(line);
        return;
      case "tcp-opened":
      case "tls-opened":
        this.#sockets.opened(line);
        return;
      case "registration":
        this.#onRegistration(line.int(0));
        return;
      case "time":
        if (this.#state === "clock" && !this.#setClock(networkTime(line.text(1)))) this.#online();
        return;
      case "boot":
        if (this.#state !== "booting" && this.#state !== "off") {
          this.#event("restarted");
          this.#forget(failure("module-reset"));
        }
        if (this.#wished) this.#awaitReady();
        return;
      case "ready":
        if (!this.#wished) return;
        if (this.#state !== "booting") this.#event("restarted");
        this.#forget(failure("module-reset"));
        this.#start();
        return;
      case "power-down":
        this.#onPowerDown();
    }
  }

  #onSocketReport(line: Line): void {
    if (line.is(0, "dnsgip")) this.lookup.onReport(line);
    else if (line.is(0, "pdpdeact")) {
      if (line.int(1) === this.context && this.#state === "online") this.#recover("pdp-deactivated");
    } else this.#sockets.report(line);
  }

  #onRegistration(stat: number): void {
    if (this.#state === "registering") {
      if (isRegistered(stat)) this.#registered(stat);
    } else if (this.#state === "online") {
      this.timer.clear(this.#outage);
      this.#outage = undefined;
      if (isRegistered(stat)) this.#sockets.wake();
      else
        this.#outage = this.timer.set(() => {
          this.#recover("registration", "AT+CEREG", stat);
        }, OUTAGE_MS);
    }
  }

  #onPowerDown(): void {
    if (!this.#wished) return;
    this.#event("restarted");
    this.#forget(failure("module-reset", undefined, undefined, "powered down"));
    this.#wait(POWER_OFF_MS, () => {
      this.#boot();
    });
  }
}
