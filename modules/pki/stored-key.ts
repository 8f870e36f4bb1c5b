import type { Credential } from "../io/credentials.js";
import { byteLength, contents } from "./envelope.js";

/** AlgorithmIdentifier of rsaEncryption (RFC 8017): the OID and NULL. */
const RSA = "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
/** id-ecPublicKey (RFC 5480); the curve follows. */
const EC = "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";

/** Bytes that are made, then a stored object. */
class WrappedCredential implements Credential {
  readonly byteLength: number;
  private readonly front: Uint8Array;
  private readonly inner: Credential;

  constructor(front: Uint8Array, inner: Credential) {
    this.front = front;
    this.inner = inner;
    this.byteLength = front.length + inner.byteLength;
  }

  read(view: Uint8Array, offset: number): number {
    const front = this.front.subarray(offset, offset + view.length);
    const count = front.length;
    view.set(front);
    return count < view.length
      ? count + this.inner.read(view.subarray(count), offset + count - this.front.length)
      : count;
  }
}

/**
 * A stored private key as PKCS#8 (RFC 5958): as it is, or in an envelope that is made for the older
 * forms of OpenSSL, PKCS#1 (RFC 8017, A.1.2) and SEC1 (RFC 5915, with its curve). `undefined`: it is
 * none of the three, cut off, or followed by something.
 */
export function keyOf(stored: Credential): Credential | undefined {
  const head = new Uint8Array(24);
  // Any key is longer than this.
  if (stored.read(head, 0) < head.length || head[0] !== 0x30 /* SEQUENCE */) return undefined;
  const first = contents(head, 0);
  const size = stored.byteLength;
  if (first + byteLength(head, 0) !== size || head[first] !== 0x02 /* version */ || head[first + 1] !== 1)
    return undefined;
  const kind = head[first + 3];
  if (kind === 0x30 /* AlgorithmIdentifier */) return stored;
  let algorithm: number[];
  if (kind === 0x02 /* modulus */) algorithm = bytesOf(RSA);
  else if (kind === 0x04 /* the number itself */) {
    // Behind it [0] with the OID of the curve, which OpenSSL never leaves out.
    const curve = new Uint8Array(16);
    const count = stored.read(curve, first + 5 + (head[first + 4] ?? 0));
    const length = curve[1] ?? 0;
    if (curve[0] !== 0xa0 || curve[2] !== 0x06 || curve[3] !== length - 2 || length + 2 > count)
      return undefined;
    algorithm = bytesOf(EC);
    for (let i = 2; i < length + 2; i++) algorithm.push(curve[i] ?? 0);
    algorithm.unshift(0x30, algorithm.length);
  } else return undefined;
  // Version 0, algorithm, and the key in an OCTET STRING.
  const front = [0x02, 0x01, 0x00].concat(algorithm, 0x04, lengthOf(size));
  return new WrappedCredential(Uint8Array.from([0x30].concat(lengthOf(front.length + size), front)), stored);
}

function bytesOf(text: string): number[] {
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) bytes.push(text.charCodeAt(i));
  return bytes;
}

/** A length as DER writes it. No stored object has more than 65535 bytes. */
function lengthOf(length: number): number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}
