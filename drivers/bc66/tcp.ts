/** TCP of the BC66: its commands, and the choice between its two ways of sending. */
import type { SocketFacts } from "../quectel/profile.js";
import type { SendWay, TcpKind } from "../quectel/socket-kind.js";
import { PROMPT_PAUSE_MS } from "./commands.js";
import { closeTcp, openTcp, receiveTcp, sendTcpByHex, sendTcpByPrompt } from "./commands-tcp.js";

/** The rate where the serial record names none: that of the module as delivered. */
const DEFAULT_BAUD = 115_200;
/** From a command to its answer. Field logs: 20 to 40 ms. */
const TURN_MS = 30;

// Test commands: the most that each takes.
const byPrompt: SendWay = Object.freeze({ send: sendTcpByPrompt, sendMax: 1_024 });
const byHex: SendWay = Object.freeze({ send: sendTcpByHex, sendMax: 512 });

/**
 * So many bytes cost less as digits: each twice on the wire (10 bits), but without a turn to the prompt
 * and the pause behind it. Beyond 512 a second command costs the turn that was saved, and 36 bytes.
 */
function digitsMax(baud: number): number {
  const bytes = ((PROMPT_PAUSE_MS + TURN_MS) * baud) / 10_000;
  return bytes < 512 ? bytes : Math.max(512, (PROMPT_PAUSE_MS * baud) / 10_000 - 36);
}

/** The way that costs less for so many bytes, of which one send by prompt takes at most 1,024. */
export function sendWay(waiting: number, baud: number = DEFAULT_BAUD): SendWay {
  return Math.min(waiting, 1_024) <= digitsMax(baud) ? byHex : byPrompt;
}

/** `send`, baud rate, from how many bytes on a send goes by prompt; 1,025: never. */
export function sendReport(
  baud: number = DEFAULT_BAUD,
): readonly [name: string, ...values: (string | number)[]] {
  return ["send", baud, Math.floor(Math.min(1_024, digitsMax(baud))) + 1];
}

export const bc66Tcp: TcpKind = Object.freeze<TcpKind>({
  failureKind: "connect",
  openName: "AT+QIOPEN",
  open(channel, context, id, host, port, done) {
    channel.run(openTcp, [context, id, "TCP", host, port, 0, 0], done);
  },
  send: sendTcpByPrompt,
  sendWay,
  receive: receiveTcp,
  receiveDefault: false,
  tellsRest: true,
  refusesTaken: true,
  close: closeTcp,
});

/** The BC66's sockets. */
export const bc66Sockets: SocketFacts = Object.freeze<SocketFacts>({
  tcp: bc66Tcp,
  closes: Object.freeze([closeTcp]),
  sendReport,
});
