/**
 * The main module for Linux: the firmware of the device, in the SDK's simulator, with a module on a
 * serial port or a simulated one on a pseudo terminal. Credentials are `data` of the manifest, as
 * on the device. There are no control lines: the module is on, or is switched on by hand.
 */
import manifestConfig from "mc/config";
import Timer from "timer";
import start from "../firmware/products/chosen.js";
import { withUnit } from "../firmware/unit.js";
import { moduleTrace, report } from "../moddable/log.js";
import services from "../moddable/services/chosen.js";
import { storedCredentials } from "../moddable/stored-credentials.js";
import { systemClock } from "../moddable/system-clock.js";
import { entropy, random } from "./entropy.js";
import type { LinuxConfig } from "./linux-config.js";
import { serialRecord } from "./serial.js";

// The SDK's typings know nothing of what a manifest's `config` holds.
const config = manifestConfig as unknown as LinuxConfig;

export default function main(): void {
  const host = withUnit({
    config,
    clock: systemClock,
    trace: moduleTrace(),
    serial: serialRecord(config.device, config.baud),
    timer: Timer,
    random,
    power: {},
    credentials: storedCredentials,
    ...services(storedCredentials, entropy),
    report,
  });
  if (host !== undefined) start(host);
}
