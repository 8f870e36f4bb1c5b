/**
 * Commands that the BC66 has in a form of its own. Quectel BC66&BC66-NA AT Commands Manual V2.1; for
 * sockets, of which no manual is published, the test answers and format strings of firmware
 * BC66NBR01A10 and drivers in the field.
 */
import { command, query } from "../../modules/at/command.js";
import type { Line } from "../../modules/at/line.js";
import { networkTime } from "../quectel/commands/network.js";
import type { AccessPoint, NetworkCommands } from "../quectel/profile.js";
import type { CloseCommand } from "../quectel/socket-kind.js";

/** SSL note: from the prompt to the first byte. */
export const PROMPT_PAUSE_MS = 500;

export const bc66Commands: NetworkCommands = Object.freeze<NetworkCommands>({
  // Repeated until the module has learnt the baud rate; drivers in the field do so every 300 ms. In
  // light sleep the first is lost, too.
  attention: command({ text: "AT", timeoutMs: 300, harmless: true }),
  serialNumber: query<string>({
    text: "AT+CGSN=1",
    timeoutMs: 1_000,
    prefix: "+CGSN:",
    read: line => line.whole(),
  }),
  // 0 minimum, 1 full, 4 radio off. 85 s.
  functionality: command<readonly [fun: number]>({ text: "AT+CFUN=", timeoutMs: 85_000 }),
  // At once, without leaving the network; answered by `OK`, or by nothing but the boot text.
  restart: command({ text: "AT+QRST=1", timeoutMs: 5_000 }),
  // Leaves the network first: up to 85 s.
  powerDown: command({ text: "AT+QPOWD=0", timeoutMs: 85_000 }),
  // Light and deep sleep, from which PSM_EINT wakes it.
  sleep: command({ text: "AT+QSCLK=1", timeoutMs: 2_000 }),
  // The context that comes up by itself has the default access point.
  accessPoint: () =>
    query<AccessPoint>({
      text: "AT+QCGDEFCONT?",
      timeoutMs: 1_000,
      prefix: "+QCGDEFCONT:",
      read: line => ({ apn: line.text(1), user: line.has(2) ? line.text(2) : undefined }),
    }),
  // Counts after a restart, and is kept.
  setAccessPoint: command({ text: "AT+QCGDEFCONT=", timeoutMs: 2_000, secret: true }),
  accessPointParameters: (_, apn, user, password) =>
    user === "" ? ["IP", apn] : ["IP", apn, user, password],
  // `+CGPADDR: 1,10.0.0.1`, also without the blank; only `OK` when there is none.
  contextAddress: context =>
    query<string>({
      text: "AT+CGPADDR=" + String(context),
      timeoutMs: 2_000,
      prefix: "+CGPADDR:",
      empty: "",
      read: (line, sofar) =>
        line.int(0) === context && !line.is(1, "0.0.0.0") ? line.text(1) : (sofar ?? ""),
    }),
  // 150 s.
  activate: context => command({ text: "AT+CGACT=1," + String(context), timeoutMs: 150_000 }),
  deactivate: context =>
    command({ text: "AT+CGACT=0," + String(context), timeoutMs: 150_000, final: "NO CARRIER" }),
  // `+QCCLK: 19/05/06,22:10:00+08`, in quarter hours; set by the network.
  networkClock: query<number>({
    text: "AT+QCCLK?",
    timeoutMs: 1_000,
    prefix: "+QCCLK:",
    read: line => networkTime(line.whole()),
  }),
  // `+CCLK: 2019/05/06,22:10:00GMT+2`, in hours.
  ownClock: query<number>({
    text: "AT+CCLK?",
    timeoutMs: 1_000,
    prefix: "+CCLK:",
    read: line => networkTime(line.whole(), 3_600),
  }),
});

/**
 * Opens a TCP socket from a port of the module's choice, in buffer access mode: `OK` at once,
 * `+QIOPEN: <id>,<err>` later; drivers allow 45 to 75 s. A failed one has to be closed as well.
 */
export const openTcp = command<
  readonly [context: number, id: number, type: string, host: string, port: number, from: number, mode: number]
>({ text: "AT+QIOPEN=", timeoutMs: 75_000 });

function dataLength(line: Line): number {
  const count = line.int(0);
  return Number.isNaN(count) ? 0 : count;
}

/**
 * Reads up to so many bytes (1 to 512): `+QIRD: <length>,<rest>` with "showlength" 1, a line end, the
 * data. The result is the rest that the module still holds; 1 where it does not tell, until a read
 * brings nothing.
 */
export const receiveTcp = query<number, readonly [id: number, byteLength: number | undefined]>({
  text: "AT+QIRD=",
  timeoutMs: 10_000,
  prefix: "+QIRD:",
  // The line end that surely follows; whether an empty line does is not documented.
  tail: 2,
  raw: dataLength,
  read: line => (line.has(1) ? line.int(1) : Math.min(1, dataLength(line))),
});

/** Frees the id: `OK`, then `CLOSE OK`, up to 10 s later. Needed after a failed open, too. */
export const closeTcp: CloseCommand = command<readonly [id: number, timeoutSeconds: number | undefined]>({
  text: "AT+QICLOSE=",
  timeoutMs: 10_000,
  final: "CLOSE OK",
});

/**
 * Sends exactly so many bytes (1 to 1024): `OK`, and `SEND OK` when the module has taken them.
 * `SEND FAIL`: its buffer is full. Behind the prompt 500 ms are to pass, says the manual for prompts.
 */
export const sendTcpByPrompt = command<readonly [id: number, byteLength: number]>({
  text: "AT+QISEND=",
  timeoutMs: 120_000,
  prompt: ">",
  pauseMs: PROMPT_PAUSE_MS,
  final: "SEND OK",
});

/** Sends so many bytes (1 to 512) that stand in the command as hexadecimal digits. */
export const sendTcpByHex = command<readonly [id: number, byteLength: number]>({
  text: "AT+QISENDEX=",
  timeoutMs: 120_000,
  hex: true,
  final: "SEND OK",
});
