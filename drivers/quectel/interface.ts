import type { Credentials } from "../../modules/io/credentials.js";
import { Modem, type ModemOptions, type ModemState } from "./modem.js";
import { NamePassing } from "./name-passing.js";
import { TCP } from "./tcp.js";
import { TLSSocket, type SecureOptions } from "./tls.js";

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

function connectionOf(state: ModemState): ConnectionValue {
  if (state === "off") return Connection.disconnected;
  if (state === "online") return Connection.addressed;
  return state === "activating" || state === "clock" ? Connection.connected : Connection.connecting;
}

/**
 * The modem as a network interface, in the shape of `embedded:network/interface/ethernet`:
 * `connect`, `disconnect`, `connection`, `address`, `onChanged`. It reconnects by itself.
 */
export class Cellular {
  target: unknown;
  readonly modem: Modem;
  private current: ConnectionValue = Connection.disconnected;
  private currentAddress = "";
  private readonly onChanged: CellularOptions["onChanged"];

  constructor(options: CellularOptions) {
    const { onState } = options;
    this.target = options.target;
    this.onChanged = options.onChanged;
    this.modem = new Modem({
      ...options,
      onState: state => {
        this.follow(state);
        onState?.(state);
      },
    });
  }

  get connection(): ConnectionValue {
    return this.current;
  }

  /** Own IPv4 address; `undefined` without one. */
  get address(): string | undefined {
    return this.currentAddress === "" ? undefined : this.currentAddress;
  }

  /** Powers the module up where needed, attaches, and stays attached until `disconnect`. */
  connect(): void {
    this.modem.connect();
  }

  /** Ends all connections and powers the module down. */
  disconnect(): void {
    this.modem.disconnect();
  }

  /** Frees the serial port. */
  close(): void {
    this.current = Connection.disconnected;
    this.currentAddress = "";
    this.modem.close();
  }

  private follow(state: ModemState): void {
    const { current, currentAddress } = this;
    this.current = connectionOf(state);
    this.currentAddress = this.current === Connection.addressed ? this.modem.address : "";
    if (this.current !== current) this.tell("connection");
    if (this.currentAddress !== currentAddress) this.tell("address");
  }

  private tell(property: "connection" | "address"): void {
    try {
      this.onChanged?.call(this, property);
    } catch (error) {
      this.modem.event("exception", String(error));
    }
  }

  /**
   * Records for `device.network`: `{...records.mqtts, host}` and the like construct clients that
   * run over this interface. The TLS record takes its credentials from the device's store.
   */
  records(credentials: Credentials, secure?: SecureOptions) {
    const modem = this.modem;
    const dns = Object.freeze({ io: NamePassing, modem });
    return Object.freeze({
      tcp: Object.freeze({ dns, socket: Object.freeze({ io: TCP, modem }) }),
      tls: Object.freeze({
        dns,
        socket: Object.freeze({ io: TLSSocket, modem, secure: Object.freeze({ credentials, ...secure }) }),
      }),
    });
  }
}
