import type { Credential } from "../io/credentials.js";

/** What stands between BEGIN and END (RFC 7468; the last two are the older forms of OpenSSL). */
export type PemLabel = "CERTIFICATE" | "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY";

export type PemLineEnd = "LF" | "CRLF";

/** DER bytes of one full line: 64 columns of base64. */
const LINE_BYTES = 48;
/** 64 columns and CRLF. */
const LINE_BUFFER = 66;

/** The base64 character of a value of six bits. */
function base64(value: number): number {
  if (value < 26) return value + 65;
  if (value < 52) return value + 71;
  if (value < 62) return value - 4;
  return value === 62 ? 43 : 47;
}

/**
 * PEM text (RFC 7468: 64 columns) of a stored DER object, made while it is read: one line of 66
 * bytes is all that is held. Whatever line ends the original file had, these are always the same.
 */
export class PemStream {
  /** Bytes of the whole text. */
  readonly byteLength: number;
  readonly #credential: Credential;
  readonly #label: PemLabel;
  readonly #crlf: boolean;
  readonly #line = new Uint8Array(LINE_BUFFER);
  /** DER bytes that are already in lines; -1 before the first line. */
  #offset = -1;
  #length = 0;
  #used = 0;

  constructor(credential: Credential, label: PemLabel, lineEnd: PemLineEnd = "LF") {
    this.#credential = credential;
    this.#label = label;
    this.#crlf = lineEnd === "CRLF";
    const size = credential.byteLength;
    const lineEnds = (Math.ceil(size / LINE_BYTES) + 2) * (this.#crlf ? 2 : 1);
    // "-----BEGIN " and "-----END " with the closing dashes are 30 characters.
    this.byteLength = 30 + 2 * label.length + 4 * Math.ceil(size / 3) + lineEnds;
  }

  /** Starts from the first byte again. */
  reset(): void {
    this.#offset = -1;
    this.#length = 0;
    this.#used = 0;
  }

  /**
   * Fills `view` with the text that follows; returns how many bytes, less than `view.length` only
   * at the end, where it is 0. An end before `byteLength` bytes means that the credential gave
   * less than its own `byteLength`: then END has not been written either.
   */
  read(view: Uint8Array): number {
    let count = 0;
    while (count < view.length) {
      if (this.#used === this.#length && !this.#next()) break;
      view[count++] = this.#line[this.#used++] ?? 0;
    }
    return count;
  }

  /** Makes the next line; false: there is none. */
  #next(): boolean {
    const size = this.#credential.byteLength;
    this.#length = 0;
    this.#used = 0;
    if (this.#offset > size) return false;
    if (this.#offset < 0) {
      this.#boundary("-----BEGIN ");
      this.#offset = 0;
    } else if (this.#offset === size) {
      this.#boundary("-----END ");
      this.#offset = size + 1;
    } else if (!this.#body(size)) return false;
    if (this.#crlf) this.#line[this.#length++] = 13;
    this.#line[this.#length++] = 10;
    return true;
  }

  #boundary(opening: string): void {
    const text = `${opening}${this.#label}-----`;
    for (let index = 0; index < text.length; index++) this.#line[this.#length++] = text.charCodeAt(index);
  }

  #body(size: number): boolean {
    const rest = size - this.#offset;
    const count = rest < LINE_BYTES ? rest : LINE_BYTES;
    const line = this.#line;
    // DER goes to the end of the line's buffer: characters, written from its begin, never catch up
    // with bytes that are still to be read (4 for every 3, over a lead of 18).
    const from = LINE_BUFFER - count;
    if (this.#credential.read(line.subarray(from), this.#offset) !== count) return false;
    this.#offset += count;
    let length = 0;
    for (let index = 0; index < count; index += 3) {
      const held = count - index;
      const at = from + index;
      const group =
        ((line[at] ?? 0) << 16) |
        (held > 1 ? (line[at + 1] ?? 0) << 8 : 0) |
        (held > 2 ? (line[at + 2] ?? 0) : 0);
      line[length++] = base64(group >> 18);
      line[length++] = base64((group >> 12) & 63);
      line[length++] = held > 1 ? base64((group >> 6) & 63) : 61;
      line[length++] = held > 2 ? base64(group & 63) : 61;
    }
    this.#length = length;
    return true;
  }
}
