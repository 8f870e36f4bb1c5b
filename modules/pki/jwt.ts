/** JSON Web Tokens (RFC 7519) in compact form, as far as brokers want them for a password. */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Base64 for URLs without padding (RFC 4648 §5) of `bytes`, at `at` of `into`; returns the position behind it. */
function encode(bytes: Uint8Array, into: Uint8Array, at: number): number {
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    // One byte left over makes two characters, two make three.
    for (let k = 0; k < 4 && k <= left; k++) into[at++] = ALPHABET.charCodeAt((group >> (18 - 6 * k)) & 63);
  }
  return at;
}

/** Bytes of the base64 of so many bytes, without padding. */
function encodedLength(byteLength: number): number {
  return Math.ceil((byteLength * 4) / 3);
}

function ascii(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Puts `second`, encoded, behind `first` and a dot. */
function dotted(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + 1 + encodedLength(second.length));
  whole.set(first);
  whole[first.length] = 0x2e;
  encode(second, whole, first.length + 1);
  return whole;
}

/** Whether the text can stand in a token's claim as it is: printable ASCII without quote and backslash. */
export function isPlainClaim(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x20 || c > 0x7e || c === 0x22 || c === 0x5c) return false;
  }
  return text !== "";
}

/**
 * What is signed: header and claims `iat`, `exp`, `aud`, encoded and joined by a dot. `audience`
 * must be a plain claim; `now` in seconds since 1970.
 */
export function jwtInput(
  algorithm: "ES256" | "RS256",
  audience: string,
  now: number,
  lifetimeS: number,
): Uint8Array {
  const header = ascii('{"alg":"' + algorithm + '","typ":"JWT"}');
  const first = new Uint8Array(encodedLength(header.length));
  encode(header, first, 0);
  return dotted(
    first,
    ascii('{"iat":' + String(now) + ',"exp":' + String(now + lifetimeS) + ',"aud":"' + audience + '"}'),
  );
}

/** The whole token. */
export function withSignature(input: Uint8Array, signature: Uint8Array): Uint8Array {
  return dotted(input, signature);
}
