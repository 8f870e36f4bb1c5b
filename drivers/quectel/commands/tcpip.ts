/** Quectel BG95 TCP/IP Application Note V1.1, and the commands that the BC66 has in the same form: DNS, time, sending by prompt. */
import { command, plainCommand } from "../../../modules/at/command.js";

/** Resolves a name: `OK` at once, the addresses by `+QIURC: "dnsgip"` within 60 s. */
export const resolveName = plainCommand<readonly [context: number, host: string]>("AT+QIDNSGIP=", 60_000);

/** Asks a time server and sets the module's clock: `OK` at once, the time by `+QNTP:` within 125 s. */
export const askTimeServer = plainCommand<readonly [context: number, server: string]>("AT+QNTP=", 125_000);

/** Sends exactly so many bytes (1 to 1460; BC66: 1024). `SEND FAIL`: the module's buffer is full. 120 s. */
export const sendTcp = command<readonly [id: number, byteLength: number]>({
  text: "AT+QISEND=",
  timeoutMs: 120_000,
  prompt: ">",
  final: "SEND OK",
});
