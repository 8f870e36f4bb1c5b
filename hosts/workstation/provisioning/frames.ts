import { crc32 } from "node:zlib";

/**
 * The lines of docs/provisioning.md as the workstation writes and reads them. Nothing of this is
 * shared with the device's side: each is checked against the other.
 */

/** Bytes of the longest answer; a line without an end does not grow beyond it. */
const MOST_BYTES = 2_048;

const HASH = 0x23;

function checksum(text: string): string {
  return crc32(Buffer.from(text, "latin1")).toString(16).padStart(8, "0");
}

/** One request: `#>NUMBER VERB ARGUMENTS CRC` and a line end. Binary arguments are base64 already. */
export function requestLine(number: number, verb: string, args: readonly string[] = []): string {
  const head = `${["#>" + String(number), verb, ...args].join(" ")} `;
  return `${head}${checksum(head)}\n`;
}

/** Bytes of data that fit into a request of `frame` bytes, line end not counted, beside what else it says. */
export function dataRoom(frame: number, number: number, verb: string, args: readonly string[]): number {
  const rest = requestLine(number, verb, [...args, ""]).length - 1;
  return Math.floor((frame - rest) / 4) * 3;
}

export interface Answer {
  readonly number: number;
  /** `undefined`: done; otherwise why not. */
  readonly refusal?: string;
  readonly values: ReadonlyMap<string, string>;
}

function parse(line: string): Answer | undefined {
  const head = line.slice(0, -8);
  if (!head.endsWith(" ") || line.slice(-8) !== checksum(head)) return undefined;
  const [number = "", result, ...fields] = head.slice(2, -1).split(" ");
  const code = result === "no" ? fields.shift() : undefined;
  if (!/^\d{1,9}$/.test(number) || (result !== "ok" && code === undefined)) return undefined;
  const values = new Map<string, string>();
  for (const field of fields) {
    const end = field.indexOf("=");
    if (end > 0) values.set(field.slice(0, end), field.slice(end + 1));
  }
  return { number: Number(number), values, ...(code === undefined ? undefined : { refusal: code }) };
}

/** Takes answers, and lines that are something else, out of what a console carries. */
export class AnswerReader {
  #line: number[] = [];
  readonly #onAnswer: (answer: Answer) => void;
  readonly #onText: (line: string) => void;

  /** `onText`: a line of the console that is no answer, without its end; a damaged answer too. */
  constructor(onAnswer: (answer: Answer) => void, onText: (line: string) => void = () => undefined) {
    this.#onAnswer = onAnswer;
    this.#onText = onText;
  }

  push(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (byte === 0x0a || byte === 0x0d) this.#end();
      else {
        // Garbage without any line end; an answer that begins in it is kept whole.
        if (byte === HASH && this.#line.length > MOST_BYTES) this.#end();
        this.#line.push(byte);
        if (this.#line.length > 2 * MOST_BYTES) this.#line.splice(0, MOST_BYTES);
      }
    }
  }

  #end(): void {
    const line = Buffer.from(this.#line).toString("latin1");
    this.#line = [];
    // An answer may begin behind half a line: of the device's log, or of an answer that was cut off.
    const at = line.lastIndexOf("#<");
    const answer = at < 0 ? undefined : parse(line.slice(at));
    const text = answer ? line.slice(0, at) : line;
    // What the tool itself said, from a console that echoes, is no text of the device.
    if (text !== "" && !text.startsWith("#>")) this.#onText(text);
    if (answer) this.#onAnswer(answer);
  }
}
