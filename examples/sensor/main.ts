import { openPlatform } from "examples/sensor/platform";
import { begin } from "../../hosts/firmware/begin.js";
import type { Host } from "../../hosts/firmware/host.js";
import { everything } from "../../hosts/firmware/products/everything.js";
import type { FlashPartition } from "../../modules/io/flash.js";
import { stationOf, type Sensor } from "./station.js";

/** What is another on each platform: `esp32.ts`, `linux.ts`. */
export interface Platform {
  readonly sensor: Sensor;
  /** Where readings wait, if the platform's host has no flash. */
  readonly flash?: FlashPartition;
}

/** The product that the main modules of the platforms start. */
export default function start(host: Host): void {
  const { sensor, flash } = openPlatform();
  const whole = host.flash === undefined && flash !== undefined ? { ...host, flash } : host;
  begin(whole, { ...everything(), Application: stationOf(sensor) });
}
