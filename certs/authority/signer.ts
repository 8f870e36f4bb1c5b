import { createPublicKey, sign, type KeyObject } from "node:crypto";

/** Signs certificates with a key that it keeps to itself: in memory, in a file, in a token. */
export interface CertificateSigner {
  /** With SHA-256. */
  readonly algorithm: "ECDSA" | "RSASSA-PKCS1-v1_5";
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  /** ECDSA: r and s, 32 bytes each. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/** A signer with a private key in memory: RSA, or EC on P-256. */
export class KeySigner implements CertificateSigner {
  readonly algorithm: CertificateSigner["algorithm"];
  readonly publicKey: Uint8Array;
  readonly #key: KeyObject;

  constructor(key: KeyObject) {
    this.#key = key;
    this.algorithm = key.asymmetricKeyType === "rsa" ? "RSASSA-PKCS1-v1_5" : "ECDSA";
    this.publicKey = Uint8Array.from(createPublicKey(key).export({ type: "spki", format: "der" }));
  }

  sign(bytes: Uint8Array): Promise<Uint8Array> {
    const signature = sign("sha256", bytes, { key: this.#key, dsaEncoding: "ieee-p1363" });
    return Promise.resolve(Uint8Array.from(signature));
  }
}
