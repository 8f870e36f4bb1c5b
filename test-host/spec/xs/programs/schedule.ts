import type { SimulationHost } from "../../../xs/index.js";

/** The SDK's timer has more than the firmware's narrow shape tells. */
interface WideTimer {
  set(callback: (timer: object) => void, ms: number): object;
  schedule(timer: object, ms: number): void;
}

/** A timer that schedules itself again once. */
export default function start(host: SimulationHost): void {
  const timer = host.timer as unknown as WideTimer;
  let count = 0;
  timer.set(handle => {
    host.report("fired", ++count);
    if (count === 1) timer.schedule(handle, 50);
  }, 5);
}
