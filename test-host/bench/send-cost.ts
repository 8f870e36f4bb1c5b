/**
 * What a send of the BC66 costs on the serial line, by prompt and as hexadecimal digits in the command:
 * what the driver's rule (`drivers/bc66/tcp.ts`) comes from and is held to.
 */
import { PROMPT_PAUSE_MS } from "../../drivers/bc66/commands.js";

/** What a send costs, in milliseconds and bytes. */
export interface SendFigures {
  /** From a command to its answer. */
  readonly turnMs: number;
  /** Behind the prompt nothing may be sent for so long. */
  readonly promptPauseMs: number;
  /** Most bytes of one send by prompt. */
  readonly promptMax: number;
  /** Most bytes of one send in hexadecimal digits. */
  readonly hexMax: number;
  /** Bytes of a command and its answers without the payload. */
  readonly lineBytes: number;
}

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

/** Milliseconds for one byte: eight bits between a start and a stop bit. */
function byteMs(baud: number): number {
  return 10_000 / baud;
}

/**
 * Milliseconds that so many bytes take by prompt: for each send a turn to the prompt, the pause, and
 * a turn to the result.
 */
export function promptMs(figures: SendFigures, byteLength: number, baud: number): number {
  const sends = Math.ceil(byteLength / figures.promptMax);
  return (
    sends * (2 * figures.turnMs + figures.promptPauseMs) +
    (byteLength + sends * figures.lineBytes) * byteMs(baud)
  );
}

/** Milliseconds that so many bytes take as hexadecimal digits: for each send one turn, and every byte twice. */
export function hexMs(figures: SendFigures, byteLength: number, baud: number): number {
  const sends = Math.ceil(byteLength / figures.hexMax);
  return sends * figures.turnMs + (2 * byteLength + sends * figures.lineBytes) * byteMs(baud);
}

/**
 * The fewest bytes that one send by prompt carries in less time than sends in hexadecimal digits;
 * `promptMax + 1` when there are none.
 */
export function breakEven(figures: SendFigures, baud: number): number {
  const most = figures.promptMax;
  let byteLength = 1;
  while (byteLength <= most && hexMs(figures, byteLength, baud) <= promptMs(figures, byteLength, baud))
    byteLength++;
  return byteLength;
}
