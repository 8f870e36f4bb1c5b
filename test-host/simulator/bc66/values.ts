/**
 * How long a value lives (AT Commands Manual, table of what is stored):
 * `profile` survives deep sleep, and a cold boot only after AT&W;
 * `nv` survives both; `reboot` too, and takes effect at the next start;
 * `session` survives deep sleep; `boot` survives neither.
 */
export type Keep = "profile" | "nv" | "reboot" | "session" | "boot";

export type StartKind = "cold" | "deep-sleep";

interface Declared {
  readonly keep: Keep;
  readonly initial: string;
}

/** Values of the module's commands, as the texts behind the names that the module prints. */
export class Values {
  readonly #declared = new Map<string, Declared>();
  readonly #now = new Map<string, string>();
  readonly #effective = new Map<string, string>();
  readonly #profile = new Map<string, string>();

  declare(name: string, keep: Keep, initial: string | number): void {
    this.#declared.set(name, { keep, initial: String(initial) });
  }

  /** What a question shows. */
  get(name: string): string {
    return this.#now.get(name) ?? this.#of(name).initial;
  }

  number(name: string): number {
    return Number(this.get(name));
  }

  /** What the module goes by: for `reboot` values that of the last start. */
  effective(name: string): string {
    const { keep, initial } = this.#of(name);
    return keep === "reboot" ? (this.#effective.get(name) ?? initial) : this.get(name);
  }

  set(name: string, value: string | number): void {
    this.#of(name);
    this.#now.set(name, String(value));
  }

  /** AT&W */
  saveProfile(): void {
    for (const [name, { keep }] of this.#declared)
      if (keep === "profile") this.#profile.set(name, this.get(name));
  }

  restart(kind: StartKind): void {
    for (const [name, { keep, initial }] of this.#declared) {
      if (keep === "boot" || (keep === "session" && kind === "cold")) this.#now.delete(name);
      if (keep === "profile" && kind === "cold") this.#now.set(name, this.#profile.get(name) ?? initial);
      if (keep === "reboot") this.#effective.set(name, this.get(name));
    }
  }

  #of(name: string): Declared {
    const declared = this.#declared.get(name);
    if (!declared) throw new Error(`${name} is not declared`);
    return declared;
  }
}
