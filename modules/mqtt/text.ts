import { exceeds, invalid } from "./error.js";

/** Most bytes of a string or of binary data behind a two-byte length (MQTT 3.1.1 §1.5.3). */
const MAXIMUM_LENGTH = 65535;

/** Code points that become one string at a time: `fromCodePoint` takes them on the stack. */
const PIECE = 16;

/**
 * Encodes `text` as UTF-8 at `at`, or only counts when there is no view; returns the position behind it.
 * Throws on what §1.5.3 forbids: NUL and halves of a surrogate pair.
 */
function encode(text: string, view: Uint8Array | undefined, at: number): number {
  let previous = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.codePointAt(i) ?? 0;
    const half = code >= 0xd800 && code < 0xe000;
    // XS indexes strings by code point, other engines by UTF-16 unit: there the second half of a pair comes by itself.
    if (half && code >= 0xdc00 && previous > 0xffff) {
      previous = 0;
      continue;
    }
    if (half || code === 0) throw invalid("UTF-8", "character");
    previous = code;
    const size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (view) {
      let shift = (size - 1) * 6;
      view[at] = size === 1 ? code : ((0xf00 >> size) & 0xff) | (code >> shift);
      for (let k = 1; k < size; k += 1) {
        shift -= 6;
        view[at + k] = 0x80 | ((code >> shift) & 0x3f);
      }
    }
    at += size;
  }
  return at;
}

/** What goes out behind a two-byte length: text as UTF-8, or bytes as they are. */
export type Field = string | ArrayBuffer | Uint8Array;

/** Bytes that `putField` needs: two and the content. Throws beyond 65,535 bytes of content. */
export function fieldLength(field: Field): number {
  const length = typeof field === "string" ? encode(field, undefined, 0) : field.byteLength;
  if (length > MAXIMUM_LENGTH) throw exceeds("UTF-8", "65535 bytes");
  return length + 2;
}

/** Writes a field with its length in front; returns the position behind it. */
export function putField(view: Uint8Array, at: number, field: Field): number {
  let end;
  if (typeof field === "string") {
    end = encode(field, view, at + 2);
  } else {
    const bytes = field instanceof Uint8Array ? field : new Uint8Array(field);
    view.set(bytes, at + 2);
    end = at + 2 + bytes.length;
  }
  const length = end - at - 2;
  view[at] = length >> 8;
  view[at + 1] = length & 0xff;
  return end;
}

/**
 * Decodes UTF-8 strictly: `undefined` for overlong forms, surrogates, NUL, beyond U+10FFFF or cut short.
 * Works on bytes alone because an engine's own conversion may throw in the middle of a callback.
 */
export function decode(view: Uint8Array, start: number, end: number): string | undefined {
  let text = "";
  const codes: number[] = [];
  while (start < end) {
    let code = view[start] ?? 0;
    start += 1;
    if (code >= 0x80) {
      const more = code >= 0xf0 ? 3 : code >= 0xe0 ? 2 : 1;
      // 0x80..0xC1 never begin a character: continuations and overlong two-byte forms.
      if (code < 0xc2 || code > 0xf4 || start + more > end) return undefined;
      code &= 0x3f >> more;
      for (const stop = start + more; start < stop; start += 1) {
        const next = view[start] ?? 0;
        if ((next & 0xc0) !== 0x80) return undefined;
        code = (code << 6) | (next & 0x3f);
      }
      if (
        more === 2
          ? code < 0x800 || (code >= 0xd800 && code < 0xe000)
          : more === 3 && (code < 0x10000 || code > 0x10ffff)
      )
        return undefined;
    } else if (code === 0) {
      return undefined;
    }
    codes.push(code);
    if (codes.length === PIECE || start === end) {
      text += String.fromCodePoint(...codes);
      codes.length = 0;
    }
  }
  return text;
}
