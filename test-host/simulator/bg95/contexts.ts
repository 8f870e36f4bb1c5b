import type { Random } from "../random.js";

/** 1 IPv4, 2 IPv6, 3 both. */
export interface ContextSettings {
  type: 1 | 2 | 3;
  apn: string;
  user: string;
  password: string;
  authentication: number;
}

/** `lost`: the network deactivated it and the host has not yet acknowledged with QIDEACT. */
export type ContextState = "inactive" | "activating" | "active" | "lost";

export class PdpContext {
  readonly id: number;
  settings: ContextSettings = { type: 1, apn: "", user: "", password: "", authentication: 0 };
  state: ContextState = "inactive";
  dns: [string, string] = ["10.0.0.53", "10.0.0.54"];
  readonly address: string;

  constructor(id: number, address: string) {
    this.id = id;
    this.address = address;
  }

  get typeName(): string {
    return this.settings.type === 1 ? "IP" : this.settings.type === 2 ? "IPV6" : "IPV4V6";
  }
}

/** PDP contexts 1 to 16. Settings are stored, activity is not. */
export class PdpContexts {
  readonly #contexts: readonly PdpContext[];

  constructor(random: Random) {
    this.#contexts = Array.from({ length: 16 }, (_, index) => {
      const address = `10.${String(random.integer(256))}.${String(random.integer(256))}.${String(1 + random.integer(254))}`;
      return new PdpContext(index + 1, address);
    });
  }

  get(id: number): PdpContext {
    const context = this.#contexts[id - 1];
    if (!context) throw new RangeError(`there is no context ${String(id)}`);
    return context;
  }

  get active(): readonly PdpContext[] {
    return this.#contexts.filter(context => context.state === "active");
  }

  get defined(): readonly PdpContext[] {
    return this.#contexts.filter(context => context.settings.apn !== "" || context.id === 1);
  }

  /** Power is gone. */
  reset(): void {
    for (const context of this.#contexts) {
      context.state = "inactive";
    }
  }
}
