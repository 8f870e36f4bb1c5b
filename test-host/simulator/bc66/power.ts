import type { Scheduler, Task } from "../scheduler.js";
import type { BootSettings } from "./settings.js";
import type { StartKind } from "./values.js";

/** `booting`: from the start of the chip until it hears commands. */
export type PowerState = "off" | "booting" | "running" | "stopping" | "deep-sleep";

export interface PowerHost {
  readonly scheduler: Scheduler;
  readonly boot: BootSettings;
  /** PWRKEY wakes from deep sleep. */
  readonly powerKeyWakes: boolean;
  readonly vddExtInDeepSleep: boolean;
  /** The text of the boot ROM. */
  printBanner(): void;
  /** Everything in progress is gone. */
  lost(): void;
  /** The chip starts: values come from where they are kept. */
  starting(kind: StartKind): void;
  /** Commands are heard from now on. */
  ready(kind: StartKind): void;
  /** The SIM has been read. */
  simRead(): void;
}

/** Text that the ROM prints at every start: LF CR, not CR LF. */
export const bootText =
  "\n\rF1: 0000 0000\n\rV0: 0000 0000 [0001]\n\r00: 0006 000C\n\r01: 0000 0000\n\r" +
  "U0: 0000 0001 [0000]\n\rT0: 0000 00B4\n\rLeaving the BROM\n\r\n\r";

/** The pins PWRKEY, RESET_N, PSM_EINT and VDD_EXT, the boot sequence, and the ways of going down. */
export class Power {
  /** Starts of the chip since the begin of the simulation. */
  boots = 0;
  readonly #host: PowerHost;
  readonly #tasks: Task[] = [];
  #state: PowerState = "off";
  #vddExt = false;
  #key: Task | undefined;
  #resetDownMs: number | undefined;
  #psmEint: Task | undefined;
  /** A falling edge of PSM_EINT that was long enough, while the chip runs. */
  onPsmEint: (() => void) | undefined;

  constructor(host: PowerHost) {
    this.#host = host;
  }

  get state(): PowerState {
    return this.#state;
  }

  get vddExt(): boolean {
    return this.#vddExt;
  }

  /** The chip is powered: its ROM or the firmware drives the UART. */
  get uart(): boolean {
    return this.#state === "booting" || this.#state === "running" || this.#state === "stopping";
  }

  powerKey(asserted: boolean): void {
    const { scheduler, boot, powerKeyWakes } = this.#host;
    this.#key?.cancel();
    if (!asserted) return;
    this.#key = scheduler.after(boot.powerKeyMs, () => {
      if (this.#state === "off") this.start("cold");
      else if (this.#state === "deep-sleep" && powerKeyWakes) this.start("deep-sleep");
    });
  }

  resetLine(asserted: boolean): void {
    const { scheduler, boot } = this.#host;
    if (asserted) {
      this.#resetDownMs ??= scheduler.nowMs;
      return;
    }
    if (this.#resetDownMs === undefined) return;
    const heldMs = scheduler.nowMs - this.#resetDownMs;
    this.#resetDownMs = undefined;
    if (heldMs >= boot.resetMs && this.#state !== "off") this.crash();
  }

  psmEint(asserted: boolean): void {
    const { scheduler, boot } = this.#host;
    this.#psmEint?.cancel();
    if (!asserted) return;
    this.#psmEint = scheduler.after(boot.psmEintMs, () => {
      if (this.#state === "deep-sleep") this.start("deep-sleep");
      else if (this.#state === "running") this.onPsmEint?.();
    });
  }

  start(kind: StartKind): void {
    const { boot } = this.#host;
    this.#begin(kind);
    this.#state = "booting";
    this.#later(boot.vddExtMs, () => (this.#vddExt = true));
    this.#later(boot.bannerMs, () => this.#host.printBanner());
    this.#later(boot.bannerMs + boot.readyMs, () => {
      this.#state = "running";
      this.#host.ready(kind);
    });
    this.#later(boot.bannerMs + boot.readyMs + boot.simMs, () => this.#host.simRead());
  }

  /** Powered and booted at once, without a word: what a client finds that comes late. */
  bootNow(): void {
    this.#begin("cold");
    this.#vddExt = true;
    this.#state = "running";
  }

  /** AT+QPOWD=0 */
  powerDown(): void {
    this.#cancel();
    this.#state = "stopping";
    this.#later(this.#host.boot.powerDownMs, () => this.#fall("off"));
  }

  /** AT+QRST=1 and its kin: no farewell to the network. */
  restart(): void {
    this.#cancel();
    this.#state = "stopping";
    this.#later(this.#host.boot.restartMs, () => this.crash());
  }

  /** Restart without a word. */
  crash(): void {
    this.#fall("off");
    this.start("cold");
  }

  /** The supply is cut. */
  cut(): void {
    this.#fall("off");
  }

  deepSleep(): void {
    this.#fall("deep-sleep");
    this.#vddExt = this.#host.vddExtInDeepSleep;
  }

  #begin(kind: StartKind): void {
    this.#cancel();
    this.boots++;
    this.#host.starting(kind);
  }

  #fall(end: "off" | "deep-sleep"): void {
    this.#cancel();
    this.#state = end;
    this.#vddExt = false;
    this.#host.lost();
  }

  #later(ms: number, action: () => void): void {
    this.#tasks.push(this.#host.scheduler.after(ms, action));
  }

  #cancel(): void {
    for (const task of this.#tasks.splice(0)) task.cancel();
  }
}
