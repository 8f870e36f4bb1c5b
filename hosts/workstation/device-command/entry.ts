import { begin } from "../../firmware/begin.js";
import type { Host } from "../../firmware/host.js";
import { everything } from "../../firmware/products/everything.js";
import { withRotation } from "../../firmware/rotation.js";
import { withUnit } from "../../firmware/unit.js";
import { withWatchdog } from "../../firmware/watch.js";

/** The firmware as an ESP32 starts it: with credentials on trial kept or taken back, a watchdog, and its name in the configuration. */
export default function start(host: Host): void {
  const unit = withUnit(withRotation(withWatchdog(host)));
  if (unit !== undefined) begin(unit, everything());
}
