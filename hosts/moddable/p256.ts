import Curve from "curve";
import ECDSA from "ecdsa";
import type { Credential } from "../../modules/io/credentials.js";
import { DerReader } from "../../modules/pki/x509.js";
import { bytesOf, hmacSha256, octets, unsigned } from "./crypto.js";

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const OCTET_STRING = 0x04;

/** Bytes of a coordinate, of a private key, of r and of s. */
const SIZE = 32;

/** The private key in PKCS#8 (RFC 5958, RFC 5915), 32 bytes. */
function privateKey(key: Credential): Uint8Array {
  const outer = new DerReader(bytesOf(key)).into(SEQUENCE);
  outer.next(INTEGER);
  outer.next(SEQUENCE);
  const inner = outer.into(OCTET_STRING).into(SEQUENCE);
  inner.next(INTEGER);
  const found = inner.next(OCTET_STRING).contents;
  if (found.length !== SIZE) throw new Error("not a P-256 key");
  return found;
}

function joined(first: Uint8Array, middle: number, key: Uint8Array, hash: Uint8Array): Uint8Array {
  const whole = new Uint8Array(SIZE + 1 + key.length + hash.length);
  whole.set(first);
  whole[SIZE] = middle;
  whole.set(key, SIZE + 1);
  whole.set(hash, SIZE + 1 + key.length);
  return whole;
}

/** The signature's secret number as RFC 6979, 3.2 makes it of key and hash: no generator that can be foretold has a part in it. */
function secretNumber(key: Uint8Array, hash: bigint, order: bigint): bigint {
  const reduced = octets(hash % order, SIZE);
  const none = new Uint8Array(0);
  let k: Uint8Array = new Uint8Array(SIZE);
  let v: Uint8Array = new Uint8Array(SIZE).fill(1);
  for (let round = 0; round < 2; round++) {
    k = hmacSha256(k, joined(v, round, key, reduced));
    v = hmacSha256(k, v);
  }
  for (;;) {
    v = hmacSha256(k, v);
    const found = unsigned(v);
    if (found > 0n && found < order) return found;
    k = hmacSha256(k, joined(v, 0, none, none));
    v = hmacSha256(k, v);
  }
}

/** ECDSA over P-256 of a SHA-256 hash: r and s, 32 bytes each. */
export function signP256(key: Credential, hash: ArrayBuffer): Uint8Array {
  const scalar = privateKey(key);
  const curve = new Curve("secp256r1");
  // The SDK's class takes its secret number from here; by itself it would ask its own generator,
  // which says the same after each start of Linux.
  curve.k = secretNumber(scalar, unsigned(new Uint8Array(hash)), curve.n);
  return new Uint8Array(new ECDSA(unsigned(scalar), curve).sign(hash));
}

/** r and s as a DER SEQUENCE, as TLS wants them. */
export function derSignature(signature: Uint8Array): Uint8Array {
  const out = new Uint8Array(2 + 2 * (3 + SIZE));
  let at = 2;
  for (let i = 0; i < 2; i++) {
    let number = signature.subarray(i * SIZE, (i + 1) * SIZE);
    while (number.length > 1 && number[0] === 0) number = number.subarray(1);
    // A leading one bit would make it negative.
    const padding = (number[0] ?? 0) >> 7;
    out[at] = INTEGER;
    out[at + 1] = number.length + padding;
    out.set(number, at + 2 + padding);
    at += 2 + padding + number.length;
  }
  out[0] = SEQUENCE;
  out[1] = at - 2;
  return out.subarray(0, at);
}
