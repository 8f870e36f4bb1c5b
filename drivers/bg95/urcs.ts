/** Reports of the BG95 (Quectel BG95 AT Commands Manual V2.0, chapter "URC"; application notes). */
import type { Urc } from "../../modules/at/command.js";
import { isRegistrationReport, line, urc, type ReportName } from "../quectel/urcs.js";

/** The most frequent first: a report is found by walking down the table. */
export const bg95Urcs: readonly Urc<ReportName>[] = Object.freeze([
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
