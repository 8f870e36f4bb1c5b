import type { Credential } from "../io/credentials.js";
import { byteLength, contents } from "./envelope.js";

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
    const front = this.front;
    let count = 0;
    while (count < view.length && offset < front.length) view[count++] = front[offset++] ?? 0;
    return count + this.inner.read(view.subarray(count), offset - front.length);
  }
}

/**
 * A stored private key as PKCS#8 (RFC 5958): as it is, or in an envelope that is made for the older
 * forms of OpenSSL, PKCS#1 (RFC 8017, A.1.2) and SEC1 (RFC 5915, with its curve). `undefined`: it is
 * none of the three, cut off, or followed by something.
 */
export function keyOf(stored: Credential): Credential | undefined {
  const head = new Uint8Array(24);
  const size = stored.byteLength;
  // Any key is longer than this.
  const first = stored.read(head, 0) === head.length ? contents(head, 0) : 0;
  // A SEQUENCE of this size that begins with a version.
  if (head[0] !== 0x30 || first + byteLength(head, 0) !== size || head[first] !== 2) return undefined;
  const kind = head[first + 3];
  if (kind === 0x30 /* AlgorithmIdentifier */) return stored;
  // rsaEncryption and NULL (RFC 8017).
  let algorithm = "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
  if (kind === 0x04 /* the number of an EC key */) {
    // Behind it [0] with the OID of the curve, which OpenSSL never leaves out.
    const curve = head.slice();
    const count = stored.read(curve, first + 5 + (head[first + 4] ?? 0));
    const end = (curve[1] ?? 0) + 2;
    if (curve[0] !== 0xa0 || curve[2] !== 0x06 || curve[3] !== end - 4 || end > count) return undefined;
    // id-ecPublicKey (RFC 5480), then the curve.
    algorithm = "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
    for (let i = 2; i < end; i++) algorithm += String.fromCharCode(curve[i] ?? 0);
    algorithm = header("\x30", algorithm.length) + algorithm;
  } else if (kind !== 0x02 /* the modulus of an RSA key */) return undefined;
  // Version 0, algorithm, and the key in an OCTET STRING.
  let front = "\x02\x01\0" + algorithm + header("\x04", size);
  front = header("\x30", front.length + size) + front;
  const bytes = new Uint8Array(front.length);
  for (let i = 0; i < front.length; i++) bytes[i] = front.charCodeAt(i);
  return new WrappedCredential(bytes, stored);
}

/** Tag and length as DER writes them. No stored object has more than 65535 bytes. */
function header(tag: string, length: number): string {
  if (length > 0x7f) {
    tag += length > 0xff ? "\x82" + String.fromCharCode(length >> 8) : "\x81";
    length &= 0xff;
  }
  return tag + String.fromCharCode(length);
}
