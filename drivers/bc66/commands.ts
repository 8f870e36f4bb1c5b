/**
 * Commands that the BC66 has in a form of its own. Quectel BC66&BC66-NA AT Commands Manual V2.1; for
 * sockets, of which no manual is published, the test answers and format strings of firmware
 * BC66NBR01A10 and drivers in the field.
 */
import { command, plainCommand, plainQuery } from "../../modules/at/command.js";
import { networkTime } from "../quectel/commands/network.js";
import type { AccessPoint, NetworkCommands } from "../quectel/profile.js";

/** SSL note: from the prompt to the first byte. */
export const PROMPT_PAUSE_MS = 500;

export const bc66Commands: NetworkCommands = Object.freeze<NetworkCommands>({
  // Repeated until the module has learnt the baud rate; drivers in the field do so every 300 ms. In
  // light sleep the first is lost, too.
  attention: command({ text: "AT", timeoutMs: 300, harmless: true }),
  serialNumber: plainQuery<string>("AT+CGSN=1", 1_000, "+CGSN:", line => line.whole()),
  // 0 minimum, 1 full, 4 radio off. 85 s.
  functionality: plainCommand<readonly [fun: number]>("AT+CFUN=", 85_000),
  // At once, without leaving the network; answered by `OK`, or by nothing but the boot text.
  restart: plainCommand("AT+QRST=1", 5_000),
  // Leaves the network first: up to 85 s.
  powerDown: plainCommand("AT+QPOWD=0", 85_000),
  // Light and deep sleep, from which PSM_EINT wakes it.
  sleep: plainCommand("AT+QSCLK=1", 2_000),
  // The context that comes up by itself has the default access point.
  accessPoint: () =>
    plainQuery<AccessPoint>("AT+QCGDEFCONT?", 1_000, "+QCGDEFCONT:", line => ({
      apn: line.text(1),
      user: line.has(2) ? line.text(2) : undefined,
    })),
  // Counts after a restart, and is kept.
  setAccessPoint: command({ text: "AT+QCGDEFCONT=", timeoutMs: 2_000, secret: true }),
  accessPointParameters: (_, apn, user, password) => [
    "IP",
    apn,
    user || undefined,
    user === "" ? undefined : password,
  ],
  // `+CGPADDR: 1,10.0.0.1`, also without the blank; only `OK` when there is none.
  contextAddress: context =>
    plainQuery<string>(
      "AT+CGPADDR=" + String(context),
      2_000,
      "+CGPADDR:",
      (line, sofar) => (line.int(0) === context && !line.is(1, "0.0.0.0") ? line.text(1) : (sofar ?? "")),
      "",
    ),
  // 150 s.
  activate: plainCommand<readonly [context: number]>("AT+CGACT=1,", 150_000),
  deactivate: command<readonly [context: number]>({
    text: "AT+CGACT=0,",
    timeoutMs: 150_000,
    final: "NO CARRIER",
  }),
  // `+QCCLK: 19/05/06,22:10:00+08`, in quarter hours; set by the network.
  networkClock: plainQuery<number>("AT+QCCLK?", 1_000, "+QCCLK:", line => networkTime(line.whole())),
  // `+CCLK: 2019/05/06,22:10:00GMT+2`, in hours.
  ownClock: plainQuery<number>("AT+CCLK?", 1_000, "+CCLK:", line => networkTime(line.whole(), 3_600)),
});
