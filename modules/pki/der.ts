import type { Credential } from "../io/credentials.js";

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

const RSA_ENCRYPTION: readonly number[] = Object.freeze([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]);
const EC_PUBLIC_KEY: readonly number[] = Object.freeze([0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]);
const PRIME256V1: readonly number[] = Object.freeze([0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
const COMMON_NAME: readonly number[] = Object.freeze([0x55, 4, 3]);

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
    if (count < 2) return false;
    this.tag = head[0] ?? 0;
    let length = head[1] ?? 0;
    let start = 2;
    // Tags of several bytes appear in no object that is read here.
    if ((this.tag & 0x1f) === 0x1f) return false;
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

  /** Whether the contents are these bytes (16 at most). */
  holds(bytes: readonly number[]): boolean {
    const length = this.end - this.start;
    if (length !== bytes.length || this.source.read(this.head, this.start) < length) return false;
    for (let index = 0; index < length; index++) if (this.head[index] !== bytes[index]) return false;
    return true;
  }

  /** Bits of the positive INTEGER under the cursor; 0 when it is none. */
  bits(): number {
    let length = this.end - this.start;
    if (this.tag !== INTEGER || length === 0 || this.source.read(this.head, this.start) < 1) return 0;
    const first = this.head[0] ?? 0;
    const second = this.head[1] ?? 0;
    if (first >= 0x80 || (first === 0 && second < 0x80)) return 0;
    const top = first === 0 ? second : first;
    if (first === 0) length--;
    return length * 8 - Math.clz32(top) + 24;
  }

  /** AlgorithmIdentifier at `at`; leaves the cursor on it. */
  algorithm(at: number, limit: number): KeyAlgorithm | undefined {
    if (!this.at(at, limit, SEQUENCE)) return undefined;
    const start = this.start;
    const end = this.end;
    let found: KeyAlgorithm = "other";
    if (!this.into(OID)) return undefined;
    if (this.holds(RSA_ENCRYPTION)) found = "RSA";
    else if (this.holds(EC_PUBLIC_KEY) && this.next(end, OID) && this.holds(PRIME256V1)) found = "P-256";
    this.start = start;
    this.end = end;
    return found;
  }

  /** Seconds since 1970 of the Time under the cursor (RFC 5280, 4.1.2.5); NaN when it is none. */
  seconds(): number {
    const digits = this.tag === UTC_TIME ? 12 : this.tag === GENERALIZED_TIME ? 14 : -1;
    const length = this.end - this.start;
    if (length !== digits + 1 || this.source.read(this.head, this.start) < length) return NaN;
    if (this.head[digits] !== 0x5a) return NaN;
    const year = digits === 14 ? this.pair(0) * 100 + this.pair(2) : this.pair(0);
    const from = digits - 10;
    const day = this.pair(from + 2);
    const hour = this.pair(from + 4);
    const minute = this.pair(from + 6);
    const second = this.pair(from + 8);
    const full = digits === 14 ? year : year < 50 ? 2000 + year : 1900 + year;
    const date = Date.UTC(full, this.pair(from) - 1, day, hour, minute, second);
    // A date that does not exist comes out as another one.
    const back = new Date(date);
    if (back.getUTCMonth() !== this.pair(from) - 1 || back.getUTCDate() !== day) return NaN;
    return hour < 24 && minute < 60 && second < 60 ? date / 1000 : NaN;
  }

  pair(at: number): number {
    const high = (this.head[at] ?? 0) - 48;
    const low = (this.head[at + 1] ?? 0) - 48;
    return high >= 0 && high < 10 && low >= 0 && low < 10 ? high * 10 + low : NaN;
  }

  /** The text under the cursor; empty for a kind of string that is not UTF-8 or ASCII. */
  text(): string {
    const length = this.end - this.start;
    if (length > NAME_LIMIT || (this.tag !== 0x0c && this.tag !== 0x13 && this.tag !== 0x16)) return "";
    const bytes = new Uint8Array(length);
    if (this.source.read(bytes, this.start) < length) return "";
    let escaped = "";
    // Control characters could forge lines of a log.
    for (const byte of bytes)
      escaped += byte < 32 || byte === 127 ? "?" : "%" + byte.toString(16).padStart(2, "0");
    try {
      return decodeURIComponent(escaped);
    } catch {
      return "";
    }
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
}

function invalid(fault: DerFault): DerInvalid {
  return { kind: "invalid", fault };
}

/** TBSCertificate (RFC 5280, 4.1) under the cursor; `size` is the end of the certificate. */
function readCertificate(walker: Walker, size: number): DerObject {
  const malformed = invalid("malformed");
  const end = walker.end;
  if (!walker.into()) return malformed;
  if (walker.tag === VERSION && !walker.next(end)) return malformed;
  if (walker.tag !== INTEGER) return malformed;
  // Signature algorithm, issuer, validity.
  if (!walker.next(end, SEQUENCE) || !walker.next(end, SEQUENCE) || !walker.next(end, SEQUENCE))
    return malformed;
  const validity = walker.end;
  if (!walker.into()) return malformed;
  const notBefore = walker.seconds();
  if (!walker.next(validity) || walker.end !== validity) return malformed;
  const notAfter = walker.seconds();
  if (Number.isNaN(notBefore + notAfter) || !walker.next(end, SEQUENCE)) return malformed;
  const commonName = walker.commonName();
  if (commonName === undefined || !walker.next(end, SEQUENCE)) return malformed;
  const keyEnd = walker.end;
  const algorithm = walker.algorithm(walker.start, keyEnd);
  if (algorithm === undefined || !walker.next(keyEnd, BIT_STRING) || walker.end !== keyEnd) return malformed;
  let bits = 0;
  if (algorithm === "RSA") {
    // The BIT STRING's first byte counts unused bits, of which there are none.
    if (!walker.at(walker.start + 1, keyEnd, SEQUENCE) || !walker.into()) return malformed;
    bits = walker.bits();
    if (bits === 0) return malformed;
  } else if (algorithm === "P-256") {
    // Unused bits, 4 (uncompressed), two coordinates of 32 bytes.
    if (walker.end - walker.start !== 66) return malformed;
    bits = 256;
  }
  walker.end = keyEnd;
  while (walker.end < end) if (!walker.next(end)) return malformed;
  if (!walker.next(size, SEQUENCE) || !walker.next(size, BIT_STRING) || walker.end !== size) return malformed;
  return { kind: "certificate", notBefore, notAfter, commonName, algorithm, bits };
}

/** What follows the version number of a private key, which is under the cursor. */
function readKey(walker: Walker, size: number): DerObject {
  const version = walker.end;
  if (!walker.next(size)) return invalid("malformed");
  if (walker.tag === INTEGER) return invalid("pkcs1");
  if (walker.tag === OCTET_STRING) return invalid("sec1");
  const algorithm = walker.algorithm(version, size);
  if (algorithm === undefined || !walker.next(size, OCTET_STRING)) return invalid("malformed");
  const innerOffset = walker.start;
  const end = walker.end;
  let bits = 0;
  if (algorithm !== "other") {
    if (!walker.into(SEQUENCE) || walker.end !== end || !walker.into(INTEGER)) return invalid("malformed");
    if (!walker.next(end)) return invalid("malformed");
    if (algorithm === "RSA") bits = walker.bits();
    else if (walker.tag === OCTET_STRING && walker.end - walker.start === 32) bits = 256;
    if (bits === 0) return invalid("malformed");
  }
  // Attributes may follow (RFC 5958).
  walker.end = end;
  while (walker.end < size) if (!walker.next(size)) return invalid("malformed");
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
  if (size === 0) return invalid("empty");
  const whole = walker.at(0, Infinity, SEQUENCE);
  // "-----BEGIN": no DER object that is known here begins with this byte.
  if (walker.tag === 0x2d) return invalid("pem");
  if (!whole) return invalid(walker.tag === SEQUENCE && size < 6 ? "truncated" : "malformed");
  if (walker.end !== size) return invalid(walker.end > size ? "truncated" : "trailing");
  if (!walker.into()) return invalid("malformed");
  if (walker.tag === INTEGER) return readKey(walker, size);
  if (walker.tag !== SEQUENCE) return invalid("malformed");
  // EncryptedPrivateKeyInfo: an algorithm, then the encrypted bytes and nothing else.
  const first = walker.start;
  const end = walker.end;
  if (walker.next(size, OCTET_STRING) && walker.end === size) return invalid("encrypted");
  walker.start = first;
  walker.end = end;
  return readCertificate(walker, size);
}
