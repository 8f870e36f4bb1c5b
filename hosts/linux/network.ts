/**
 * `setup/network` for Linux: `device.network` over a module on a serial port or a simulated one, for
 * applications and examples of the SDK in place of their own sockets.
 */
import manifestConfig from "mc/config";
import Timer from "timer";
import { moduleTrace, report } from "../moddable/log.js";
import { setupNetwork, type NetworkConfig } from "../moddable/network.js";
import { networkKit } from "../moddable/network-kit.js";
import { storedCredentials } from "../moddable/stored-credentials.js";
import { systemClock } from "../moddable/system-clock.js";
import { moddableTls } from "../moddable/tls-engine.js";
import { entropy } from "./entropy.js";
import type { PortConfig } from "./linux-config.js";
import { serialRecord } from "./serial.js";

// The SDK's typings know nothing of what a manifest's `config` holds.
const config = manifestConfig as unknown as NetworkConfig & PortConfig;

export default function setup(done: () => void): void {
  const host = {
    config,
    clock: systemClock,
    trace: moduleTrace(),
    serial: serialRecord(config.device, config.baud),
    timer: Timer,
    power: {},
    credentials: storedCredentials,
    tls: moddableTls(entropy),
    report,
  };
  setupNetwork(host, networkKit(config.module), done);
}
