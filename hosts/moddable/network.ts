import Modules from "modules";
import { deviceNetwork, type NetworkPlatform } from "./device-network.js";
import { Connection } from "./network-interface.js";

/** `device` as far as it is looked at here. */
interface Device {
  readonly network?: { readonly interface?: object };
}

/**
 * A setup module as the SDK's are: puts `device.network` in place, goes online and then lets the
 * application begin. Should the network come late, so does the application.
 */
export function setupNetwork(platform: NetworkPlatform, done: () => void): void {
  const network = deviceNetwork(platform, specifier =>
    Modules.has(specifier) ? Modules.importNow(specifier) : undefined,
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
