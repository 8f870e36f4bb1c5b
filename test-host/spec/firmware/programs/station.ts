import { stationOf } from "../../../../examples/sensor/station.js";
import { begin } from "../../../../hosts/firmware/begin.js";
import { everything } from "../../../../hosts/firmware/products/everything.js";
import type { SimulationHost } from "../../../xs/index.js";

/** The example's station, on a simulated device; its sensor is what the configuration says. */
export default function start(host: SimulationHost): void {
  const { volts } = host.config as typeof host.config & { readonly volts?: number };
  const sensor = (): number => {
    if (volts === undefined) throw new Error("no sensor");
    return volts;
  };
  begin(host, { ...everything(), Application: stationOf(sensor) });
}
