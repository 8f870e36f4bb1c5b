import PKCS1_5 from "pkcs1_5";
import PKCS8 from "pkcs8";
import Timer from "timer";
import type { Credential, Credentials } from "../../modules/io/credentials.js";
import { envelopeOf } from "../../modules/pki/envelope.js";
import type { Signer } from "../firmware/host.js";
import { bytesOf, sha2 } from "./crypto.js";
import { signP256 } from "./p256.js";

/** SHA-256's object identifier. */
const SHA256 = Object.freeze([2, 16, 840, 1, 101, 3, 4, 2, 1]);

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
      return this.algorithm === "RS256"
        ? new Uint8Array(new PKCS1_5(PKCS8.parse(bytesOf(this.key)), true, SHA256).sign(hash))
        : signP256(this.key, hash);
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
