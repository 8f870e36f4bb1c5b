import start from "../../../../hosts/firmware/main.js";
import { withWatchdog } from "../../../../hosts/firmware/watch.js";
import type { SimulationHost } from "../../../xs/index.js";

/** The firmware under its watchdog. Told to, its serial port loses everything, and its timers but that of the watchdog. */
export default function startWatched(host: SimulationHost): void {
  const { timer } = host;
  let stuck = false;
  const held: typeof timer = {
    set: (callback, ms, repeatMs) => timer.set(() => (stuck ? undefined : callback()), ms, repeatMs),
    clear: handle => timer.clear(handle),
  };
  host.listen(() => {
    stuck = true;
  });
  const watched = withWatchdog(host);
  start({ ...watched, timer: held });
}
