import { begin } from "./begin.js";
import type { Host } from "./host.js";
import { everything } from "./products/everything.js";

/**
 * The firmware's entry: the same on an ESP32, on Linux, in the XS host and in Node. It contains
 * every module and route; a product with fewer starts its own (`products/`).
 */
export default function start(host: Host): void {
  begin(host, everything());
}
