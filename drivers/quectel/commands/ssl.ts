/** Quectel BG96 SSL AT Commands Manual V1.0 and the test answers of a BG95-M3. */
import { command, query } from "../../../modules/at/command.js";
import type { Line } from "../../../modules/at/line.js";

type Setting = readonly [context: number, value: number];
type FileSetting = readonly [context: number, fileName: string];

/** 0 SSL 3.0, 1 TLS 1.0, 2 TLS 1.1, 3 TLS 1.2, 4 any of them. */
export const setVersion = command<Setting>({ text: 'AT+QSSLCFG="sslversion",', timeoutMs: 1_000 });
/** One suite as `0XC02F`, or `0XFFFF` for all. Without quotes: a quoted one is an `ERROR`. */
export const setCipherSuite = command<readonly [context: number, suite: string]>({
  text: 'AT+QSSLCFG="ciphersuite",',
  timeoutMs: 1_000,
  bare: true,
});
/** 0 no verification, 1 the server's certificate, 2 also our own when the server asks. */
export const setSecurityLevel = command<Setting>({ text: 'AT+QSSLCFG="seclevel",', timeoutMs: 1_000 });
/** Name indication: the host of `AT+QSSLOPEN`. Off by default, and shared servers fail then. */
export const setServerName = command<Setting>({ text: 'AT+QSSLCFG="sni",', timeoutMs: 1_000 });
/** Whether the certificate must name the host. Absent on BG96. */
export const setHostCheck = command<Setting>({ text: 'AT+QSSLCFG="checkhost",', timeoutMs: 1_000 });
/** 1 (default): validity dates are not checked. */
export const setIgnoreDates = command<Setting>({ text: 'AT+QSSLCFG="ignorelocaltime",', timeoutMs: 1_000 });
/** Time limit of the handshake in seconds, 10 to 300. */
export const setHandshakeTime = command<Setting>({ text: 'AT+QSSLCFG="negotiatetime",', timeoutMs: 1_000 });
export const setRootFile = command<FileSetting>({ text: 'AT+QSSLCFG="cacert",', timeoutMs: 1_000 });
export const setCertificateFile = command<FileSetting>({
  text: 'AT+QSSLCFG="clientcert",',
  timeoutMs: 1_000,
});
export const setKeyFile = command<FileSetting>({ text: 'AT+QSSLCFG="clientkey",', timeoutMs: 1_000 });

/** Opens a TLS connection in buffer access mode: `OK` at once, `+QSSLOPEN: <id>,<err>` within 150 s and the handshake's limit. */
export const openTls = command<
  readonly [context: number, tlsContext: number, id: number, host: string, port: number, mode: number]
>({ text: "AT+QSSLOPEN=", timeoutMs: 150_000 });

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
  raw: dataLength,
  read: dataLength,
});

/** Frees the id; the timeout in seconds as for `AT+QICLOSE`, 0 closes at once. */
export const closeTls = command<readonly [id: number, timeoutSeconds: number]>({
  text: "AT+QSSLCLOSE=",
  timeoutMs: 75_000,
});
