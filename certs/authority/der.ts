/** DER of any length: a tag, its length, and the parts that it holds. For the workstation; `modules/pki/csr.ts` has the device's, up to 64 KB. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = [tag];
  if (length < 0x80) head.push(length);
  else {
    const bytes: number[] = [];
    for (let left = length; left > 0; left = Math.floor(left / 256)) bytes.unshift(left % 256);
    head.push(0x80 + bytes.length, ...bytes);
  }
  const whole = new Uint8Array(head.length + length);
  whole.set(head);
  let at = head.length;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const SEQUENCE = 0x30;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const NULL = 0x05;
const OID = 0x06;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;

/** A non-negative INTEGER of bytes, the highest first. */
export function unsigned(bytes: Uint8Array): Uint8Array {
  let from = 0;
  while (from < bytes.length - 1 && bytes[from] === 0) from++;
  const number = bytes.subarray(from);
  // A leading one bit would make it negative.
  return (number[0] ?? 0) & 0x80 ? der(INTEGER, Uint8Array.of(0), number) : der(INTEGER, number);
}

/** A non-negative INTEGER. */
export function integer(value: number | bigint): Uint8Array {
  const digits = value.toString(16);
  return unsigned(Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex"));
}

export function octets(bytes: Uint8Array): Uint8Array {
  return der(OCTET_STRING, bytes);
}

/** A BIT STRING of whole bytes. */
export function bits(bytes: Uint8Array): Uint8Array {
  return der(BIT_STRING, Uint8Array.of(0), bytes);
}

export function nothing(): Uint8Array {
  return der(NULL);
}

/** An OBJECT IDENTIFIER in its dotted form. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...others] = dotted.split(".").map(Number);
  const bytes: number[] = [];
  for (const arc of [first * 40 + second, ...others]) {
    const groups = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift(0x80 + (left % 128));
    bytes.push(...groups);
  }
  return der(OID, Uint8Array.from(bytes));
}

/** Time as RFC 5280, 4.1.2.5 wants it: UTCTime until 2049, GeneralizedTime from 2050; whole seconds. */
export function time(date: Date): Uint8Array {
  const digits = date
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replace(/[-:T]/g, "");
  const year = date.getUTCFullYear();
  return year >= 1950 && year < 2050
    ? der(UTC_TIME, Buffer.from(digits.slice(2)))
    : der(GENERALIZED_TIME, Buffer.from(digits));
}

const ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";
const SHA256_WITH_RSA = "1.2.840.113549.1.1.11";

/** AlgorithmIdentifier of a signature with SHA-256. */
export function signatureAlgorithm(algorithm: "ECDSA" | "RSASSA-PKCS1-v1_5"): Uint8Array {
  return algorithm === "ECDSA"
    ? der(SEQUENCE, oid(ECDSA_WITH_SHA256))
    : der(SEQUENCE, oid(SHA256_WITH_RSA), nothing());
}

/** What stands in a certificate for a signature: ECDSA's r and s as integers, RSA's as it is. */
export function signatureBits(algorithm: "ECDSA" | "RSASSA-PKCS1-v1_5", signature: Uint8Array): Uint8Array {
  if (algorithm !== "ECDSA") return bits(signature);
  const half = signature.length / 2;
  return bits(der(SEQUENCE, unsigned(signature.subarray(0, half)), unsigned(signature.subarray(half))));
}
