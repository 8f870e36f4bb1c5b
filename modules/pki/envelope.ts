import type { Credential } from "../io/credentials.js";

/** rsaEncryption (RFC 8017), with its tag and length. */
const RSA_OID = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";

/** What a stored DER object is by its first bytes, and where an RSA key lies in its envelope. */
export interface Envelope {
  /** A certificate begins with a SEQUENCE in a SEQUENCE, a PKCS#8 key with its version. */
  readonly kind: "certificate" | "key" | "unknown";
  /** RSA: where the key without its envelope (RFC 8017) begins, and its length; 0 for other keys. */
  readonly rsaOffset: number;
  readonly rsaLength: number;
}

/**
 * The little that a device must know of a credential before it hands it to the module. Everything
 * else was checked when the credential was stored; `der.ts` does that.
 */
export function envelopeOf(credential: Credential): Envelope {
  // As much of its beginning as may have to be looked at.
  const head = new Uint8Array(40);
  const first = credential.read(head, 0) === head.length ? contents(head, 0) : 0;
  // What was cut off in the store would reach the module, whose code for it tells nothing.
  const whole = head[0] === 0x30 /* SEQUENCE */ && first + byteLength(head, 0) === credential.byteLength;
  const algorithm = first + 3;
  const oid = contents(head, algorithm);
  const key = oid + (head[algorithm + 1] ?? 0);
  let kind: Envelope["kind"] = "unknown";
  let rsaOffset = 0;
  let rsaLength = 0;
  if (whole && head[first] === 0x30 /* SEQUENCE */) kind = "certificate";
  else if (whole && head[first] === 0x02 /* INTEGER */ && head[algorithm] === 0x30) {
    kind = "key";
    let i = 0;
    while (i < RSA_OID.length && head[oid + i] === RSA_OID.charCodeAt(i)) i++;
    if (i === RSA_OID.length) {
      rsaOffset = contents(head, key);
      rsaLength = byteLength(head, key);
      // Attributes may follow the key; what ends before the key does is cut off.
      if (head[key] !== 0x04 /* OCTET STRING */ || rsaOffset + rsaLength > credential.byteLength)
        kind = "unknown";
    }
  }
  return { kind, rsaOffset, rsaLength };
}

/** Where the contents of the object at `at` begin: behind its tag and its length. */
export function contents(bytes: Uint8Array, at: number): number {
  const length = bytes[at + 1] ?? 0;
  return at + 2 + (length < 0x80 ? 0 : length & 0x7f);
}

/** Bytes of the contents of the object at `at`. */
export function byteLength(bytes: Uint8Array, at: number): number {
  let length = bytes[at + 1] ?? 0;
  if (length < 0x80) return length;
  const end = at + 2 + (length & 0x7f);
  length = 0;
  for (let i = at + 2; i < end; i++) length = length * 256 + (bytes[i] ?? 0);
  return length;
}
