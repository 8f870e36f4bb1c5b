import type { Scheduler, Task } from "../scheduler.js";
import type { Bg95Settings, BootSettings } from "./settings.js";

/** `booting`: from the power key until APP RDY. `psm`: off until woken. */
export type PowerState = "off" | "booting" | "running" | "stopping" | "psm";

export interface PowerHost {
  readonly scheduler: Scheduler;
  readonly settings: Bg95Settings;
  /** A line of the boot or of power-down, framed. */
  print(text: string): void;
  /** Everything volatile is gone. */
  lost(): void;
  /** The SIM has been read; the text follows `+CPIN: `. */
  simRead(): string;
  /** The SIM can be used: registration begins. */
  simUsable(): void;
}

/** The last line takes so long at 9,600 baud. */
const lastLineMs = 25;

/** Power key, reset line, STATUS pin, boot sequence and the four kinds of going down. */
export class Power {
  readonly #host: PowerHost;
  readonly #tasks: Task[] = [];
  #state: PowerState = "off";
  #status = false;
  #uart = false;
  #keyDownMs: number | undefined;
  #keyWasOn = false;
  #keyTask: Task | undefined;
  #resetDownMs: number | undefined;
  #ponTrig = false;
  /** Boots since the start of the simulation. */
  boots = 0;

  constructor(host: PowerHost) {
    this.#host = host;
  }

  get state(): PowerState {
    return this.#state;
  }

  /** Level of the STATUS pin. */
  get status(): boolean {
    return this.#status;
  }

  /** The UART hears and speaks. */
  get uart(): boolean {
    return this.#uart;
  }

  powerKey(asserted: boolean): void {
    const { scheduler, settings } = this.#host;
    if (asserted) {
      if (this.#keyDownMs !== undefined) return;
      this.#keyDownMs = scheduler.nowMs;
      this.#keyWasOn = this.#state === "running" || this.#state === "booting";
      if (this.#keyWasOn || this.#state === "stopping") return;
      this.#keyTask = scheduler.after(settings.boot.powerKeyOnMs, () => {
        this.boot(settings.boot.powerKeyOnMs);
      });
      return;
    }
    if (this.#keyDownMs === undefined) return;
    const heldMs = scheduler.nowMs - this.#keyDownMs;
    this.#keyDownMs = undefined;
    this.#keyTask?.cancel();
    if (this.#keyWasOn && heldMs >= settings.boot.powerKeyOffMs && this.#state === "running") {
      this.powerDown("NORMAL POWER DOWN", settings.boot.powerDownMs);
    }
  }

  resetLine(asserted: boolean): void {
    const { scheduler, settings } = this.#host;
    if (asserted) {
      this.#resetDownMs ??= scheduler.nowMs;
      return;
    }
    if (this.#resetDownMs === undefined) return;
    const heldMs = scheduler.nowMs - this.#resetDownMs;
    this.#resetDownMs = undefined;
    if (heldMs >= settings.boot.resetMs && this.#state !== "off" && this.#state !== "psm") this.crash();
  }

  /** A rising edge wakes from PSM (Quectel BG95 Hardware Design); in any other state nothing happens. */
  ponTrig(asserted: boolean): void {
    const isRising = asserted && !this.#ponTrig;
    this.#ponTrig = asserted;
    if (isRising && this.#state === "psm") this.boot(0);
  }

  /** Boots; `elapsedMs` of the boot times have already passed. */
  boot(elapsedMs: number): void {
    this.#boot(elapsedMs, this.#host.settings.boot);
  }

  /** Powered and booted at once, without banner: what a client finds that comes late. */
  bootNow(): void {
    this.#cancel();
    this.#begin();
    this.#uart = true;
    this.#status = true;
    this.#state = "running";
    this.#host.simRead();
    this.#host.simUsable();
  }

  /** Down after `ms`; the line is printed just before. */
  powerDown(line: string, ms: number, end: PowerState = "off"): void {
    this.#cancel();
    this.#state = "stopping";
    this.#later(ms, () => {
      this.#host.print(line);
      // The line leaves the UART before the power does.
      this.#later(lastLineMs, () => this.#fall(end));
    });
  }

  /** AT+CFUN=1,1 */
  reboot(): void {
    const { boot } = this.#host.settings;
    this.#cancel();
    this.#state = "stopping";
    const downMs = Math.min(boot.powerDownMs, boot.rebootMs / 2);
    this.#later(downMs, () => {
      this.#host.print("POWERED DOWN");
      this.#later(lastLineMs, () => {
        this.#fall("off");
        // RDY is due `rebootMs` after the command.
        this.boot(downMs + lastLineMs + boot.readyMs - boot.rebootMs);
      });
    });
  }

  /** Restart without a word. */
  crash(): void {
    this.#cancel();
    this.#fall("off");
    this.boot(0);
  }

  /** The supply is cut. */
  cut(): void {
    this.#cancel();
    this.#fall("off");
  }

  #boot(elapsedMs: number, boot: BootSettings): void {
    this.#cancel();
    this.#begin();
    const simFirst = this.#host.settings.bootOrder === "sim-first";
    const simMs = simFirst ? boot.appReadyMs - (boot.simReadyMs - boot.appReadyMs) : boot.simReadyMs;
    this.#later(boot.statusMs - elapsedMs, () => (this.#status = true));
    this.#later(boot.readyMs - elapsedMs, () => {
      this.#uart = true;
      this.#host.print("RDY");
    });
    this.#later(boot.appReadyMs - elapsedMs, () => {
      this.#state = "running";
      this.#host.print("APP RDY");
    });
    let isUsable = false;
    this.#later(simMs - elapsedMs, () => {
      const text = this.#host.simRead();
      this.#host.print(`+CPIN: ${text}`);
      isUsable = text === "READY";
      if (!isUsable) return;
      this.#host.print("+QUSIM: 1");
      this.#host.simUsable();
    });
    this.#later(boot.smsReadyMs - elapsedMs, () => {
      if (isUsable) this.#host.print("+QIND: SMS DONE");
    });
  }

  #begin(): void {
    this.boots++;
    this.#state = "booting";
  }

  #fall(end: PowerState): void {
    this.#cancel();
    this.#state = end;
    this.#status = false;
    this.#uart = false;
    this.#host.lost();
  }

  #later(ms: number, action: () => void): void {
    this.#tasks.push(this.#host.scheduler.after(ms, action));
  }

  #cancel(): void {
    for (const task of this.#tasks.splice(0)) task.cancel();
  }
}
