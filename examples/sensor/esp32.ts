import Analog from "embedded:io/analog";
import { openDevice } from "../../hosts/esp32/device.js";
import { begin } from "../../hosts/firmware/begin.js";
import { everything } from "../../hosts/firmware/products/everything.js";
import { stationOf } from "./station.js";

/** GPIO 36, ADC 1: the battery over a divider by two. */
const PIN = 36;
const FULL_SCALE = 2 * 3.3;

export default function main(): void {
  const host = openDevice();
  if (host === undefined) return;
  const input = new Analog({ pin: PIN });
  const volts = (): number => (input.read() * FULL_SCALE) / ((1 << input.resolution) - 1);
  begin(host, { ...everything(), Application: stationOf(volts) });
}
