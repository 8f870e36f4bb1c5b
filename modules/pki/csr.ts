import type { Credential } from "../io/credentials.js";
import type { PrivateKey } from "../io/keys.js";

const SEQUENCE = 0x30;

/** DER: a tag, its length, and the parts that it holds. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (let i = 0; i < parts.length; i++) length += parts[i]?.length ?? 0;
  // Up to 64 KB: one byte of length below 128, or a count of length bytes and those.
  const head = length < 0x80 ? 2 : length < 0x100 ? 3 : 4;
  const whole = new Uint8Array(head + length);
  whole[0] = tag;
  whole[1] = head === 2 ? length : 0x7e + head;
  if (head === 4) whole[2] = length >> 8;
  if (head > 2) whole[head - 1] = length;
  let at = head;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    if (part === undefined) continue;
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** An unsigned INTEGER of bytes, the highest first. */
function integer(bytes: Uint8Array): Uint8Array {
  let from = 0;
  while (from < bytes.length - 1 && bytes[from] === 0) from++;
  const number = bytes.subarray(from);
  // A leading one bit would make it negative.
  return (number[0] ?? 0) & 0x80 ? der(0x02, Uint8Array.of(0), number) : der(0x02, number);
}

/** What is signed of a request: CertificationRequestInfo (RFC 2986, 4.1) for a subject of one common name, UTF-8. */
export function requestInfo(commonName: Uint8Array, key: PrivateKey): Uint8Array {
  // 2.5.4.3, a UTF8String.
  const name = der(SEQUENCE, Uint8Array.of(6, 3, 0x55, 4, 3), der(0x0c, commonName));
  // Version 0; no attributes.
  return der(
    SEQUENCE,
    Uint8Array.of(2, 1, 0),
    der(SEQUENCE, der(0x31, name)),
    key.publicKey,
    Uint8Array.of(0xa0, 0),
  );
}

/** The whole request (PKCS #10, RFC 2986, 4.2) in DER: what was signed, and the signature as the key gave it. */
export function certificationRequest(
  info: Uint8Array,
  algorithm: PrivateKey["algorithm"],
  signature: Uint8Array,
): Uint8Array {
  const isRSA = algorithm === "RS256";
  const half = signature.length >> 1;
  return der(
    SEQUENCE,
    info,
    isRSA
      ? // sha256WithRSAEncryption, NULL.
        der(SEQUENCE, Uint8Array.of(6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 11, 5, 0))
      : // ecdsa-with-SHA256.
        der(SEQUENCE, Uint8Array.of(6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2)),
    der(
      0x03,
      Uint8Array.of(0),
      isRSA
        ? signature
        : der(SEQUENCE, integer(signature.subarray(0, half)), integer(signature.subarray(half))),
    ),
  );
}

/** Steps over DER objects without reading what is in them. */
class Steps {
  /** Where the object begins, where its contents do, and where it ends. */
  from = 0;
  start = 0;
  end = 0;
  tag = 0;
  private readonly source: Credential;
  private readonly head = new Uint8Array(6);

  constructor(source: Credential) {
    this.source = source;
  }

  /** Goes to the object at `at`. */
  to(at: number): void {
    const head = this.head.fill(0);
    this.source.read(head, at);
    const first = head[1] ?? 0;
    const size = 2 + (first < 0x80 ? 0 : first & 0x7f);
    let length = first;
    if (size > 2) length = 0;
    for (let i = 2; i < size; i++) length = length * 256 + (head[i] ?? 0);
    this.tag = head[0] ?? 0;
    this.from = at;
    this.start = at + size;
    this.end = Math.min(this.start + length, this.source.byteLength);
  }
}

/** Whether a certificate, or what is taken for one, is of this key: SubjectPublicKeyInfo in DER, compared byte by byte. */
export function isCertificateOf(certificate: Credential, publicKey: Uint8Array): boolean {
  const steps = new Steps(certificate);
  steps.to(0);
  steps.to(steps.start);
  // The first field of TBSCertificate: a version, if there is any.
  steps.to(steps.start);
  // Serial number, algorithm, issuer, validity, subject.
  for (let left = steps.tag === 0xa0 ? 6 : 5; left > 0; left--) steps.to(steps.end);
  let i = publicKey.length;
  const key = new Uint8Array(i);
  certificate.read(key, steps.from);
  if (steps.end - steps.from !== i) return false;
  while (i > 0 && key[i - 1] === publicKey[i - 1]) i--;
  return i === 0;
}
