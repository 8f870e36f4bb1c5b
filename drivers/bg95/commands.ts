/** Commands that the BG95 has and the BC66 has not, or in another form. Quectel BG95 AT Commands Manual V2.0; TCP/IP Application Note V1.1. */
import { command, query } from "../../modules/at/command.js";
import type { Line } from "../../modules/at/line.js";
import { networkTime, registration } from "../quectel/commands/network.js";
import type { AccessPoint, NetworkCommands } from "../quectel/profile.js";

function time(line: Line): number {
  return networkTime(line.text(0));
}

export const bg95Commands: NetworkCommands = Object.freeze<NetworkCommands>({
  // `OK` as soon as the module listens.
  attention: command({ text: "AT", timeoutMs: 1_000 }),
  serialNumber: query<string>({ text: "AT+CGSN", timeoutMs: 1_000, prefix: "", read: line => line.whole() }),
  // 0 minimum, 1 full, 4 radio off. 15 s.
  functionality: command<readonly [fun: number]>({ text: "AT+CFUN=", timeoutMs: 15_000 }),
  restart: command({ text: "AT+CFUN=1,1", timeoutMs: 15_000 }),
  // Normal power down: `OK` at once, then up to 60 s to `POWERED DOWN`.
  powerDown: command({ text: "AT+QPOWD=1", timeoutMs: 1_000 }),
  // The module keeps it over a power cycle.
  accessPoint: context =>
    query<AccessPoint>({
      text: "AT+QICSGP=" + String(context),
      timeoutMs: 1_000,
      prefix: "+QICSGP:",
      read: line => ({ apn: line.text(1), user: line.text(2) }),
    }),
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
    query<string>({
      text: "AT+QIACT?",
      timeoutMs: 150_000,
      prefix: "+QIACT:",
      empty: "",
      read: (line, sofar) => (line.int(0) === context ? line.text(3) : (sofar ?? "")),
    }),
  // Up to 150 s, in which no other command is taken. An active one gives `ERROR`.
  activate: context => command({ text: "AT+QIACT=" + String(context), timeoutMs: 150_000 }),
  // Closes its sockets. 40 s.
  deactivate: context => command({ text: "AT+QIDEACT=" + String(context), timeoutMs: 40_000 }),
  // 0 or 4 on variants and networks without it.
  gprsRegistration: registration("AT+CGREG?", "+CGREG:"),
  // Access technology and operator: `eMTC`, `NBIoT`, `EDGE`, ... 300 ms.
  networkInformation: query<string>({
    text: "AT+QNWINFO",
    timeoutMs: 1_000,
    prefix: "+QNWINFO:",
    read: line => line.text(0),
  }),
  // Local time from the network; `NaN` before the first synchronisation. 300 ms.
  networkClock: query<number>({ text: "AT+QLTS=2", timeoutMs: 1_000, prefix: "+QLTS:", read: time }),
  // Kept over restarts until the supply is cut, so it can hold the time although the network has not
  // told it again. `NaN` while it counts from 1980. 300 ms.
  ownClock: query<number>({
    text: "AT+CCLK?",
    timeoutMs: 1_000,
    prefix: "+CCLK:",
    read: time,
  }),
});
