import type { Credential } from "./credentials.js";

/** A private key that the platform can use. Its bytes leave only towards flash. */
export interface PrivateKey {
  readonly algorithm: "ES256" | "RS256";
  /** DER of the SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  /** DER, PKCS#8, for the device's own flash and nothing else. */
  readonly pkcs8: Uint8Array;
  /**
   * The signature of `bytes` (hashed with SHA-256) as a JSON Web Signature has it: r and s, 32 bytes
   * each, or PKCS #1 v1.5; in a later turn; `undefined` when it failed.
   */
  sign(bytes: Uint8Array, done: (signature: Uint8Array | undefined) => void): void;
}

/** Makes and uses private keys, where the platform can. */
export interface KeyService {
  /** A new key on P-256, in a later turn; `undefined` when it failed. Absent: no good randomness or no arithmetic. */
  generate?(done: (key: PrivateKey | undefined) => void): void;
  /** A stored key; `undefined`: not a key that this platform can use. */
  open(key: Credential): PrivateKey | undefined;
}
