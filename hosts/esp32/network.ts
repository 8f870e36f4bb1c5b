/**
 * `setup/network` for the ESP32: `device.network` over the module, for applications and examples of the SDK.
 * Verified on no hardware yet; the same runs on Linux. What is wrong with the configuration is reported,
 * and the application does not begin.
 */
import { setupNetwork } from "../moddable/network.js";
import { networkKit } from "../moddable/network-kit.js";
import { openDevice } from "./device.js";

/** What of the configuration is looked at: there is no broker, no topic of ours. */
const MEMBERS = Object.freeze(["module", "route", "apn", "apnUser", "apnPassword", "pin", "timeServer"]);

export default function setup(done: () => void): void {
  const host = openDevice(({ member }) => MEMBERS.includes(member));
  if (host !== undefined) setupNetwork(host, networkKit(host.config.module), done);
}
