import type { SimSettings } from "./settings.js";

/** The SIM: its lock and the wrong attempts at it, which survive restarts. */
export class SimCard {
  readonly settings: SimSettings;
  #state: SimSettings["state"];
  #isLocked: boolean;
  #pinAttempts = 3;
  #pukAttempts = 10;
  #pin: string;

  constructor(settings: SimSettings) {
    this.settings = settings;
    this.#state = settings.state;
    this.#pin = settings.pin;
    this.#isLocked = settings.state === "pin";
  }

  get isReady(): boolean {
    return this.#state === "ready";
  }

  get isPresent(): boolean {
    return this.#state !== "absent";
  }

  /** What +CPIN says. */
  describe(): string {
    if (this.#state === "ready") return "READY";
    if (this.#state === "pin") return "SIM PIN";
    return this.#state === "puk" ? "SIM PUK" : "NOT READY";
  }

  /** Returns 0, or the code of the equipment error. */
  unlock(pin: string): number {
    if (this.#state !== "pin") return 3;
    if (pin === this.#pin) {
      this.#state = "ready";
      this.#pinAttempts = 3;
      return 0;
    }
    if (--this.#pinAttempts > 0) return 16;
    this.#state = "puk";
    return 12;
  }

  unblock(puk: string, newPin: string): number {
    if (this.#state !== "puk") return 3;
    if (puk !== this.settings.puk) {
      if (--this.#pukAttempts <= 0) this.#state = "absent";
      return 16;
    }
    this.#pin = newPin;
    this.#pinAttempts = 3;
    this.#state = "ready";
    return 0;
  }

  /** Power came back: a locked card asks again. */
  restart(): void {
    if (this.#isLocked && this.#state === "ready") this.#state = "pin";
  }
}
