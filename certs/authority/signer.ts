import { createPublicKey, sign, verify, type KeyObject } from "node:crypto";
import { FactoryError } from "../factory-error.js";
import { describeKey } from "../files/read.js";

/** Signs certificates with a key that it keeps to itself: in memory, in a file, in a token. */
export interface CertificateSigner {
  /** With SHA-256. */
  readonly algorithm: "ECDSA" | "RSASSA-PKCS1-v1_5";
  /** SubjectPublicKeyInfo, DER: RSA of 2048 to 4096 bits, or EC on P-256. */
  readonly publicKey: Uint8Array;
  /** ECDSA: r and s, 32 bytes each. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/**
 * How an authority's key (either half) signs here; `undefined`: it does not. Devices verify ECDSA on
 * P-256 and RSA from 2048 to 4096 bits, nothing else.
 */
export function signingAlgorithm(key: KeyObject): CertificateSigner["algorithm"] | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const bits = details?.modulusLength ?? 0;
  if (type === "rsa" && bits >= 2048 && bits <= 4096) return "RSASSA-PKCS1-v1_5";
  return type === "ec" && details?.namedCurve === "prime256v1" ? "ECDSA" : undefined;
}

/** Why keys of other kinds are refused, and what to do. */
export const SIGNING_KEYS = {
  why: "Certificates are signed with P-256 or RSA of 2048 to 4096 bits here: devices and modules verify nothing else.",
  fix: "Use an authority with such a key; certs ca create makes one.",
} as const;

/**
 * How an authority's key signs.
 * @param name for the message: `the key of ca.pem`.
 * @throws FactoryError `issuer-key` (input) for a key of another kind.
 */
export function checkSigningKey(key: KeyObject, name: string): CertificateSigner["algorithm"] {
  const algorithm = signingAlgorithm(key);
  if (algorithm !== undefined) return algorithm;
  throw new FactoryError({
    code: "issuer-key",
    side: "input",
    what: `${name} is ${describeKey(key)}`,
    ...SIGNING_KEYS,
  });
}

/** A signer with a private key in memory: RSA, or EC on P-256. */
export class KeySigner implements CertificateSigner {
  readonly algorithm: CertificateSigner["algorithm"];
  readonly publicKey: Uint8Array;
  readonly #key: KeyObject;

  /** @throws FactoryError `issuer-key` for a key of another kind. */
  constructor(key: KeyObject) {
    this.#key = key;
    this.algorithm = checkSigningKey(key, "the authority's key");
    this.publicKey = Uint8Array.from(createPublicKey(key).export({ type: "spki", format: "der" }));
  }

  sign(bytes: Uint8Array): Promise<Uint8Array> {
    const signature = sign("sha256", bytes, { key: this.#key, dsaEncoding: "ieee-p1363" });
    return Promise.resolve(Uint8Array.from(signature));
  }
}

/** What a signer that signs wrongly is told by. */
export function badSignature(): FactoryError {
  return new FactoryError({
    code: "signature",
    side: "environment",
    what: "the authority's signature is wrong",
    why: "It was verified with the authority's public key right after it was made; nobody would take such a certificate.",
    fix: "Nothing was given to the unit. If the key is in a token, look whether the token, its key and its library belong together; stop issuing until a test signature is good.",
  });
}

/**
 * A signature that was verified.
 * @throws FactoryError `signature` when the signer signs wrongly.
 */
export async function signChecked(bytes: Uint8Array, signer: CertificateSigner): Promise<Uint8Array> {
  const signature = Uint8Array.from(await signer.sign(bytes));
  const key = createPublicKey({ key: Buffer.from(signer.publicKey), format: "der", type: "spki" });
  if (!verify("sha256", bytes, { key, dsaEncoding: "ieee-p1363" }, signature)) throw badSignature();
  return signature;
}
