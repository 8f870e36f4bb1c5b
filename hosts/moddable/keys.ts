import Curve from "curve";
import Timer from "timer";
import type { Credential } from "../../modules/io/credentials.js";
import type { KeyService, PrivateKey } from "../../modules/io/keys.js";
import { BytesCredential } from "../../modules/pki/bytes.js";
import { der } from "../../modules/pki/csr.js";
import { envelopeOf } from "../../modules/pki/envelope.js";
import { DerReader } from "../../modules/pki/x509.js";
import { bytesOf, octets, unsigned } from "./crypto.js";
import type { Entropy } from "./entropy.js";
import { storedKeySigner } from "./signer.js";

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;

/** Bytes of a private key on P-256. */
const SIZE = 32;
/** id-ecPublicKey and prime256v1, each with its tag and length (RFC 5480). */
const P256 = Object.freeze([6, 7, 42, 134, 72, 206, 61, 2, 1, 6, 8, 42, 134, 72, 206, 61, 3, 1, 7] as const);
/** rsaEncryption and NULL (RFC 8017). */
const RSA = Object.freeze([6, 9, 42, 134, 72, 134, 247, 13, 1, 1, 1, 5, 0] as const);

function subjectPublicKey(algorithm: readonly number[], key: Uint8Array): Uint8Array {
  return der(SEQUENCE, der(SEQUENCE, Uint8Array.from(algorithm)), der(BIT_STRING, Uint8Array.of(0), key));
}

/** The point that belongs to a private key: 4, then two coordinates. */
function pointOf(scalar: Uint8Array): Uint8Array {
  return new Uint8Array(new Curve("secp256r1").dh(scalar.slice().buffer));
}

/** The public key of a private one in PKCS#8; throws when it is none of RSA and P-256. */
function publicKeyOf(key: Credential): Uint8Array {
  const outer = new DerReader(bytesOf(key)).into(SEQUENCE);
  outer.next(INTEGER);
  const algorithm = outer.next(SEQUENCE).contents;
  const inner = outer.into(OCTET_STRING).into(SEQUENCE);
  inner.next(INTEGER);
  if (envelopeOf(key).rsaLength > 0)
    return subjectPublicKey(RSA, der(SEQUENCE, inner.next(INTEGER).whole, inner.next(INTEGER).whole));
  const scalar = inner.next(OCTET_STRING).contents;
  if (algorithm.join() !== P256.join() || scalar.length !== SIZE) throw new Error("not a P-256 key");
  // OpenSSL stores the point with the key; who does not leaves it to be multiplied again.
  while (inner.more) {
    const part = inner.next();
    if (part.tag === 0xa1)
      return subjectPublicKey(P256, new DerReader(part.contents).next(BIT_STRING).contents.subarray(1));
  }
  return subjectPublicKey(P256, pointOf(scalar));
}

/** A key in PKCS#8, used with the SDK's arithmetic. */
class SdkKey implements PrivateKey {
  readonly algorithm: PrivateKey["algorithm"];
  readonly publicKey: Uint8Array;
  readonly sign: PrivateKey["sign"];
  private readonly key: Credential;

  constructor(key: Credential) {
    const signer = storedKeySigner({ open: () => key });
    if (signer === undefined) throw new Error("no key");
    this.key = key;
    this.algorithm = signer.algorithm;
    this.publicKey = publicKeyOf(key);
    this.sign = (bytes, done) => signer.sign(bytes, done);
  }

  get pkcs8(): Uint8Array {
    return bytesOf(this.key);
  }
}

/** A new key on P-256 (FIPS 186-5, A.2.2: candidates are drawn until one is in range), with its public half as OpenSSL writes it. */
function generated(entropy: Entropy): PrivateKey {
  const order = new Curve("secp256r1").n;
  let number = 0n;
  while (number === 0n || number >= order) number = unsigned(entropy());
  const scalar = octets(number, SIZE);
  return new SdkKey(
    new BytesCredential(
      der(
        SEQUENCE,
        Uint8Array.of(INTEGER, 1, 0),
        der(SEQUENCE, Uint8Array.from(P256)),
        der(
          OCTET_STRING,
          der(
            SEQUENCE,
            Uint8Array.of(INTEGER, 1, 1),
            der(OCTET_STRING, scalar),
            der(0xa1, der(BIT_STRING, Uint8Array.of(0), pointOf(scalar))),
          ),
        ),
      ),
    ),
  );
}

/**
 * Keys by the arithmetic of the SDK (`modules/crypt` of 8.2.3): RSA and P-256 are used, P-256 is made
 * where `entropy` gives numbers that keys may rest on; left out, none is made. No RSA key is made:
 * its two primes take some hundred exponentiations of 1,024 bits, during which the engine does
 * nothing else for minutes. How long an ESP32 takes for P-256 is not known: no hardware has run this.
 */
export function moddableKeys(entropy: Entropy | undefined): KeyService {
  return {
    ...(entropy && {
      generate: (done: (key: PrivateKey | undefined) => void) => {
        Timer.set(() => {
          let key: PrivateKey | undefined;
          try {
            key = generated(entropy);
          } catch {
            // No random numbers: no key.
          }
          done(key);
        });
      },
    }),
    open: stored => {
      try {
        return new SdkKey(stored);
      } catch {
        // What goes wrong with a key must not be told in words that may hold some of it.
        return undefined;
      }
    },
  };
}
