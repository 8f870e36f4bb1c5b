import Modules from "modules";
import type { FirmwareConfig } from "../firmware/config.js";
import type { Host } from "../firmware/host.js";
import type { ModuleKit } from "../firmware/product.js";
import { deviceNetwork } from "./device-network.js";
import { Connection } from "./network-interface.js";

/** What of a `config` it needs. */
export type NetworkConfig = Pick<
  FirmwareConfig,
  "module" | "route" | "apn" | "apnUser" | "apnPassword" | "pin" | "timeServer"
>;

/** What of a platform it needs. */
export interface NetworkHost extends Pick<
  Host,
  "serial" | "timer" | "clock" | "power" | "trace" | "credentials" | "tls" | "report"
> {
  readonly config: NetworkConfig;
}

/** `device` as far as it is looked at here. */
interface Device {
  readonly network?: { readonly interface?: object };
}

/**
 * A setup module as the SDK's are: puts `device.network` in place, goes online and then lets the
 * application begin. Should the network come late, so does the application.
 */
export function setupNetwork(host: NetworkHost, kit: ModuleKit, done: () => void): void {
  const { config, serial, timer, clock, power, trace, credentials, report } = host;
  const { route, apn, apnUser, apnPassword, pin, timeServer } = config;
  const about = { route, apn, apnUser, apnPassword, pin, timeServer };
  const network = deviceNetwork(
    { ...kit, ...about, serial, timer, clock, power, trace, credentials, engine: host.tls, report },
    specifier => (Modules.has(specifier) ? Modules.importNow(specifier) : undefined),
  );
  const scope = globalThis as { device?: Device };
  const before = scope.device?.network;
  scope.device = Object.freeze({
    ...scope.device,
    network: Object.freeze({
      ...before,
      ...network,
      interface: { ...before?.interface, ...network.interface },
    }),
  });
  new network.cellular.io({
    onChanged() {
      if (this.connection !== Connection.addressed) return;
      this.close();
      done();
    },
  }).connect();
}
