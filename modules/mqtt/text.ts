import { refuse } from "./error.js";

/**
 * A topic name (MQTT 3.1.1 §4.7): not empty, no wildcard. Or a topic filter: wildcards fill a
 * whole level, `#` only the last. Characters are checked when it is encoded or decoded.
 */
export function isTopic(text: string, filter: boolean): boolean {
  for (let i = 0; i < text.length; i++) {
    const wildcard = text[i];
    if (wildcard === "+" || wildcard === "#") {
      const next = text[i + 1];
      if (!filter || (i && text[i - 1] !== "/") || (next && (wildcard === "#" || next !== "/"))) return false;
    }
  }
  return text !== "";
}

/** What goes out behind a two-byte length: text as UTF-8, or bytes as they are. */
export type Field = string | ArrayBuffer | Uint8Array;

/**
 * Encodes `text` as UTF-8 at `at`, or only counts when there is no view; returns the position behind it.
 * Throws on what MQTT 3.1.1 §1.5.3 forbids: NUL and halves of a surrogate pair.
 */
function encode(text: string, view: Uint8Array | undefined, at: number): number {
  let previous = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.codePointAt(i) ?? 0;
    // XS indexes strings by code point, other engines by UTF-16 unit: there the second half of a pair comes by itself.
    if (previous > 0xffff && code >= 0xdc00 && code < 0xe000) {
      previous = 0;
      continue;
    }
    if (code === 0 || (code >= 0xd800 && code < 0xe000)) refuse("UTF-8", "character");
    previous = code;
    let shift = code < 0x80 ? 0 : code < 0x800 ? 6 : code < 0x10000 ? 12 : 18;
    // The lead byte's marker is what stays of 0x780 in eight bits.
    if (view) view[at] = shift ? (0x780 >> (shift / 6)) | (code >> shift) : code;
    at++;
    while (shift) {
      shift -= 6;
      if (view) view[at] = 0x80 | ((code >> shift) & 0x3f);
      at++;
    }
  }
  return at;
}

/** Bytes that `putField` needs: two and the content. Throws beyond 65,535 bytes of content. */
export function fieldLength(field: Field): number {
  const length = typeof field === "string" ? encode(field, undefined, 0) : field.byteLength;
  if (length > 65535) refuse("UTF-8", "65535 bytes", "limit");
  return length + 2;
}

/** The remaining length of a PUBLISH; throws when four bytes cannot tell it (§2.2.3). */
export function publishLength(topic: string, qos: number, byteLength: number): number {
  const remaining = fieldLength(topic) + (qos ? 2 : 0) + byteLength;
  if (remaining > 268435455) refuse("PUBLISH", "268435455 bytes", "limit");
  return remaining;
}

/** Writes a field with its length in front; returns the position behind it. */
export function putField(view: Uint8Array, at: number, field: Field): number {
  let end = at + 2;
  if (typeof field === "string") {
    end = encode(field, view, end);
  } else {
    view.set(field instanceof Uint8Array ? field : new Uint8Array(field), end);
    end += field.byteLength;
  }
  putNumber(view, at, end - at - 2);
  return end;
}

/** Writes two bytes, the high one first; returns the position behind them. */
export function putNumber(view: Uint8Array, at: number, value: number): number {
  view[at] = value >> 8;
  view[at + 1] = value;
  return at + 2;
}
