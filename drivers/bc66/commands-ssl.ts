/**
 * TLS commands of the BC66. Quectel BC66&BC66-NA SSL Application Note V1.0. What arrives is pushed: there
 * is no command that reads.
 */
import { command, plainCommand, plainQuery, query } from "../../modules/at/command.js";
import { PROMPT_PAUSE_MS } from "./commands.js";

/** Contexts 1 to 3 are taken by the commands; only the first works. */
export const TLS_CONTEXT = 1;

/**
 * Sets an item of a connection. All are lost at a restart and in deep sleep:
 *
 *     seclevel   0 nothing is checked, 1 the server's certificate, 2 also our own is sent
 *     timeout    limit of the handshake in seconds, 10 to 300 (90)
 *     sni        1: the host of AT+QSSLOPEN is indicated; one firmware takes it, another answers ERROR
 */
export const setTlsItem = plainCommand<
  readonly [context: number, connection: number, item: string, value: number]
>("AT+QSSLCFG=", 1_000);

/** The item "seclevel" as it is; 0 after a restart. */
export const securityLevel = plainQuery<
  number,
  readonly [context: number, connection: number, item: "seclevel"]
>("AT+QSSLCFG=", 1_000, "+QSSLCFG:", line => line.int(3));

/**
 * Stores a certificate or key ("cacert", "clientcert", "clientkey") from the prompt up to Ctrl+Z. The
 * result is the count of bytes that the module took: `+QSSLCFG: 1,5,"cacert",1216`. A driver waits up to
 * 20 s; 3,072 bytes take 3 s at 9,600 baud.
 */
export const uploadCredential = query<number, readonly [context: number, connection: number, item: string]>({
  text: "AT+QSSLCFG=",
  timeoutMs: 25_000,
  prefix: "+QSSLCFG:",
  prompt: ">",
  pauseMs: PROMPT_PAUSE_MS,
  terminator: 0x1a,
  read: line => line.int(3),
});

/** Opens a connection, access mode 0: `OK` at once, `+QSSLOPEN: 1,<connection>,<err>` within the item "timeout". */
export const openTls = plainCommand<
  readonly [context: number, connection: number, host: string, port: number, mode: number]
>("AT+QSSLOPEN=", 5_000);

/** Sends exactly so many bytes (1 to 1460): `OK`, later `+QSSLSEND: 1,<connection>,<err>`. */
export const sendTls = command<readonly [context: number, connection: number, byteLength: number]>({
  text: "AT+QSSLSEND=",
  timeoutMs: 10_000,
  prompt: ">",
  pauseMs: PROMPT_PAUSE_MS,
});

/** Closes a connection: `OK`, later `+QSSLCLOSE: 1,<connection>,0`. */
export const closeTls = plainCommand<readonly [context: number, connection: number]>("AT+QSSLCLOSE=", 10_000);
