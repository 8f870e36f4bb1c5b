/** Quectel BG96 SSL AT Commands Manual V1.0 and the test answers of a BG95-M3. */
import { command, plainCommand, query } from "../../../modules/at/command.js";
import type { Line } from "../../../modules/at/line.js";

/**
 * Sets an item of a TLS context:
 *
 *     sslversion       0 SSL 3.0, 1 TLS 1.0, 2 TLS 1.1, 3 TLS 1.2, 4 any of them
 *     seclevel         0 no verification, 1 the server's certificate, 2 also our own when the server asks
 *     sni              1: the host of AT+QSSLOPEN is indicated; off by default, and shared servers fail then
 *     checkhost        1: the certificate must name the host; absent on BG96
 *     ignorelocaltime  1 (default): validity dates are not checked
 *     negotiatetime    limit of the handshake in seconds, 10 to 300
 *     cacert, clientcert, clientkey   file names
 */
export const setTlsItem = plainCommand<
  readonly [item: string, context: number, value: number | string | undefined]
>("AT+QSSLCFG=", 1_000);

/** One suite as `0XC02F`, or `0XFFFF` for all. Without quotes: a quoted one is an `ERROR`. */
export const setCipherSuite = command<readonly [context: number, suite: string]>({
  text: 'AT+QSSLCFG="ciphersuite",',
  timeoutMs: 1_000,
  bare: true,
});

/** Opens a TLS connection in buffer access mode: `OK` at once, `+QSSLOPEN: <id>,<err>` within 150 s and the handshake's limit. */
export const openTls = plainCommand<
  readonly [context: number, tlsContext: number, id: number, host: string, port: number, mode: number]
>("AT+QSSLOPEN=", 150_000);

/** Sends exactly so many bytes (1 to 1460). `SEND FAIL`: the module's buffer is full. 120 s as for TCP. */
export const sendTls = command<readonly [id: number, byteLength: number]>({
  text: "AT+QSSLSEND=",
  timeoutMs: 120_000,
  prompt: ">",
  final: "SEND OK",
});

function dataLength(line: Line): number {
  const count = line.int(0);
  return Number.isNaN(count) ? 0 : count;
}

/** Reads up to so many bytes (1 to 1500; no default). The result is the count that came. */
export const receiveTls = query<number, readonly [id: number, byteLength: number]>({
  text: "AT+QSSLRECV=",
  timeoutMs: 120_000,
  prefix: "+QSSLRECV:",
  tail: 4,
  raw: dataLength,
  read: dataLength,
});
