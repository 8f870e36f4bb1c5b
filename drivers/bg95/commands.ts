/** Commands that the BG95 has and the BC66 has not, or in another form. Quectel BG95 AT Commands Manual V2.0; TCP/IP Application Note V1.1. */
import { command, plainCommand, plainQuery } from "../../modules/at/command.js";
import type { Line } from "../../modules/at/line.js";
import { networkTime, registration } from "../quectel/commands/network.js";
import type { AccessPoint, NetworkCommands } from "../quectel/profile.js";

function time(line: Line): number {
  return networkTime(line.text(0));
}

export const bg95Commands: NetworkCommands = Object.freeze<NetworkCommands>({
  // `OK` as soon as the module listens.
  attention: plainCommand("AT", 1_000),
  serialNumber: plainQuery<string>("AT+CGSN", 1_000, "", line => line.whole()),
  // 0 minimum, 1 full, 4 radio off. 15 s.
  functionality: plainCommand<readonly [fun: number]>("AT+CFUN=", 15_000),
  restart: plainCommand("AT+CFUN=1,1", 15_000),
  // Normal power down: `OK` at once, then up to 60 s to `POWERED DOWN`.
  powerDown: plainCommand("AT+QPOWD=1", 1_000),
  // The module keeps it over a power cycle.
  accessPoint: context =>
    plainQuery<AccessPoint>("AT+QICSGP=" + String(context), 1_000, "+QICSGP:", line => ({
      apn: line.text(1),
      user: line.text(2),
    })),
  setAccessPoint: command({ text: "AT+QICSGP=", timeoutMs: 1_000, secret: true }),
  // Type 1 IPv4, 3 IPv4 and IPv6; authentication 0 none, 1 PAP, 2 CHAP, 3 either.
  accessPointParameters: (context, apn, user, password) => [
    context,
    1,
    apn,
    user,
    password,
    user === "" ? 0 : 3,
  ],
  // The answer lists all contexts that are active.
  contextAddress: context =>
    plainQuery<string>(
      "AT+QIACT?",
      150_000,
      "+QIACT:",
      (line, sofar) => (line.int(0) === context ? line.text(3) : (sofar ?? "")),
      "",
    ),
  // Up to 150 s, in which no other command is taken. An active one gives `ERROR`.
  activate: plainCommand<readonly [context: number]>("AT+QIACT=", 150_000),
  // Closes its sockets. 40 s.
  deactivate: plainCommand<readonly [context: number]>("AT+QIDEACT=", 40_000),
  // 0 or 4 on variants and networks without it.
  gprsRegistration: registration("AT+CGREG?", "+CGREG:"),
  // Access technology and operator: `eMTC`, `NBIoT`, `EDGE`, ... 300 ms.
  networkInformation: plainQuery<string>("AT+QNWINFO", 1_000, "+QNWINFO:", line => line.text(0)),
  // Local time from the network; `NaN` before the first synchronisation. 300 ms.
  networkClock: plainQuery<number>("AT+QLTS=2", 1_000, "+QLTS:", time),
  // Kept over restarts until the supply is cut, so it can hold the time although the network has not
  // told it again. `NaN` while it counts from 1980. 300 ms.
  ownClock: plainQuery<number>("AT+CCLK?", 1_000, "+CCLK:", time),
});
