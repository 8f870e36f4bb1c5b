import { Trace } from "../../modules/at/trace.js";
import type { ReportValue } from "../firmware/host.js";
import { systemClock } from "./system-clock.js";

declare const trace: (text: string) => void;

/** Reports of the firmware, one line each, to the SDK's console. */
export function report(event: string, ...values: ReportValue[]): void {
  trace(event + " " + values.join(" ") + "\n");
}

/** Lines to and from the module, to the same console. */
export function moduleTrace(): Trace {
  return new Trace(systemClock, (ticks, direction, text) => trace(`${ticks} ${direction} ${text}\n`));
}
