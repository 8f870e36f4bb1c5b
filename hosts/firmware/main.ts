import { Application } from "./application.js";
import type { Host } from "./host.js";

/** The firmware's entry: the same on an ESP32, on Linux, in the XS host and in Node. */
export default function start(host: Host): void {
  new Application(host).start();
}
