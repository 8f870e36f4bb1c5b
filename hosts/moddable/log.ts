import { Trace } from "../../modules/at/trace.js";
import type { ReportValue } from "../firmware/host.js";
import { systemClock } from "./system-clock.js";

declare const trace: (text: string) => void;

/** A value as a line shows it: milliseconds and the like without their fractions. */
function shown(value: ReportValue): string {
  if (typeof value === "number") return String(Math.round(value));
  return value === undefined ? "" : String(value);
}

/** A report as a line; values that are missing at its end are left out, others are empty. */
export function reportLine(event: string, values: readonly ReportValue[]): string {
  let count = values.length;
  while (count > 0 && values[count - 1] === undefined) count--;
  return [event].concat(values.slice(0, count).map(shown)).join(" ");
}

/** Reports of the firmware, one line each, to the SDK's console. */
export function report(event: string, ...values: ReportValue[]): void {
  trace(reportLine(event, values) + "\n");
}

/** Lines to and from the module, to the same console. */
export function moduleTrace(): Trace {
  return new Trace(systemClock, (ticks, direction, text) => trace(`${ticks} ${direction} ${text}\n`));
}
