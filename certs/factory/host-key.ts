import "reflect-metadata";
import { Pkcs10CertificateRequest, Pkcs10CertificateRequestGenerator } from "@peculiar/x509";
import { createHash, generateKeyPair, type KeyObject, createPublicKey, webcrypto } from "node:crypto";
import { promisify } from "node:util";
import type { Profile } from "../profile/profile.js";

const make = promisify(generateKeyPair);

/** A key that is made here, and lives in this process's memory alone. */
export async function makeHostKey(kind: Profile["key"]["kind"]): Promise<KeyObject> {
  // Apart from the loop's thread: primes of RSA take a fifth of a second.
  const { privateKey } =
    kind === "P-256"
      ? await make("ec", { namedCurve: "P-256" })
      : await make("rsa", { modulusLength: 2048, publicExponent: 0x10001 });
  return privateKey;
}

/** SubjectPublicKeyInfo, DER. */
export function publicHalf(key: KeyObject): Uint8Array {
  return Uint8Array.from(createPublicKey(key).export({ format: "der", type: "spki" }));
}

/** Calls `use` with the key in PKCS#8 (DER) and overwrites those bytes afterwards. */
export async function withPkcs8<Result>(
  key: KeyObject,
  use: (pkcs8: Uint8Array) => Promise<Result>,
): Promise<Result> {
  const bytes = key.export({ format: "der", type: "pkcs8" });
  try {
    return await use(bytes);
  } finally {
    bytes.fill(0);
  }
}

/** A request (PKCS #10, DER) for a key that was made here. */
export function hostRequest(key: KeyObject, commonName: string): Promise<Uint8Array> {
  const algorithm =
    key.asymmetricKeyType === "rsa"
      ? { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }
      : { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  return withPkcs8(key, async pkcs8 => {
    const { subtle } = webcrypto;
    const spki = publicHalf(key);
    const request = await Pkcs10CertificateRequestGenerator.create({
      // A serial has no character that would have a meaning in a name.
      name: [{ CN: [commonName] }],
      keys: {
        privateKey: await subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"]),
        publicKey: await subtle.importKey("spki", spki, algorithm, true, ["verify"]),
      },
      signingAlgorithm: algorithm,
    });
    return new Uint8Array(request.rawData);
  });
}

/** SHA-256 of the public key that a request (PKCS #10, DER) is for and signed with; `undefined`: it is not. */
export async function keyOfRequest(der: Uint8Array): Promise<string | undefined> {
  try {
    const request = new Pkcs10CertificateRequest(Uint8Array.from(der));
    return (await request.verify()) ? sha256(new Uint8Array(request.publicKey.rawData)) : undefined;
  } catch {
    return undefined;
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
