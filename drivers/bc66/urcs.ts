/**
 * Reports of the BC66 (Quectel BC66&BC66-NA AT Commands Manual V2.1; format strings of firmware
 * BC66NBR01A10; field logs). Those of its TLS and MQTT come with the parts of the driver that use them.
 */
import type { Urc } from "../../modules/at/command.js";
import type { Line } from "../../modules/at/line.js";
import { failure } from "../../modules/diagnosis/failure.js";
import type { ReportHost } from "../quectel/profile.js";
import { isRegistrationReport, line, urc, type ReportName } from "../quectel/urcs.js";

/** The most frequent first: a report is found by walking down the table. */
export const bc66Urcs: readonly Urc<ReportName>[] = Object.freeze([
  urc("socket", "+QIURC:"),
  urc("opened", "+QIOPEN:"),
  urc("eps", "+CEREG:", isRegistrationReport),
  urc("address", "+IP:"),
  urc("time", "+QNTP:"),
  // The last line of the ROM's boot text: always at 115200 baud, and noise at any other.
  line("boot", "Leaving the BROM"),
  // Comes as soon as the baud rate is known; where that has to be learnt, after the first `AT`.
  line("listening", "RDY"),
  // `+CFUN: 1` and `+CFUN : 1`.
  urc("ignored", "+CFUN"),
  urc("ignored", "+QNBIOTEVENT:"),
  urc("ignored", "+CSCON:"),
  urc("ignored", "+QATWAKEUP"),
  urc("ignored", "+CTZ"),
  urc("ignored", "+CEDRXP:"),
]);

/** `+QIURC: "recv",<id>,"buff full"`, and the odd form `+QIURC: "recv",buff full`, which names no connection. */
export function overflow(report: Line): number | undefined {
  if (!report.is(0, "recv")) return undefined;
  if (report.is(2, "buff full")) return report.int(1);
  return report.is(1, "buff full") ? NaN : undefined;
}

/** The reports that a BC66 alone has. */
export function onReport(modem: ReportHost, name: string, report: Line): boolean {
  const state = modem.state;
  if (name === "socket") {
    const id = overflow(report);
    // What came then is lost: the stream would have a gap.
    if (id !== undefined)
      modem.endSockets(failure("overrun", "AT+QIRD", undefined, "module buffer full"), id);
    return id !== undefined;
  }
  if (name === "listening") {
    // Where the baud rate is learnt, this follows the answer to the first question.
    if (state !== "booting" && state !== "starting") modem.onPowerReport(modem.wished ? "boot" : "ready");
    return true;
  }
  if (name !== "address") return false;
  // The bearer has come up by itself.
  if (state === "activating") modem.hasten();
  else if (state === "online") {
    const address = report.whole();
    // Connections through the earlier one are dead. The other form is that of IPv6.
    if (address !== modem.localAddress && !address.includes(":")) modem.recover("pdp-deactivated");
  }
  return true;
}
