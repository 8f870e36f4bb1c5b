import type { Scheduler, Task } from "../scheduler.js";

/** `<stat>`: 0 idle, 1 home, 2 searching, 3 denied, 4 unknown, 5 roaming. */
export type RegistrationState = 0 | 1 | 2 | 3 | 4 | 5;

export interface RegistrationHost {
  readonly scheduler: Scheduler;
  /** `<n>` of AT+CEREG. */
  mode(): number;
  urc(text: string): void;
  /** Home, roaming or denied once the search ends; undefined: it never ends. */
  outcome(): 1 | 5 | 3 | undefined;
  attachMs(): number;
  readonly extraField: boolean;
  /** Granted PSM times, 8 bits each; undefined when PSM is not in use. */
  timers(): { readonly active: string; readonly periodic: string } | undefined;
  /** Before the state and its URC change: the radio connection comes up. */
  connecting(): void;
  registered(): void;
  lost(): void;
}

/** What the simulated cell is called. */
export const cellName = { area: "4B1F", cell: "35E5D4" } as const;

/** EMM cause of a denial: no suitable cells in tracking area. */
const denialCause = 15;

/** Registration in the packet domain, all that NB-IoT has. */
export class Registration {
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

  search(): void {
    this.#task?.cancel();
    if (this.isRegistered) return;
    this.#change(2);
    const outcome = this.#host.outcome();
    if (outcome === undefined) return;
    this.#task = this.#host.scheduler.after(this.#host.attachMs(), () => this.#change(outcome));
  }

  /** Leaves the network: 0 by command, 2 by loss of cover. */
  leave(state: 0 | 2): void {
    this.#task?.cancel();
    this.#change(state);
  }

  /** Power is gone: silently back to the start. */
  reset(): void {
    this.#task?.cancel();
    this.#state = 0;
  }

  /** Information line of the read form, which has `<n>` in front. */
  describe(): string {
    const mode = this.#host.mode();
    return `+CEREG: ${String(mode)},${this.#fields(mode)}`;
  }

  #fields(mode: number): string {
    const state = String(this.#state);
    if (mode < 2) return state;
    if (!this.isRegistered) {
      if (mode < 3) return state;
      // As logged: one field more than the manual's form has.
      return mode === 4 ? `${state},,,` : `${state},,,,,0,${String(this.#state === 3 ? denialCause : 0)}`;
    }
    const extra = this.#host.extraField ? "," : "";
    const place = `${state},"${cellName.area}","${cellName.cell}",9${extra}`;
    if (mode < 4) return place;
    const timers = this.#host.timers();
    return `${place},,,"${timers?.active ?? ""}","${timers?.periodic ?? ""}"`;
  }

  #change(state: RegistrationState): void {
    if (state === this.#state) return;
    const wasRegistered = this.isRegistered;
    if (state === 1 || state === 5) this.#host.connecting();
    this.#state = state;
    const mode = this.#host.mode();
    if (mode > 0) this.#host.urc(`+CEREG: ${this.#fields(mode)}`);
    if (this.isRegistered && !wasRegistered) this.#host.registered();
    if (!this.isRegistered && wasRegistered) this.#host.lost();
  }
}
