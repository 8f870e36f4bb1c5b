/**
 * `setup/network` for Linux: `device.network` over a module on a serial port or a simulated one, for
 * applications and examples of the SDK in place of their own sockets.
 */
import manifestConfig from "mc/config";
import Timer from "timer";
import { moduleTrace, report } from "../moddable/log.js";
import { setupNetwork } from "../moddable/network.js";
import { networkKit } from "../moddable/network-kit.js";
import { storedCredentials } from "../moddable/stored-credentials.js";
import { systemClock } from "../moddable/system-clock.js";
import { moddableTls } from "../moddable/tls-engine.js";
import { entropy } from "./entropy.js";
import type { NetworkConfig } from "./linux-config.js";
import { serialRecord } from "./serial.js";

// The SDK's typings know nothing of what a manifest's `config` holds.
const config = manifestConfig as unknown as NetworkConfig;

export default function setup(done: () => void): void {
  setupNetwork(
    {
      ...networkKit(config.module),
      route: config.route,
      serial: serialRecord(config.device, config.baud),
      timer: Timer,
      clock: systemClock,
      power: {},
      apn: config.apn,
      apnUser: config.apnUser,
      apnPassword: config.apnPassword,
      pin: config.pin,
      timeServer: config.timeServer,
      trace: moduleTrace(),
      credentials: storedCredentials,
      engine: moddableTls(entropy),
      report,
    },
    done,
  );
}
