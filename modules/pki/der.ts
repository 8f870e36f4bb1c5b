import type { Credential } from "../io/credentials.js";
import { decode } from "../mqtt/decode.js";

export type KeyAlgorithm = "RSA" | "P-256" | "other";

/** Why an object cannot be used. */
export type DerFault =
  /** No byte is stored. */
  | "empty"
  /** PEM text where DER is needed. */
  | "pem"
  /** The object is longer than what is stored. */
  | "truncated"
  /** Bytes follow the object. */
  | "trailing"
  /** A private key under a password. */
  | "encrypted"
  /** An RSA key in its older form (RFC 8017) without the PKCS#8 envelope. */
  | "pkcs1"
  /** An EC key in its older form (RFC 5915) without the PKCS#8 envelope. */
  | "sec1"
  /** Not DER, or neither a certificate nor a private key. */
  | "malformed";

export interface DerCertificate {
  readonly kind: "certificate";
  /** First and last second of validity, in seconds since 1970-01-01 UTC. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** The subject's common name; empty when there is none, when it is no UTF-8 or longer than 256 bytes. */
  readonly commonName: string;
  readonly algorithm: KeyAlgorithm;
  /** Bits of the public key; 0 for `other`. */
  readonly bits: number;
}

export interface DerKey {
  readonly kind: "key";
  readonly algorithm: KeyAlgorithm;
  /** Bits of the RSA modulus, 256 for P-256, 0 for `other`. */
  readonly bits: number;
  /** Where the key without its envelope lies in the object (RFC 8017 for RSA, RFC 5915 for P-256). */
  readonly innerOffset: number;
  readonly innerLength: number;
}

export interface DerInvalid {
  readonly kind: "invalid";
  readonly fault: DerFault;
}

export type DerObject = DerCertificate | DerKey | DerInvalid;

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OID = 0x06;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const SET = 0x31;
const VERSION = 0xa0;

// Object identifiers by their bytes.
const RSA_ENCRYPTION = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
const EC_PUBLIC_KEY = "\x2a\x86\x48\xce\x3d\x02\x01";
const PRIME256V1 = "\x2a\x86\x48\xce\x3d\x03\x01\x07";
const COMMON_NAME = "\x55\x04\x03";

/** Longest common name that is shown. */
const NAME_LIMIT = 256;

/** A cursor over the objects of DER. Every step says whether it succeeded; nothing throws. */
class Walker {
  readonly source: Credential;
  readonly head = new Uint8Array(16);
  tag = 0;
  /** Contents of the object under the cursor: `start` up to, not including, `end`. */
  start = 0;
  end = 0;

  constructor(source: Credential) {
    this.source = source;
  }

  /** Goes to the object at `at`, which ends at or before `limit` and, if given, has the tag. */
  at(at: number, limit: number, tag?: number): boolean {
    const head = this.head;
    const count = at < limit ? this.source.read(head, at) : 0;
    let length = head[1] ?? 0;
    let start = 2;
    this.tag = head[0] ?? 0;
    // Tags of several bytes appear in no object that is read here.
    if (count < 2 || (this.tag & 0x1f) === 0x1f) return false;
    if (length >= 0x80) {
      start += length & 0x7f;
      // No indefinite length, and nothing of 16 MB or more.
      if (start === 2 || start > 5 || start > count) return false;
      length = 0;
      for (let index = 2; index < start; index++) length = (length << 8) | (head[index] ?? 0);
      if (length < (start === 3 ? 0x80 : 1 << (8 * (start - 3)))) return false;
    }
    this.start = at + start;
    this.end = this.start + length;
    return this.end <= limit && (tag === undefined || tag === this.tag);
  }

  /** Goes to the object behind this one. */
  next(limit: number, tag?: number): boolean {
    return this.at(this.end, limit, tag);
  }

  /** Goes to the first object inside this one. */
  into(tag?: number): boolean {
    return this.at(this.start, this.end, tag);
  }

  /** Goes to the object behind this one; then to what follows, as long as there is something before `limit`. */
  toEnd(limit: number): boolean {
    while (this.end < limit) if (!this.next(limit)) return false;
    return true;
  }

  /** Whether the contents are these bytes (16 at most). */
  holds(bytes: string): boolean {
    const length = this.end - this.start;
    if (length !== bytes.length || this.source.read(this.head, this.start) < length) return false;
    for (let index = 0; index < length; index++)
      if (this.head[index] !== bytes.charCodeAt(index)) return false;
    return true;
  }

  /** Bits of the positive INTEGER under the cursor; 0 when it is none. */
  bits(): number {
    if (this.tag !== INTEGER || this.source.read(this.head, this.start) < 2) return 0;
    const first = this.head[0] ?? 0;
    const top = first === 0 ? (this.head[1] ?? 0) : first;
    // A zero stands in front if, and only if, the number would be negative without.
    if ((first === 0) !== top >= 0x80) return 0;
    return (this.end - this.start - (first === 0 ? 1 : 0)) * 8 - Math.clz32(top) + 24;
  }

  /** AlgorithmIdentifier at `at`; leaves the cursor's end on its end. */
  algorithm(at: number, limit: number): KeyAlgorithm | undefined {
    if (!this.at(at, limit, SEQUENCE)) return undefined;
    const end = this.end;
    let found: KeyAlgorithm | undefined;
    if (this.into(OID)) {
      found = "other";
      if (this.holds(RSA_ENCRYPTION)) found = "RSA";
      else if (this.holds(EC_PUBLIC_KEY) && this.next(end, OID) && this.holds(PRIME256V1)) found = "P-256";
    }
    this.end = end;
    return found;
  }

  /** Seconds since 1970 of the Time under the cursor (RFC 5280, 4.1.2.5); NaN when it is none. */
  seconds(): number {
    const length = this.end - this.start;
    const head = this.head;
    const utc = this.tag === UTC_TIME && length === 13;
    if (!utc && !(this.tag === GENERALIZED_TIME && length === 15)) return NaN;
    if (this.source.read(head, this.start) < length || head[length - 1] !== 0x5a) return NaN;
    // Two digits of a year below 50 are of this century.
    let text = utc ? ((head[0] ?? 0) < 0x35 ? "20" : "19") : "";
    for (let index = 0; index < length - 1; index++) {
      const place = text.length;
      if (place === 4 || place === 7) text += "-";
      else if (place === 10) text += "T";
      else if (place === 13 || place === 16) text += ":";
      text += String.fromCharCode(head[index] ?? 0);
    }
    const date = Date.parse(text + "Z");
    // A day that does not exist comes out as another one.
    return Number.isNaN(date) || new Date(date).toISOString() !== text + ".000Z" ? NaN : date / 1000;
  }

  /** The text under the cursor; empty for a kind of string that is not UTF-8 or ASCII. */
  text(): string {
    const length = this.end - this.start;
    const tag = this.tag;
    if (length > NAME_LIMIT || (tag !== 0x0c && tag !== 0x13 && tag !== 0x16)) return "";
    const bytes = new Uint8Array(length);
    const count = this.source.read(bytes, this.start);
    // Control characters could forge lines of a log.
    for (let index = 0; index < count; index++) {
      const byte = bytes[index] ?? 0;
      if (byte < 32 || byte === 127) bytes[index] = 0x3f;
    }
    return decode(bytes, count) ?? "";
  }

  /** The last common name of the Name under the cursor; `undefined` when the Name is malformed. */
  commonName(): string | undefined {
    const end = this.end;
    let found = "";
    for (let at = this.start; at < end;) {
      if (!this.at(at, end, SET)) return undefined;
      at = this.end;
      if (!this.into(SEQUENCE)) return undefined;
      const last = this.end;
      if (!this.into(OID)) return undefined;
      const wanted = this.holds(COMMON_NAME);
      if (!this.next(last)) return undefined;
      if (wanted) found = this.text();
    }
    this.end = end;
    return found;
  }

  /** Goes to the first INTEGER but for `skip` of the SEQUENCE at `at`, and counts its bits. */
  modulus(at: number, limit: number, skip: boolean): number {
    const found = this.at(at, limit, SEQUENCE) && this.end === limit && this.into();
    return found && (!skip || this.next(limit)) ? this.bits() : 0;
  }
}

function invalid(fault: DerFault): DerInvalid {
  return { kind: "invalid", fault };
}

/** TBSCertificate (RFC 5280, 4.1) under the cursor; `size` is the end of the certificate. */
function readCertificate(walker: Walker, size: number): DerObject | undefined {
  const end = walker.end;
  if (!walker.into() || (walker.tag === VERSION && !walker.next(end)) || walker.tag !== INTEGER)
    return undefined;
  // Signature algorithm, issuer, validity.
  if (!walker.next(end, SEQUENCE) || !walker.next(end, SEQUENCE) || !walker.next(end, SEQUENCE))
    return undefined;
  const validity = walker.end;
  const notBefore = walker.into() ? walker.seconds() : NaN;
  const notAfter = walker.next(validity) && walker.end === validity ? walker.seconds() : NaN;
  if (Number.isNaN(notBefore + notAfter) || !walker.next(end, SEQUENCE)) return undefined;
  const commonName = walker.commonName();
  if (commonName === undefined || !walker.next(end, SEQUENCE)) return undefined;
  const keyEnd = walker.end;
  const algorithm = walker.algorithm(walker.start, keyEnd);
  if (algorithm === undefined || !walker.next(keyEnd, BIT_STRING) || walker.end !== keyEnd) return undefined;
  let bits = 0;
  // The BIT STRING's first byte counts unused bits, of which there are none.
  if (algorithm === "RSA") bits = walker.modulus(walker.start + 1, keyEnd, false);
  // Before two coordinates of 32 bytes a 4: uncompressed.
  else if (algorithm === "P-256" && keyEnd - walker.start === 66) bits = 256;
  if (bits === 0 && algorithm !== "other") return undefined;
  walker.end = keyEnd;
  if (!walker.toEnd(end) || !walker.next(size, SEQUENCE) || !walker.next(size, BIT_STRING)) return undefined;
  return walker.end === size
    ? { kind: "certificate", notBefore, notAfter, commonName, algorithm, bits }
    : undefined;
}

/** What follows the version number of a private key, which is under the cursor. */
function readKey(walker: Walker, size: number): DerObject | undefined {
  const version = walker.end;
  if (!walker.next(size)) return undefined;
  if (walker.tag === INTEGER) return invalid("pkcs1");
  if (walker.tag === OCTET_STRING) return invalid("sec1");
  const algorithm = walker.algorithm(version, size);
  if (algorithm === undefined || !walker.next(size, OCTET_STRING)) return undefined;
  const innerOffset = walker.start;
  const end = walker.end;
  let bits = 0;
  if (algorithm === "RSA") bits = walker.modulus(innerOffset, end, true);
  else if (algorithm === "P-256") {
    // Behind the version an OCTET STRING of 32 bytes, which is no INTEGER.
    walker.modulus(innerOffset, end, true);
    if (walker.tag === OCTET_STRING && walker.end - walker.start === 32) bits = 256;
  }
  if (bits === 0 && algorithm !== "other") return undefined;
  // Attributes may follow (RFC 5958).
  walker.end = end;
  if (!walker.toEnd(size)) return undefined;
  return { kind: "key", algorithm, bits, innerOffset, innerLength: end - innerOffset };
}

/**
 * Tells what a stored object is: an X.509 certificate, a PKCS#8 private key, or why it is neither.
 * Every length is checked against what is stored; nothing throws, whatever the bytes. Signatures,
 * extensions and the arithmetic of keys are not looked at.
 */
export function inspectDer(source: Credential): DerObject {
  const walker = new Walker(source);
  const size = source.byteLength;
  let found: DerObject | undefined;
  if (size === 0) return invalid("empty");
  if (walker.at(0, Infinity, SEQUENCE)) {
    if (walker.end !== size) return invalid(walker.end > size ? "truncated" : "trailing");
    const inside = walker.into();
    const first = walker.start;
    const end = walker.end;
    if (inside && walker.tag === INTEGER) found = readKey(walker, size);
    else if (inside && walker.tag === SEQUENCE) {
      // EncryptedPrivateKeyInfo: an algorithm, then the encrypted bytes and nothing else.
      if (walker.next(size, OCTET_STRING) && walker.end === size) return invalid("encrypted");
      walker.start = first;
      walker.end = end;
      found = readCertificate(walker, size);
    }
  } else if (walker.tag === 0x2d) {
    // "-----BEGIN": no DER object that is known here begins with this byte.
    return invalid("pem");
  } else if (walker.tag === SEQUENCE && size < 6) return invalid("truncated");
  return found ?? invalid("malformed");
}
