import Curve from "curve";
import ECDSA from "ecdsa";
import PKCS1_5 from "pkcs1_5";
import PKCS8 from "pkcs8";
import Timer from "timer";
import type { Credential, Credentials } from "../../modules/io/credentials.js";
import { envelopeOf } from "../../modules/pki/envelope.js";
import { DerReader } from "../../modules/pki/x509.js";
import type { Signer } from "../firmware/host.js";
import { bytesOf, sha2, unsigned } from "./crypto.js";

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const OCTET_STRING = 0x04;

/** SHA-256's object identifier. */
const SHA256 = Object.freeze([2, 16, 840, 1, 101, 3, 4, 2, 1]);

/** The private number of a P-256 key (RFC 5915 in PKCS#8). */
function scalarOf(key: Credential): bigint {
  const outer = new DerReader(bytesOf(key)).into(SEQUENCE);
  outer.next(INTEGER);
  outer.next(SEQUENCE);
  const inner = outer.into(OCTET_STRING).into(SEQUENCE);
  inner.next(INTEGER);
  return unsigned(inner.next(OCTET_STRING).contents);
}

/** Signs with the SDK's arithmetic: RSA (PKCS #1 v1.5) or ECDSA over P-256, by the kind of key. */
class StoredKeySigner implements Signer {
  readonly algorithm: "ES256" | "RS256";
  private readonly key: Credential;

  constructor(key: Credential, isRSA: boolean) {
    this.key = key;
    this.algorithm = isRSA ? "RS256" : "ES256";
  }

  sign(bytes: Uint8Array, done: (signature: Uint8Array | undefined) => void): void {
    const hash = sha2(0, bytes);
    Timer.set(() => done(this.signature(hash)));
  }

  private signature(hash: ArrayBuffer): Uint8Array | undefined {
    try {
      return new Uint8Array(
        this.algorithm === "RS256"
          ? new PKCS1_5(PKCS8.parse(bytesOf(this.key)), true, SHA256).sign(hash)
          : new ECDSA(scalarOf(this.key), new Curve("secp256r1")).sign(hash),
      );
    } catch {
      // What goes wrong with a key must not be told in words that may hold some of it.
      return undefined;
    }
  }
}

/** A signer with the stored key; `undefined` when none is stored. */
export function storedKeySigner(credentials: Credentials): Signer | undefined {
  const key = credentials.open("key");
  return key && new StoredKeySigner(key, envelopeOf(key).rsaLength > 0);
}
