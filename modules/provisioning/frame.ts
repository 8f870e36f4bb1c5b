import { latin1 } from "../at/line.js";
import { crc32 } from "../buffer/crc.js";

/** Every frame begins so; the character stands nowhere else in one. */
const HASH = 0x23;
const SPACE = 0x20;

/** The checksum as a frame has it: eight digits. */
export function hex32(crc: number): string {
  return (crc >>> 0).toString(16).padStart(8, "0");
}

/** The six bits that a character of base64 (RFC 4648 §4) stands for; more than 63 when it is none. */
function sixBits(c: number): number {
  if (c >= 0x61) return c <= 0x7a ? c - 71 : 64;
  if (c >= 0x41) return c <= 0x5a ? c - 65 : 64;
  if (c >= 0x30) return c <= 0x39 ? c + 4 : 64;
  return c === 0x2b ? 62 : c === 0x2f ? 63 : 64;
}

/**
 * Finds requests among whatever else a console carries. A request is one line of ASCII,
 * `#>NUMBER VERB ARGUMENTS... CRC`; see docs/provisioning.md.
 */
export class RequestReader {
  /** Number, verb and arguments of the request that was found. */
  fields: readonly string[] = [];
  private readonly line: Uint8Array;
  /** Bytes of the line that is being received, from its `#` on. */
  private length = 0;
  /** Where the last field begins and ends. */
  private from = 0;
  private to = 0;

  /** Longer lines than `byteLength`, line end not counted, are passed over. */
  constructor(byteLength: number) {
    this.line = new Uint8Array(byteLength);
  }

  /** Takes `bytes[start, end)` up to the end of a whole request; returns the place behind it, 0: there is none yet. */
  take(bytes: Uint8Array, start: number, end: number): number {
    const line = this.line;
    while (start < end) {
      const c = bytes[start++] ?? 0;
      if (c === HASH) this.length = 0;
      // What does not begin with a mark, and what is too long, is read on without being kept.
      else if (this.length === 0 || this.length > line.length) continue;
      if (c === 0x0a || c === 0x0d) {
        const length = this.length;
        this.length = 0;
        if (this.parse(length)) return start;
      } else {
        line[this.length] = c;
        this.length++;
      }
    }
    return 0;
  }

  /** The last argument's bytes, valid until more is taken; `undefined` when it is no base64. Once. */
  payload(): Uint8Array | undefined {
    const line = this.line;
    let { from, to } = this;
    const begin = from;
    if ((to - from) & 3) return undefined;
    // Padding carries no bits.
    while (to > from && line[to - 1] === 0x3d && this.to - to < 2) to--;
    let held = 0;
    let count = 0;
    let at = begin;
    for (; from < to; from++) {
      const bits = sixBits(line[from] ?? 0);
      if (bits > 63) return undefined;
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
    const end = length - 8;
    if (
      line[1] !== 0x3e /* > */ ||
      line[end - 1] !== SPACE ||
      latin1(line, end, length) !== hex32(crc32(0, line, 0, end))
    )
      return false;
    this.to = end - 1;
    this.from = line.lastIndexOf(SPACE, end - 2) + 1;
    this.fields = latin1(line, 2, end - 1).split(" ");
    return true;
  }
}

/** The line `#<NUMBER TEXT BASE64 CRC`; nothing stands between text and base64, which is left out without bytes. */
export function answerLine(number: number, text: string, bytes: Uint8Array = new Uint8Array(0)): Uint8Array {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const head = "#<" + String(number) + " " + text;
  const line = new Uint8Array(head.length + Math.ceil(bytes.length / 3) * 4 + 10);
  let at = put(line, 0, head);
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    for (let k = 0; k < 4; k++)
      line[at++] = k > left ? 0x3d : alphabet.charCodeAt((group >> (18 - 6 * k)) & 63);
  }
  line[at++] = SPACE;
  put(line, at, hex32(crc32(0, line, 0, at)) + "\n");
  return line;
}

/** Puts ASCII text at `at`; returns the place behind it. */
function put(line: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) line[at++] = text.charCodeAt(i);
  return at;
}
