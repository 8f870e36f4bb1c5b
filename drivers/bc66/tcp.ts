/** TCP of the BC66: its commands, and the choice between its two ways of sending. */
import type { SendWay, TcpKind } from "../quectel/socket-kind.js";
import { PROMPT_PAUSE_MS } from "./commands.js";
import { closeTcp, openTcp, receiveTcp, sendTcpByHex, sendTcpByPrompt } from "./commands-tcp.js";
import { breakEven, hexMs, promptMs, type SendFigures } from "./sending.js";

/** The rate where the serial record names none: that of the module as delivered. */
const DEFAULT_BAUD = 115_200;

export const bc66SendFigures: SendFigures = Object.freeze({
  // Field logs: 20 to 40 ms.
  turnMs: 30,
  promptPauseMs: PROMPT_PAUSE_MS,
  // Test commands.
  promptMax: 1_024,
  hexMax: 512,
  // `AT+QISENDEX=0,512,` and CR; `OK` and `SEND OK` with their line ends.
  lineBytes: 36,
});

const byPrompt: SendWay = Object.freeze({ send: sendTcpByPrompt, sendMax: bc66SendFigures.promptMax });
const byHex: SendWay = Object.freeze({ send: sendTcpByHex, sendMax: bc66SendFigures.hexMax });

/** The way that costs less for so many bytes, of which one send by prompt takes at most 1,024. */
export function sendWay(waiting: number, baud: number = DEFAULT_BAUD): SendWay {
  const count = Math.min(waiting, bc66SendFigures.promptMax);
  return hexMs(bc66SendFigures, count, baud) <= promptMs(bc66SendFigures, count, baud) ? byHex : byPrompt;
}

/** `send`, baud rate, from how many bytes on a send goes by prompt; 1,025: never. */
export function sendReport(
  baud: number = DEFAULT_BAUD,
): readonly [name: string, ...values: (string | number)[]] {
  return ["send", baud, breakEven(bc66SendFigures, baud)];
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
