import type { Credential } from "../io/credentials.js";
import { FileChecksum } from "./checksum.js";

/** What stands between BEGIN and END (RFC 7468; the last two are the older forms of OpenSSL). */
export type PemLabel = "CERTIFICATE" | "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY";

/** DER bytes of one full line: 64 columns of base64. */
const LINE_BYTES = 48;

/**
 * PEM text (RFC 7468: 64 columns, LF unless CR LF is asked for) of a stored DER object, made while it
 * is read: one line is all that is held. Whatever line ends the original file had, these are always the same.
 */
export class PemStream {
  /** Bytes of the whole text. */
  readonly byteLength: number;
  /** What a module counts of the text that was read so far. */
  readonly checksum = new FileChecksum();
  private readonly credential: Credential;
  private readonly label: PemLabel;
  private readonly lineEnd: string;
  /** 64 columns, CR and LF. */
  private readonly line = new Uint8Array(66);
  /** The 64 characters of base64, looked up for every six bits. */
  private readonly alphabet = new Uint8Array(64);
  private length: number;
  private used = 0;
  /** DER bytes that are not in lines yet are those from here on. */
  private offset: number;
  private readonly end: number;
  private ended = false;

  /** The text is that of the bytes from `start` up to, not including, `end`, such as a key in its envelope. */
  constructor(
    credential: Credential,
    label: PemLabel,
    start = 0,
    end = credential.byteLength,
    lineEnd: "\n" | "\r\n" = "\n",
  ) {
    const size = end - start;
    const lines = 2 + Math.ceil(size / LINE_BYTES);
    this.lineEnd = lineEnd;
    this.credential = credential;
    this.label = label;
    this.offset = start;
    this.end = end;
    // "-----BEGIN " and "-----END " with the closing dashes are 30 characters.
    this.byteLength = 30 + 2 * label.length + 4 * Math.ceil(size / 3) + lines * lineEnd.length;
    ascii("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", this.alphabet);
    this.length = this.boundary("BEGIN");
  }

  /**
   * Fills `view` with the text that follows; returns how many bytes, less than `view.length` only
   * at the end, where it is 0. An end before `byteLength` bytes means that the credential gave
   * less than its own `byteLength`: then END has not been written either.
   */
  read(view: Uint8Array): number {
    let count = 0;
    while (count < view.length) {
      if (this.used === this.length) {
        this.used = 0;
        this.length = this.next();
        if (this.length === 0) break;
      }
      const end = Math.min(this.length, this.used + view.length - count);
      view.set(this.line.subarray(this.used, end), count);
      count += end - this.used;
      this.used = end;
    }
    this.checksum.update(view, 0, count);
    return count;
  }

  /** Makes the next line; returns its length, 0: there is none. */
  private next(): number {
    const count = Math.min(LINE_BYTES, this.end - this.offset);
    if (count > 0) return this.body(count);
    if (this.ended) return 0;
    this.ended = true;
    return this.boundary("END");
  }

  private boundary(word: string): number {
    return ascii("-----" + word + " " + this.label + "-----" + this.lineEnd, this.line);
  }

  private body(count: number): number {
    const line = this.line;
    const alphabet = this.alphabet;
    // DER goes to the end of the line's buffer: characters, written from its begin, never catch up
    // with bytes that are still to be read (4 for every 3, over a lead of 18).
    let at = line.length - count;
    if (this.credential.read(line.subarray(at), this.offset) !== count) return 0;
    this.offset += count;
    let length = 0;
    for (let held = count; held > 0; held -= 3) {
      // Behind the end of the buffer: zeros, as RFC 4648 pads.
      const group = ((line[at] ?? 0) << 16) | ((line[at + 1] ?? 0) << 8) | (line[at + 2] ?? 0);
      at += 3;
      line[length] = alphabet[group >> 18] ?? 0;
      line[length + 1] = alphabet[(group >> 12) & 63] ?? 0;
      line[length + 2] = held > 1 ? (alphabet[(group >> 6) & 63] ?? 0) : 61;
      line[length + 3] = held > 2 ? (alphabet[group & 63] ?? 0) : 61;
      length += 4;
    }
    if (this.lineEnd.length > 1) line[length++] = 13;
    line[length] = 10;
    return length + 1;
  }
}

/** Puts a text to the begin of `into`; returns its length. */
function ascii(text: string, into: Uint8Array): number {
  const length = text.length;
  for (let i = 0; i < length; i++) into[i] = text.charCodeAt(i);
  return length;
}
