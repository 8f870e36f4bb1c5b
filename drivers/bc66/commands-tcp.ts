/**
 * TCP commands of the BC66, of which no manual is published: the test answers and format strings of
 * firmware BC66NBR01A10, and drivers in the field.
 */
import { command, plainCommand, query } from "../../modules/at/command.js";
import type { Line } from "../../modules/at/line.js";
import type { CloseCommand } from "../quectel/socket-kind.js";
import { PROMPT_PAUSE_MS } from "./commands.js";

/**
 * Opens a TCP socket from a port of the module's choice, in buffer access mode: `OK` at once,
 * `+QIOPEN: <id>,<err>` later; drivers allow 45 to 75 s. A failed one has to be closed as well.
 */
export const openTcp = plainCommand<
  readonly [context: number, id: number, type: string, host: string, port: number, from: number, mode: number]
>("AT+QIOPEN=", 75_000);

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
