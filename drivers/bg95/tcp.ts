/** TCP of the BG95. Quectel BG95 TCP/IP Application Note V1.1. */
import { command, plainCommand, query } from "../../modules/at/command.js";
import type { Line } from "../../modules/at/line.js";
import { closeTls } from "../quectel/commands/ssl-close.js";
import type { SocketFacts } from "../quectel/profile.js";
import type { CloseCommand, TcpKind } from "../quectel/socket-kind.js";

/** Opens a TCP socket in buffer access mode (the default): `OK` at once, `+QIOPEN: <id>,<err>` within 150 s. */
export const openTcp = plainCommand<
  readonly [context: number, id: number, type: string, host: string, port: number]
>("AT+QIOPEN=", 150_000);

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
export const closeTcp: CloseCommand = plainCommand<readonly [id: number, timeoutSeconds: number | undefined]>(
  "AT+QICLOSE=",
  75_000,
);

/** Sends exactly so many bytes (1 to 1460). `SEND FAIL`: the module's buffer is full. 120 s. */
const sendTcp = command<readonly [id: number, byteLength: number]>({
  text: "AT+QISEND=",
  timeoutMs: 120_000,
  prompt: ">",
  final: "SEND OK",
});

const tcp: TcpKind = Object.freeze<TcpKind>({
  failureKind: "connect",
  openName: "AT+QIOPEN",
  open(channel, context, id, host, port, done) {
    channel.run(openTcp, [context, id, "TCP", host, port], done);
  },
  send: sendTcp,
  receive: receiveTcp,
  receiveDefault: true,
  close: closeTcp,
});

/** The BG95's sockets. */
export const bg95Sockets: SocketFacts = Object.freeze<SocketFacts>({
  tcp,
  closes: Object.freeze([closeTcp, closeTls]),
});
