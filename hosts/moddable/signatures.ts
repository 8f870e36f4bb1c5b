import Curve from "curve";
import ECDSA from "ecdsa";
import ECPoint from "ecp";
import RSA from "rsa";
import { DerReader, type Certificate } from "../../modules/pki/x509.js";
import { sha2, unsigned } from "./crypto.js";

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OID = 0x06;

// Object identifiers by their bytes.
const RSA_KEY = "42,134,72,134,247,13,1,1,1";
const EC_KEY = "42,134,72,206,61,2,1";
const P256 = "42,134,72,206,61,3,1,7";
const P384 = "43,129,4,0,34";
/** sha256/384/512WithRSAEncryption: the last byte is 11, 12, 13. */
const SHA2_WITH_RSA = "42,134,72,134,247,13,1,1,";
/** ecdsa-with-SHA256/384/512: the last byte is 2, 3, 4. */
const ECDSA_WITH_SHA2 = "42,134,72,206,61,4,3,";

/** An RSA key below this is no protection. */
const SMALLEST_MODULUS = 128;

/** SHA-256, 384 and 512 are 0, 1 and 2; -1: none of them. */
function hashKind(algorithm: Uint8Array, prefix: string, first: number): number {
  const kind = (algorithm[algorithm.length - 1] ?? 0) - first;
  return algorithm.join() === prefix + String(kind + first) && kind >= 0 && kind < 3 ? kind : -1;
}

/**
 * RFC 8017, 8.2.2: the expected encoding is made and compared whole. (The SDK's `pkcs1_5` takes the
 * decoded one apart without looking at the hash's name, the padding's length and what follows.)
 */
function isRsaSignature(signed: Certificate, key: Uint8Array, kind: number): boolean {
  const numbers = new DerReader(key).into(SEQUENCE);
  let modulus = numbers.next(INTEGER).contents;
  const exponent = unsigned(numbers.next(INTEGER).contents);
  if (modulus[0] === 0) modulus = modulus.subarray(1);
  const size = modulus.length;
  if (size < SMALLEST_MODULUS || exponent < 3n || signed.signature.length !== size) return false;
  const hash = new Uint8Array(sha2(kind, signed.tbs));
  const length = hash.length;
  const expected = new Uint8Array(size);
  expected.fill(0xff, 2, size - length - 20);
  expected[1] = 1;
  // DigestInfo: the hash's name 2.16.840.1.101.3.4.2.x, NULL, the hash.
  expected.set(
    [0x30, 17 + length, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1 + kind, 5, 0, 4, length],
    size - length - 19,
  );
  expected.set(hash, size - length);
  return new RSA(exponent, unsigned(modulus)).process(unsigned(signed.signature)) === unsigned(expected);
}

function isEcdsaSignature(signed: Certificate, key: Uint8Array, name: string, kind: number): boolean {
  const size = name === P256 ? 32 : 48;
  if (key.length !== 1 + 2 * size || key[0] !== 4) return false;
  const curve = new Curve(name === P256 ? "secp256r1" : "secp384r1");
  const numbers = new DerReader(signed.signature).into(SEQUENCE);
  for (let i = 0; i < 2; i++) {
    const number = numbers.next(INTEGER).contents;
    const value = unsigned(number);
    // The SDK does not look whether r and s are of the group.
    if ((number[0] ?? 0x80) >= 0x80 || value === 0n || value >= curve.n) return false;
  }
  const hash = sha2(kind, signed.tbs).slice(0, size);
  return new ECDSA(ECPoint.fromOctetString(key), curve).verify(hash, signed.signature, true);
}

/** Whether a certificate was signed by its issuer: RSA (PKCS #1 v1.5) and ECDSA (P-256, P-384) with SHA-256, 384 or 512. */
export function isSignedBy(signed: Certificate, issuer: Certificate): boolean {
  const info = new DerReader(issuer.key).into(SEQUENCE);
  const algorithm = info.into(SEQUENCE);
  const name = algorithm.next(OID).contents.join();
  const curve = algorithm.tag === OID ? algorithm.next().contents.join() : "";
  const key = info.next(BIT_STRING).contents.subarray(1);
  if (name === RSA_KEY) {
    const kind = hashKind(signed.algorithm, SHA2_WITH_RSA, 11);
    return kind >= 0 && isRsaSignature(signed, key, kind);
  }
  const kind = hashKind(signed.algorithm, ECDSA_WITH_SHA2, 2);
  return name === EC_KEY && (curve === P256 || curve === P384) && kind >= 0
    ? isEcdsaSignature(signed, key, curve, kind)
    : false;
}
