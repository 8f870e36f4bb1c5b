/** Reports of Quectel's LTE-M and NB-IoT modules (AT Commands Manual, chapter "URC"; application notes). */
import type { Urc } from "../../modules/at/command.js";
import type { Line } from "../../modules/at/line.js";

export type ReportName =
  "boot" | "ready" | "power-down" | "eps" | "gprs" | "socket" | "tls" | "opened" | "time" | "ignored";

/**
 * The answer to a registration query has `<n>` in front (`+CEREG: 2,5,"66C0","1042",8`), the report
 * has not (`+CEREG: 5,"66C0","1042",8`, `+CEREG: 2`): in the report the second field is quoted or missing.
 */
function isRegistrationReport(line: Line): boolean {
  return !line.has(1) || line.quoted(1);
}

function urc(
  name: ReportName,
  prefix: string,
  accept?: (line: Line) => boolean,
  whole?: true,
): Urc<ReportName> {
  return Object.freeze({ name, prefix, accept, whole });
}

function line(name: ReportName, text: string): Urc<ReportName> {
  return urc(name, text, undefined, true);
}

/** The most frequent first: a report is found by walking down the table. */
export const quectelUrcs: readonly Urc<ReportName>[] = Object.freeze([
  urc("socket", "+QIURC:"),
  urc("tls", "+QSSLURC:"),
  urc("opened", "+QIOPEN:"),
  urc("opened", "+QSSLOPEN:"),
  urc("eps", "+CEREG:", isRegistrationReport),
  urc("gprs", "+CGREG:", isRegistrationReport),
  urc("ignored", "+CREG:", isRegistrationReport),
  urc("time", "+QNTP:"),
  line("boot", "RDY"),
  line("ready", "APP RDY"),
  line("power-down", "POWERED DOWN"),
  line("power-down", "NORMAL POWER DOWN"),
  line("power-down", "PSM POWER DOWN"),
  urc("ignored", "+QIND:"),
  urc("ignored", "+CFUN:"),
  urc("ignored", "+QUSIM:"),
  urc("ignored", "+QPSMTIMER:"),
]);
