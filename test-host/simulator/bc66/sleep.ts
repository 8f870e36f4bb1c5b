import type { Link } from "../link.js";
import type { Scheduler, Task } from "../scheduler.js";
import type { Values } from "./values.js";

export interface SleepHost {
  readonly scheduler: Scheduler;
  readonly values: Values;
  /** Last data until the radio connection is released, ms. */
  readonly releaseMs: number;
  urc(text: string): void;
  /** Sockets, TLS or MQTT clients are open: they keep the module out of PSM. */
  isBusy(): boolean;
  isRegistered(): boolean;
  /** The radio is at work without a connection. */
  isSearching(): boolean;
  deepSleep(): void;
  /** T3412 ran out in deep sleep: the chip starts by itself. */
  wake(): void;
  link: Link;
}

const carriageReturn = 0x0d;
/** [guess] PSM_EINT alone keeps the module out of light sleep for so long. */
const pinWakeMs = 500;

/**
 * Radio connection, power saving mode and the two sleeps of the chip. Light sleep is not an event: the
 * module is in it whenever no lock holds, and finds out when the next byte comes.
 */
export class Sleep {
  readonly #host: SleepHost;
  #lockedUntilMs = 0;
  #release: Task | undefined;
  #active: Task | undefined;
  #periodic: Task | undefined;
  #deep: Task | undefined;
  #isInPsm = false;
  #isSwallowing = false;

  constructor(host: SleepHost) {
    this.#host = host;
  }

  /** AT+CSCON: the radio connection is up. */
  get isConnected(): boolean {
    return this.#release?.pending === true;
  }

  get isInPsm(): boolean {
    return this.#isInPsm;
  }

  get isLight(): boolean {
    const { scheduler, values } = this.#host;
    if (values.number("+QSCLK") === 0 || this.isConnected || this.#host.isSearching()) return false;
    return scheduler.nowMs >= this.#lockedUntilMs;
  }

  /** The chip runs: the lock of a start holds. */
  started(): void {
    this.#lock(this.#host.values.effective("initlocktime"));
  }

  /** Bytes from the host; returns those that are not lost on a sleeping UART. */
  filter(bytes: Uint8Array): Uint8Array {
    if (this.isLight) this.#isSwallowing = true;
    this.#lock(this.#host.values.effective("atlocktime"));
    if (!this.#isSwallowing) return bytes;
    const end = bytes.indexOf(carriageReturn);
    if (end < 0) return new Uint8Array(0);
    this.#isSwallowing = false;
    return bytes.subarray(end + 1);
  }

  /** AT+QRELLOCK */
  unlock(): void {
    this.#lockedUntilMs = this.#host.scheduler.nowMs;
    this.consider();
  }

  pinEdge(): void {
    const { scheduler } = this.#host;
    this.#lockedUntilMs = Math.max(this.#lockedUntilMs, scheduler.nowMs + pinWakeMs);
  }

  /** Data or signalling passed over the radio. */
  traffic(): void {
    const { scheduler, values, releaseMs } = this.#host;
    this.#active?.cancel();
    this.#leavePsm();
    const wasUp = this.isConnected;
    this.#release?.cancel();
    this.#release = scheduler.after(releaseMs, () => this.#released());
    if (!wasUp && values.number("+CSCON") === 1) this.#host.urc("+CSCON: 1");
  }

  /** A setting has changed that sleep depends on. */
  consider(): void {
    const { scheduler, values } = this.#host;
    this.#deep?.cancel();
    if (!this.#isInPsm) {
      if (!this.isConnected && !this.#active?.pending) this.#awaitPsm();
      return;
    }
    if (values.number("+QSCLK") !== 1) return;
    this.#deep = scheduler.at(this.#lockedUntilMs, () => {
      if (scheduler.nowMs < this.#lockedUntilMs) {
        this.consider();
        return;
      }
      if (values.effective("dsevent") === "1") this.#host.urc('+QNBIOTEVENT: "ENTER DEEPSLEEP"');
      this.#host.deepSleep();
    });
  }

  /** Power is gone; in deep sleep the network's timer runs on. */
  reset(isDeepSleep: boolean): void {
    for (const task of [this.#release, this.#active, this.#deep]) task?.cancel();
    if (!isDeepSleep) this.#periodic?.cancel();
    this.#isInPsm = false;
    this.#isSwallowing = false;
  }

  #released(): void {
    if (this.#host.values.number("+CSCON") === 1) this.#host.urc("+CSCON: 0");
    this.#awaitPsm();
  }

  #awaitPsm(): void {
    const { scheduler, values } = this.#host;
    this.#active?.cancel();
    if (values.get("+CPSMS") !== "1" || !this.#host.isRegistered() || this.#host.isBusy()) return;
    const activeS = activeTimeS(values.get("T3324"));
    if (activeS !== Infinity) this.#active = scheduler.after(activeS * 1000, () => this.#enterPsm());
  }

  #enterPsm(): void {
    const { scheduler, values } = this.#host;
    if (this.#host.isBusy() || values.get("+CPSMS") !== "1") return;
    this.#isInPsm = true;
    this.#event("ENTER PSM");
    this.#periodic?.cancel();
    const periodicS = periodicTimeS(values.get("T3412"));
    if (periodicS > 0)
      this.#periodic = scheduler.after(periodicS * 1000, () => {
        if (this.#isInPsm) this.#host.link.touch();
        else this.#host.wake();
      });
    this.consider();
  }

  #leavePsm(): void {
    if (!this.#isInPsm) return;
    this.#isInPsm = false;
    this.#periodic?.cancel();
    this.#deep?.cancel();
    this.#event("EXIT PSM");
  }

  #event(name: string): void {
    if (this.#host.values.number("+QNBIOTEVENT") === 1) this.#host.urc(`+QNBIOTEVENT: "${name}"`);
  }

  #lock(seconds: string): void {
    this.#lockedUntilMs = Math.max(this.#lockedUntilMs, this.#host.scheduler.nowMs + Number(seconds) * 1000);
  }
}

/** T3324 from its 8 bits, seconds; Infinity when it is off. */
export function activeTimeS(bits: string): number {
  const value = parseInt(bits.slice(3), 2) || 0;
  const units: Record<string, number> = { "000": 2, "001": 60, "010": 360, "111": Infinity };
  return bits.startsWith("111") ? Infinity : value * (units[bits.slice(0, 3)] ?? 2);
}

/** T3412 extended from its 8 bits, seconds; 0 when it is off. */
export function periodicTimeS(bits: string): number {
  const value = parseInt(bits.slice(3), 2) || 0;
  const units: Record<string, number> = {
    "000": 600,
    "001": 3_600,
    "010": 36_000,
    "011": 2,
    "100": 30,
    "101": 60,
    "110": 1_152_000,
  };
  return value * (units[bits.slice(0, 3)] ?? 0);
}
