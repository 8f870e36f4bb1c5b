import { Connection, type Cellular, type ConnectionValue } from "../../drivers/quectel/interface.js";

/** What of an interface has changed. */
export type InterfaceProperty = "connection" | "address";

export interface InterfaceOptions {
  /** Comes in a turn of its own, and not after `close`. */
  readonly onChanged?: (this: CellularInterface, property: InterfaceProperty) => void;
  readonly target?: unknown;
}

/** The one modem of a device, and who watches it. */
export class SharedModem {
  readonly cellular: Cellular;
  private readonly views: CellularInterface[] = [];

  /** `make` gets what the modem's `onChanged` has to be. */
  constructor(make: (onChanged: (property: InterfaceProperty) => void) => Cellular) {
    this.cellular = make(property => {
      // A view may be closed, or another made, in a callback.
      this.views.slice().forEach(view => view.changed(property));
    });
  }

  add(view: CellularInterface): void {
    this.views.push(view);
  }

  remove(view: CellularInterface): void {
    const at = this.views.indexOf(view);
    if (at >= 0) this.views.splice(at, 1);
  }
}

/**
 * A network interface as the SDK's are (`embedded:network/interface/wifi`): any number of instances look at
 * the one modem; `close` ends the instance and leaves the modem as it is. After `close` every member
 * throws a `SyntaxError`.
 */
export class CellularInterface {
  target: unknown;
  private shared: SharedModem | undefined;
  private readonly onChanged: InterfaceOptions["onChanged"];

  constructor(options: InterfaceOptions, shared: SharedModem) {
    this.target = options.target;
    this.onChanged = options.onChanged;
    this.shared = shared;
    shared.add(this);
  }

  /** Has the modem go online and stay there. The SDK's setup modules hand over an object; all that there is to set, the device's configuration says. */
  connect(): void {
    this.open.cellular.connect();
  }

  disconnect(): void {
    this.open.cellular.disconnect();
  }

  /** 200 off, 300 on the way, 400 registered, 500 with an address. */
  get connection(): ConnectionValue {
    return this.open.cellular.connection;
  }

  /** Own IPv4 address; `undefined` without one. */
  get address(): string | undefined {
    return this.open.cellular.address;
  }

  close(): void {
    this.shared?.remove(this);
    this.shared = undefined;
  }

  /** For the modem. An exception that left a callback would restart the device. */
  changed(property: InterfaceProperty): void {
    const shared = this.shared;
    if (shared === undefined) return;
    try {
      this.onChanged?.call(this, property);
    } catch (error) {
      shared.cellular.onException(error);
    }
  }

  private get open(): SharedModem {
    if (this.shared === undefined) throw new SyntaxError("closed");
    return this.shared;
  }
}

export { Connection };
