import { begin } from "../../firmware/begin.js";
import type { Host } from "../../firmware/host.js";
import { everything } from "../../firmware/products/everything.js";
import { withRotation } from "../../firmware/rotation.js";
import { withWatchdog } from "../../firmware/watch.js";

/** The firmware as an ESP32 starts it: with credentials on trial kept or taken back, and a watchdog. */
export default function start(host: Host): void {
  begin(withRotation(withWatchdog(host)), everything());
}
