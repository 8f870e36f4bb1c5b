import { stationOf } from "../../../../examples/sensor/station.js";
import { begin } from "../../../../hosts/firmware/begin.js";
import { everything } from "../../../../hosts/firmware/products/everything.js";
import type { SimulationHost } from "../../../xs/index.js";

/** The example's station with a sensor that shows the time since the device woke. */
export default function start(host: SimulationHost): void {
  const sensor = (): number => 3.7;
  begin(
    { ...host, sleep: ms => host.report("asleep", ms) },
    { ...everything(), Application: stationOf(sensor) },
  );
}
