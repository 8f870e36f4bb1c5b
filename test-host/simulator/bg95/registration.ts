import type { Scheduler, Task } from "../scheduler.js";

/** The three registration commands share one state and differ in what they show. */
export type RegistrationDomain = "CREG" | "CGREG" | "CEREG";

export const registrationDomains: readonly RegistrationDomain[] = ["CREG", "CGREG", "CEREG"];

export interface RegistrationCell {
  readonly area: string;
  readonly cell: string;
  readonly accessTechnology: number;
  /** Granted PSM times, 8 bits each; empty when PSM is not in use. */
  readonly activeTime: string;
  readonly periodicTime: string;
}

/** `<stat>` of the registration commands. */
export type RegistrationState = 0 | 1 | 2 | 3 | 4 | 5;

export interface RegistrationHost {
  readonly scheduler: Scheduler;
  urc(text: string): void;
  /** Home, roaming or denied once the search ends; undefined: it never ends. */
  outcome(): 1 | 5 | 3 | undefined;
  attachMs(): number;
  cell(): RegistrationCell;
  registered(): void;
  lost(): void;
}

/** Network registration: searching, registered, lost, and what the registration URCs tell of it. */
export class Registration {
  /** `<n>` of each command. */
  readonly modes: Record<RegistrationDomain, number> = { CREG: 0, CGREG: 0, CEREG: 0 };
  readonly #host: RegistrationHost;
  #state: RegistrationState = 0;
  #task: Task | undefined;

  constructor(host: RegistrationHost) {
    this.#host = host;
  }

  get state(): RegistrationState {
    return this.#state;
  }

  get isRegistered(): boolean {
    return this.#state === 1 || this.#state === 5;
  }

  /** Begins to search; registers after the attach time. */
  search(): void {
    this.#task?.cancel();
    if (this.isRegistered) return;
    this.#change(2);
    const outcome = this.#host.outcome();
    if (outcome === undefined) return;
    this.#task = this.#host.scheduler.after(this.#host.attachMs(), () => this.#change(outcome));
  }

  /** Leaves the network: 0 by command, 2 or 4 by loss of cover. */
  leave(state: 0 | 2 | 4): void {
    this.#task?.cancel();
    this.#change(state);
  }

  /** Power is gone: silently back to the start. */
  reset(): void {
    this.#task?.cancel();
    this.#state = 0;
    for (const domain of registrationDomains) this.modes[domain] = 0;
  }

  /** `<stat>` as the domain shows it: there is no CS or GPRS service on LTE-M and NB-IoT for CGREG. */
  stateOf(domain: RegistrationDomain): number {
    if (domain === "CGREG" && this.#host.cell().accessTechnology !== 0) return 4;
    if (domain === "CEREG" && this.#host.cell().accessTechnology === 0) return 4;
    return this.#state;
  }

  /** Information line of the read form, which has `<n>` in front. */
  describe(domain: RegistrationDomain): string {
    return `+${domain}: ${String(this.modes[domain])},${this.#fields(domain)}`;
  }

  #fields(domain: RegistrationDomain): string {
    const mode = this.modes[domain];
    const state = this.stateOf(domain);
    const cell = this.#host.cell();
    const isServed = state === 1 || state === 5;
    const place = isServed ? `,"${cell.area}","${cell.cell}",${String(cell.accessTechnology)}` : "";
    if (mode < 2) return String(state);
    if (mode < 4) return `${String(state)}${place}`;
    if (!isServed) return String(state);
    return `${String(state)}${place},,,"${cell.activeTime}","${cell.periodicTime}"`;
  }

  #change(state: RegistrationState): void {
    if (state === this.#state) return;
    const shown = registrationDomains.map(domain => this.stateOf(domain));
    const wasRegistered = this.isRegistered;
    this.#state = state;
    registrationDomains.forEach((domain, index) => {
      if (this.modes[domain] > 0 && shown[index] !== this.stateOf(domain)) {
        this.#host.urc(`+${domain}: ${this.#fields(domain)}`);
      }
    });
    if (this.isRegistered && !wasRegistered) this.#host.registered();
    if (!this.isRegistered && wasRegistered) this.#host.lost();
  }
}
