import { deviceVault } from "../../../../hosts/esp32/vault.js";
import type { SimulationHost } from "../../../xs/index.js";

/** Opens the vault of a device whose partition table may have none. */
export default function start(host: SimulationHost): void {
  host.report("vault", deviceVault(host.report) !== undefined);
}
