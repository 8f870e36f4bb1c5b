import type { Credential } from "../io/credentials.js";

/** What `sextet` says of a character that stands for nothing: a blank, a line end. */
const BLANK = -1;

/**
 * The DER object in PEM text, decoded each time that it is read: nothing is copied. Reads in order
 * cost one pass over the text; a read before the last one begins again at its begin.
 */
class PemCredential implements Credential {
  readonly byteLength: number;
  private readonly text: Uint8Array;
  private readonly start: number;
  /** Place in the text of a group of four characters, and which byte of the object it begins with. */
  private at: number;
  private byte = 0;

  constructor(text: Uint8Array, start: number, byteLength: number) {
    this.text = text;
    this.start = this.at = start;
    this.byteLength = byteLength;
  }

  read(view: Uint8Array, offset: number): number {
    const rest = this.byteLength - offset;
    const size = rest < view.length ? rest : view.length;
    let count = 0;
    if (offset < this.byte) {
      this.at = this.start;
      this.byte = 0;
    }
    while (count < size) {
      let at = this.at;
      let group = 0;
      for (let held = 0; held < 4;) {
        // Flash can be erased while someone still holds what it held.
        if (at >= this.text.length) return count;
        const value = sextet(this.text[at++] ?? 0);
        if (value === BLANK) continue;
        group = (group << 6) | value;
        held++;
      }
      // Of its three bytes those that are asked for. A read may end inside a group; the next begins there.
      for (let i = offset + count - this.byte; i < 3 && count < size; i++)
        view[count++] = group >> (16 - 8 * i);
      if (offset + count < this.byte + 3) break;
      this.at = at;
      this.byte += 3;
    }
    return count > 0 ? count : 0;
  }
}

/**
 * The object between BEGIN and END of the first block whose label ends with `label` (RFC 7468; what
 * stands before it, and behind it, is passed over). `undefined`: there is none, or it is no base64.
 */
export function pemCredential(text: Uint8Array, label: string): Credential | undefined {
  const start = behind(text, label + "-----");
  const size = text.length;
  let digits = 0;
  let padding = 0;
  for (let at = start; at < size; at++) {
    const char = text[at] ?? 0;
    const value = sextet(char);
    if (char === 0x3d /* = */) padding++;
    else if (char === 0x2d /* - */ && digits > 0 && padding < 3 && (digits + padding) % 4 === 0)
      return new PemCredential(text, start, ((digits + padding) / 4) * 3 - padding);
    else if (value !== BLANK && padding === 0) digits++;
    // No character of base64, or one behind the padding. Blanks are those of text alone.
    else if (value !== BLANK || (char !== 10 && char !== 13 && char !== 32 && char !== 9)) break;
  }
  return undefined;
}

/** Where the first `wanted` ends; the text's end when there is none. */
function behind(text: Uint8Array, wanted: string): number {
  const length = wanted.length;
  for (let at = 0; at + length <= text.length; at++) {
    let same = 0;
    while (same < length && text[at + same] === wanted.charCodeAt(same)) same++;
    if (same === length) return at + length;
  }
  return text.length;
}

/** What a character of base64 stands for; the padding is 0, what is none -1. */
export function sextet(char: number): number {
  if (char >= 0x61 && char <= 0x7a) return char - 71;
  if (char >= 0x41 && char <= 0x5a) return char - 65;
  if (char >= 0x30 && char <= 0x39) return char + 4;
  return char === 0x2b ? 62 : char === 0x2f ? 63 : char === 0x3d ? 0 : BLANK;
}
