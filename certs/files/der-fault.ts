/**
 * Why bytes that begin as a SEQUENCE are no whole DER object, completing the sentence "its DER ...";
 * `undefined`: they are one, by their outermost length.
 */
export function derFault(bytes: Uint8Array): string | undefined {
  const first = bytes[1];
  if (first === undefined) return "is cut off after its first byte";
  if (first === 0x80) return "has an indefinite length: it is BER, which devices do not read";
  const count = first < 0x80 ? 0 : first & 0x7f;
  if (count > 4) return "has an impossible length";
  if (bytes.length < 2 + count) return "is cut off in its length";
  let length = first & 0x7f;
  if (count > 0) {
    length = 0;
    for (const byte of bytes.subarray(2, 2 + count)) length = length * 256 + byte;
    if (length < (count === 1 ? 0x80 : 256 ** (count - 1)))
      return "has a length of more bytes than it needs: it is BER, which devices do not read";
  }
  const whole = 2 + count + length;
  if (bytes.length < whole) return `is cut off: ${String(bytes.length)} of ${String(whole)} bytes are there`;
  if (bytes.length > whole) {
    const more = bytes.length - whole;
    return `has ${String(more)} ${more === 1 ? "byte" : "bytes"} behind its end`;
  }
  return undefined;
}

/** Whether bytes may be DER that somebody damaged: a SEQUENCE, and no text that happens to begin with the digit 0. */
export function looksLikeDer(bytes: Uint8Array): boolean {
  return bytes[0] === 0x30 && bytes.some(byte => byte >= 0x80 || byte < 9);
}
