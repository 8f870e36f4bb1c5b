/** What the tables of reports of Quectel's modules are made of. */
import type { Urc } from "../../modules/at/command.js";
import type { Line } from "../../modules/at/line.js";

export type ReportName =
  | "boot"
  | "listening"
  | "ready"
  | "power-down"
  | "eps"
  | "gprs"
  | "socket"
  | "tls"
  | "opened"
  | "address"
  | "time"
  | "ignored";

/**
 * The answer to a registration query has `<n>` in front (`+CEREG: 2,5,"66C0","1042",8`), the report
 * has not (`+CEREG: 5,"66C0","1042",8`, `+CEREG: 2`): in the report the second field is quoted or missing.
 */
export function isRegistrationReport(line: Line): boolean {
  return !line.has(1) || line.quoted(1);
}

export function urc(
  name: ReportName,
  prefix: string,
  accept?: (line: Line) => boolean,
  whole?: true,
): Urc<ReportName> {
  return Object.freeze({ name, prefix, accept, whole });
}

export function line(name: ReportName, text: string): Urc<ReportName> {
  return urc(name, text, undefined, true);
}
