import type { Credential } from "../io/credentials.js";

/** Longest beginning of a stored object that must be looked at. */
const HEAD_BYTES = 40;
const INTEGER = 0x02;
const OCTET_STRING = 0x04;
const SEQUENCE = 0x30;
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

const unknown: Envelope = Object.freeze({ kind: "unknown", rsaOffset: 0, rsaLength: 0 });

/**
 * The little that a device must know of a credential before it hands it to the module. Everything
 * else was checked when the credential was stored; `der.ts` does that.
 */
export function envelopeOf(credential: Credential): Envelope {
  const head = new Uint8Array(HEAD_BYTES);
  const length = credential.read(head, 0);
  const first = contents(head, 0);
  if (length < HEAD_BYTES || head[0] !== SEQUENCE) return unknown;
  if (head[first] === SEQUENCE) return { ...unknown, kind: "certificate" };
  const algorithm = first + 3;
  if (head[first] !== INTEGER || head[algorithm] !== SEQUENCE) return unknown;
  const oid = contents(head, algorithm);
  for (let i = 0; i < RSA_OID.length; i++)
    if (head[oid + i] !== RSA_OID.charCodeAt(i)) return { ...unknown, kind: "key" };
  const key = oid + (head[algorithm + 1] ?? 0);
  const rsaOffset = contents(head, key);
  const rsaLength = byteLength(head, key);
  // Attributes may follow the key; what ends before the key does is cut off.
  return head[key] === OCTET_STRING && rsaOffset + rsaLength <= credential.byteLength
    ? { kind: "key", rsaOffset, rsaLength }
    : unknown;
}

/** Where the contents of the object at `at` begin: behind its tag and its length. */
function contents(bytes: Uint8Array, at: number): number {
  const length = bytes[at + 1] ?? 0;
  return at + 2 + (length < 0x80 ? 0 : length & 0x7f);
}

/** Bytes of the contents of the object at `at`. */
function byteLength(bytes: Uint8Array, at: number): number {
  let length = bytes[at + 1] ?? 0;
  if (length < 0x80) return length;
  const end = at + 2 + (length & 0x7f);
  length = 0;
  for (let i = at + 2; i < end; i++) length = length * 256 + (bytes[i] ?? 0);
  return length;
}
