/** Takes bytes that a text stands for, each in every way that its digits can be put together. */
export type Sink = (bytes: Uint8Array) => void;

const SHORTEST = 8;

const code = (character: string): number => character.charCodeAt(0);
const [BACKSLASH, COLON, EQUALS] = ["\\", ":", "="].map(code);
const [LETTER_N, LETTER_R, LETTER_T, LETTER_X] = ["n", "r", "t", "x"].map(code);

/** Kinds of characters. */
const OTHER = 255;
const SKIP = 254;

function table(skipped: string, digits: (at: number) => number): Uint8Array {
  const kinds = new Uint8Array(256);
  for (let at = 0; at < 256; at++) kinds[at] = digits(at);
  for (const character of skipped) kinds[code(character)] = SKIP;
  return kinds;
}

const HEX = table(" \t\r\n:,-\"'\\", at => {
  const value = Number.parseInt(String.fromCharCode(at), 16);
  return Number.isNaN(value) ? OTHER : value;
});
const BASE64_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE64 = table(" \t\r\n,\"'\\", at => {
  const character = String.fromCharCode(at);
  if (character === "+" || character === "-") return 62;
  if (character === "/" || character === "_") return 63;
  const value = BASE64_ALPHABET.indexOf(character);
  return value < 0 ? OTHER : value;
});

/** The digits of one run, with room that grows. */
class Run {
  #digits = new Uint8Array(4096);
  length = 0;

  push(digit: number): void {
    if (this.length === this.#digits.length) {
      const larger = new Uint8Array(this.length * 2);
      larger.set(this.#digits);
      this.#digits = larger;
    }
    this.#digits[this.length++] = digit;
  }

  at(index: number): number {
    return this.#digits[index] ?? 0;
  }

  take(): Uint8Array {
    return this.#digits.slice(0, this.length);
  }
}

/** `n` of `\n` in a string literal, which splits what it stands in as a line end does. */
function isEscape(text: Uint8Array, at: number): boolean {
  const letter = text[at];
  return text[at - 1] === BACKSLASH && (letter === LETTER_N || letter === LETTER_R || letter === LETTER_T);
}

/** Digits of 16: with or without separators, `0x`, line ends, and beginning at any of them. */
export function hexForms(text: Uint8Array, sink: Sink): void {
  const run = new Run();
  const end = (): void => {
    for (let first = 0; first < 2 && run.length - first >= 2 * SHORTEST; first++) {
      const bytes = new Uint8Array((run.length - first) >> 1);
      for (let i = 0; i < bytes.length; i++)
        bytes[i] = (run.at(first + 2 * i) << 4) | run.at(first + 2 * i + 1);
      sink(bytes);
    }
    run.length = 0;
  };
  for (let at = 0; at < text.length; at++) {
    const kind = HEX[text[at] ?? 0] ?? OTHER;
    if (kind < 16) run.push(kind);
    else if (kind === SKIP || isEscape(text, at)) continue;
    else if (text[at] === LETTER_X && run.length > 0 && text[at - 1] === code("0")) run.length--;
    else if (text[at] === LETTER_X && text[at - 1] === BACKSLASH) continue;
    else if (run.length > 0) end();
  }
  end();
}

/** Base64 of both alphabets, split in any way and beginning at any of its characters. */
export function base64Forms(text: Uint8Array, sink: Sink): void {
  const run = new Run();
  const end = (): void => {
    for (let first = 0; first < 4 && ((run.length - first) * 3) >> 2 >= SHORTEST; first++) {
      const bytes = new Uint8Array(((run.length - first) * 3) >> 2);
      for (let i = 0; i < bytes.length; i++) {
        const from = first + Math.floor((i * 4) / 3);
        const shift = 2 + 2 * (i % 3);
        bytes[i] = (run.at(from) << shift) | (run.at(from + 1) >> (6 - shift));
      }
      sink(bytes);
    }
    run.length = 0;
  };
  for (let at = 0; at < text.length; at++) {
    const byte = text[at] ?? 0;
    const kind = BASE64[byte] ?? OTHER;
    if (isEscape(text, at)) continue;
    if (kind < 64) run.push(kind);
    else if (kind === OTHER || byte === EQUALS) {
      if (run.length > 0) end();
    }
  }
  end();
}

/** Lists of decimal numbers up to 255, as arrays are shown, with or without their indices. */
export function decimalForms(text: Uint8Array, sink: Sink): void {
  const run = new Run();
  let number = -1;
  const close = (): void => {
    if (number >= 0) run.push(Math.min(number, 255));
    number = -1;
  };
  const end = (): void => {
    if (run.length >= SHORTEST) sink(run.take());
    run.length = 0;
  };
  for (const byte of text) {
    if (byte >= 0x30 && byte <= 0x39) number = Math.min(Math.max(number, 0) * 10 + byte - 0x30, 1_000_000);
    else if (byte === COLON) {
      // It was an index: `"0":48`; between it and the colon there may be a quotation mark.
      if (number < 0 && run.length > 0) run.length--;
      number = -1;
    } else if (
      byte === 0x20 ||
      byte === 0x2c ||
      byte === 0x0a ||
      byte === 0x0d ||
      byte === 0x22 ||
      byte === 0x27
    )
      close();
    else {
      close();
      end();
    }
  }
  close();
  end();
}

/** Text in UTF-16 of either order as the bytes of its characters: what is left without the zeros. */
export function withoutZeros(bytes: Uint8Array): Uint8Array | undefined {
  if (!bytes.includes(0)) return undefined;
  let length = 0;
  const kept = new Uint8Array(bytes.length);
  for (const byte of bytes) if (byte !== 0) kept[length++] = byte;
  return kept.subarray(0, length);
}
