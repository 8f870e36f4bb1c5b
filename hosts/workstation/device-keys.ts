import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import type { PrivateKey } from "../../modules/io/keys.js";

/** A private key as it is kept; who holds it may sign. */
export type KeptKey = Pick<PrivateKey, "algorithm" | "publicKey" | "pkcs8">;

/**
 * What a device's native code does with private keys, done by this machine: keys on P-256 and RSA keys
 * of 2048 to 4096 bits. Nothing here throws: what fails gives `undefined`, and no text tells anything
 * of a key.
 */
export interface DeviceKeys {
  /** A new key on P-256. */
  generate(): KeptKey | undefined;
  /** A key in DER: PKCS #8 without a password, SEC 1, or PKCS #1. */
  open(der: Uint8Array): KeptKey | undefined;
  /** The signature of `bytes`, hashed with SHA-256, as a JSON Web Signature has it (RFC 7518 §3). */
  sign(pkcs8: Uint8Array, bytes: Uint8Array): Uint8Array | undefined;
}

const FORMS = ["pkcs8", "sec1", "pkcs1"] as const;

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    // OpenSSL's texts are no use to the firmware, and not worth a doubt about what they hold.
    return undefined;
  }
}

function algorithmOf({
  asymmetricKeyType,
  asymmetricKeyDetails,
}: KeyObject): KeptKey["algorithm"] | undefined {
  if (asymmetricKeyType === "ec")
    return asymmetricKeyDetails?.namedCurve === "prime256v1" ? "ES256" : undefined;
  const bits = asymmetricKeyType === "rsa" ? (asymmetricKeyDetails?.modulusLength ?? 0) : 0;
  return bits >= 2048 && bits <= 4096 ? "RS256" : undefined;
}

function keptKey(key: KeyObject): KeptKey | undefined {
  const algorithm = algorithmOf(key);
  if (!algorithm) return undefined;
  return {
    algorithm,
    publicKey: Uint8Array.from(createPublicKey(key).export({ type: "spki", format: "der" })),
    pkcs8: Uint8Array.from(key.export({ type: "pkcs8", format: "der" })),
  };
}

function parse(der: Uint8Array): KeyObject | undefined {
  const key = Buffer.from(der);
  for (const type of FORMS) {
    const parsed = attempt(() => createPrivateKey({ key, format: "der", type }));
    if (parsed) return parsed;
  }
  return undefined;
}

export const deviceKeys: DeviceKeys = Object.freeze({
  generate: () => attempt(() => keptKey(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey)),

  open: (der: Uint8Array) =>
    attempt(() => {
      const key = parse(der);
      return key && keptKey(key);
    }),

  sign: (pkcs8: Uint8Array, bytes: Uint8Array) =>
    attempt(() => {
      const key = parse(pkcs8);
      // r and s side by side for an EC key; RSA takes no notice of it.
      if (!key || !algorithmOf(key)) return undefined;
      return Uint8Array.from(sign("sha256", bytes, { key, dsaEncoding: "ieee-p1363" }));
    }),
});
