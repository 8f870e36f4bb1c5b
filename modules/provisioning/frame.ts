import { latin1 } from "../at/line.js";
import { crc32 } from "../buffer/crc.js";
import { sextet } from "../pki/pem-credential.js";

/** Every frame begins so; the character stands nowhere else in one. */
const HASH = 0x23;
const SPACE = 0x20;

/** The checksum as a frame has it: eight digits. */
export function hex32(crc: number): string {
  return (crc >>> 0).toString(16).padStart(8, "0");
}

/** The number that the digits say: decimal, at most nine, no zero in front of others; `undefined`: they say none. */
export function decimal(text: string | undefined): number | undefined {
  const number = Number(text) >>> 0;
  return number < 1e9 && String(number) === text ? number : undefined;
}

/**
 * Finds requests among whatever else a console carries. A request is one line of ASCII,
 * `#>NUMBER VERB ARGUMENTS... CRC`; see docs/provisioning.md.
 */
export class RequestReader {
  /** Mark and number, verb and arguments of the request that was found. */
  fields: readonly string[] = [];
  /** The number of the request that was found. */
  number = 0;
  private readonly line: Uint8Array;
  /** Bytes of the line that is being received, from its `#` on. */
  private length = 0;
  /** Where the last argument ends. */
  private end = 0;

  /** Longer lines than `byteLength`, line end not counted, are passed over. */
  constructor(byteLength: number) {
    this.line = new Uint8Array(byteLength);
  }

  /** Takes `bytes[start, end)` up to the end of a whole request; returns the place behind it, 0: there is none yet. */
  take(bytes: Uint8Array, start: number, end: number): number {
    const line = this.line;
    let length = this.length;
    while (start < end) {
      const c = bytes[start++] ?? 0;
      if (c === HASH) length = 0;
      // What does not begin with a mark, and what is too long, is read on without being kept.
      else if (length === 0 || length > line.length) continue;
      else if (c === 0x0a || c === 0x0d) {
        this.length = 0;
        if (this.parse(length)) return start;
        length = 0;
        continue;
      }
      line[length++] = c;
    }
    this.length = length;
    return 0;
  }

  /**
   * The last argument's bytes, valid until more is taken; none when it is no base64, or not the argument
   * of that place among `fields`. Once.
   */
  payload(place: number): Uint8Array {
    const line = this.line;
    const end = this.end;
    const none = new Uint8Array(0);
    if (this.fields.length !== place + 1) return none;
    let from = line.lastIndexOf(SPACE, end - 1) + 1;
    const begin = from;
    let at = from;
    let held = 0;
    let count = 0;
    // Whole groups of four, the last of which may be padded.
    if ((end - begin) & 3) return none;
    for (; from < end; from++) {
      const c = line[from] ?? 0;
      const isPadding = c === 0x3d; /* = */
      if (isPadding && from > end - 3 && line[end - 1] === c) break;
      const bits = isPadding ? -1 : sextet(c);
      if (bits < 0) return none;
      held = (held << 6) | bits;
      count += 6;
      if (count >= 8) {
        count -= 8;
        line[at++] = held >> count;
      }
    }
    return line.subarray(begin, at);
  }

  private parse(length: number): boolean {
    const line = this.line;
    const text = latin1(line, 0, length);
    const fields = text.split(" ");
    const head = length - 8;
    if (fields.pop() !== hex32(crc32(0, line, 0, head)) || !text.startsWith("#>")) return false;
    const number = decimal(fields[0]?.slice(2));
    if (number === undefined) return false;
    this.end = head - 1;
    this.fields = fields;
    this.number = number;
    return true;
  }
}

/** The line `#<NUMBER TEXT BASE64 CRC`; nothing stands between text and base64, which is left out without bytes. */
export function answerLine(number: number, text: string, bytes: Uint8Array = new Uint8Array(0)): Uint8Array {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const head = `#<${number} ${text}`;
  const length = head.length + Math.ceil(bytes.length / 3) * 4;
  // Padding stands where no character of base64 will.
  const line = new Uint8Array(length + 10).fill(0x3d);
  let at = put(line, 0, head);
  for (let bit = 0; bit < bytes.length * 8; bit += 6) {
    const i = bit >> 3;
    const pair = ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
    line[at++] = alphabet.charCodeAt((pair >> (10 - (bit & 7))) & 63);
  }
  line[length] = SPACE;
  put(line, length + 1, hex32(crc32(0, line, 0, length + 1)) + "\n");
  return line;
}

/** Puts ASCII text at `at`; returns the place behind it. */
function put(line: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) line[at++] = text.charCodeAt(i);
  return at;
}
