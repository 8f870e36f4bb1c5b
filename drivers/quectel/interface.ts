import { Modem } from "./modem.js";
import type { ModemOptions, ModemState } from "./modem-options.js";

/** The scale of Moddable's network interfaces. */
export const Connection = Object.freeze({
  disconnected: 200,
  connecting: 300,
  /** Registered: the link is up, there is no address yet. */
  connected: 400,
  /** An address is there: connections can be opened. */
  addressed: 500,
});

export type ConnectionValue = (typeof Connection)[keyof typeof Connection];

export interface CellularOptions extends ModemOptions {
  /** `"connection"` or `"address"`: that property has changed. */
  readonly onChanged?: (this: Cellular, property: "connection" | "address") => void;
  readonly target?: unknown;
}

/**
 * The modem as a network interface, in the shape of `embedded:network/interface/ethernet`:
 * `connect`, `disconnect`, `connection`, `address`, `onChanged`. It reconnects by itself.
 */
export class Cellular extends Modem {
  target: unknown;
  private readonly onChanged: CellularOptions["onChanged"];

  constructor(options: CellularOptions) {
    super(options);
    this.target = options.target;
    this.onChanged = options.onChanged;
  }

  get connection(): ConnectionValue {
    switch (this.state) {
      case "off":
        return Connection.disconnected;
      case "online":
        return Connection.addressed;
      case "activating":
      case "clock":
        return Connection.connected;
      default:
        return Connection.connecting;
    }
  }

  /** Own IPv4 address; `undefined` without one. */
  get address(): string | undefined {
    return this.state === "online" ? this.localAddress : undefined;
  }

  protected override enter(state: ModemState): void {
    const connection = this.connection;
    const address = this.address;
    super.enter(state);
    if (this.connection !== connection) this.call(this.onChanged, ["connection"]);
    if (this.address !== address) this.call(this.onChanged, ["address"]);
  }
}
