/** Quectel BG95 TCP/IP Application Note V1.1: PDP context, DNS, time and TCP sockets in buffer access mode. */
import { command, query, type Command } from "../../../modules/at/command.js";
import type { Line } from "../../../modules/at/line.js";

/** Access point of a context as the module stores it. */
export interface AccessPoint {
  readonly apn: string;
  readonly user: string;
}

/** Reads the access point of a context. The module keeps it over a power cycle. */
export const accessPoint = query<AccessPoint, readonly [context: number]>({
  text: "AT+QICSGP=",
  timeoutMs: 1_000,
  prefix: "+QICSGP:",
  read: line => ({ apn: line.text(1), user: line.text(2) }),
});

/** Sets the access point: type 1 IPv4, 3 IPv4 and IPv6; authentication 0 none, 1 PAP, 2 CHAP, 3 either. */
export const setAccessPoint = command<
  readonly [
    context: number,
    type: number,
    apn: string,
    user: string,
    password: string,
    authentication: number,
  ]
>({ text: "AT+QICSGP=", timeoutMs: 1_000, secret: true });

/** Asks for the address of a context: empty when it is not active. The answer lists all that are. */
export function contextAddress(context: number): Command<string> {
  return query<string>({
    text: "AT+QIACT?",
    timeoutMs: 150_000,
    prefix: "+QIACT:",
    empty: "",
    read: (line, sofar) => (line.int(0) === context ? line.text(3) : (sofar ?? "")),
  });
}

/** Activates a context: up to 150 s, in which no other command is taken. An active one gives `ERROR`. */
export const activateContext = command<readonly [context: number]>({ text: "AT+QIACT=", timeoutMs: 150_000 });

/** Deactivates a context and closes its sockets. 40 s. */
export const deactivateContext = command<readonly [context: number]>({
  text: "AT+QIDEACT=",
  timeoutMs: 40_000,
});

/** Resolves a name: `OK` at once, the addresses by `+QIURC: "dnsgip"` within 60 s. */
export const resolveName = command<readonly [context: number, host: string]>({
  text: "AT+QIDNSGIP=",
  timeoutMs: 60_000,
});

/** Asks a time server and sets the module's clock: `OK` at once, the time by `+QNTP:` within 125 s. */
export const askTimeServer = command<readonly [context: number, server: string]>({
  text: "AT+QNTP=",
  timeoutMs: 125_000,
});

/** Opens a TCP socket in buffer access mode (the default): `OK` at once, `+QIOPEN: <id>,<err>` within 150 s. */
export const openTcp = command<
  readonly [context: number, id: number, type: string, host: string, port: number]
>({
  text: "AT+QIOPEN=",
  timeoutMs: 150_000,
});

/** Sends exactly so many bytes (1 to 1460). `SEND FAIL`: the module's buffer is full. 120 s. */
export const sendTcp = command<readonly [id: number, byteLength: number]>({
  text: "AT+QISEND=",
  timeoutMs: 120_000,
  prompt: ">",
  final: "SEND OK",
});

function dataLength(line: Line): number {
  const count = line.int(0);
  return Number.isNaN(count) ? 0 : count;
}

/** Reads up to so many bytes (1 to 1500, which is the default). The result is the count that came. 120 s. */
export const receiveTcp = query<number, readonly [id: number, byteLength: number | undefined]>({
  text: "AT+QIRD=",
  timeoutMs: 120_000,
  prefix: "+QIRD:",
  tail: 4,
  raw: dataLength,
  read: dataLength,
});

/** Frees the id; waits so many seconds for the other side's FIN, in which no other command is taken. */
export const closeTcp = command<readonly [id: number, timeoutSeconds: number]>({
  text: "AT+QICLOSE=",
  timeoutMs: 75_000,
});
