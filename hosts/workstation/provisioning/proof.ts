import "reflect-metadata";
import { Pkcs10CertificateRequest, X509Certificate as PeculiarCertificate } from "@peculiar/x509";
import { createPrivateKey, createPublicKey, verify, X509Certificate } from "node:crypto";
import type { CredentialRole } from "../../../modules/io/credentials.js";

/** What stands before the nonce in what a device signs: nothing else that is ever signed begins so. */
const PREFIX = "xs-cellular proof of possession v1:";

/** A device's public key. */
export interface PublicKey {
  readonly algorithm: "ES256" | "RS256";
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** SubjectPublicKeyInfo (DER) of a certificate or of a private key in PKCS#8; throws when it is neither. */
export function spkiOf(object: Uint8Array, role: Exclude<CredentialRole, "ca">): Uint8Array {
  const key =
    role === "certificate"
      ? new X509Certificate(object).publicKey
      : createPublicKey(createPrivateKey({ key: Buffer.from(object), format: "der", type: "pkcs8" }));
  return key.export({ format: "der", type: "spki" });
}

/** As {@link spkiOf} of a certificate, from whoever it came; `undefined`: it is none, or its key cannot be read. */
export function spkiIn(certificate: Uint8Array): Uint8Array | undefined {
  try {
    return spkiOf(certificate, "certificate");
  } catch {
    return undefined;
  }
}

/** The subject's common name, if it is the only one; `undefined` also when it is no certificate. */
export function commonNameOf(certificate: Uint8Array): string | undefined {
  try {
    const names = new PeculiarCertificate(Uint8Array.from(certificate)).subjectName.getField("CN");
    return names.length === 1 ? names[0] : undefined;
  } catch {
    return undefined;
  }
}

/** Whether that authority (X.509, DER) signed the certificate; `false` also when it is none. */
export function isIssuedBy(authority: Uint8Array, certificate: Uint8Array): boolean {
  const issuer = new X509Certificate(authority);
  try {
    const issued = new X509Certificate(certificate);
    return issued.checkIssued(issuer) && issued.verify(issuer.publicKey);
  } catch {
    return false;
  }
}

/** Whether it is a key of the kind that it is told to be, in DER that has one form. */
export function isPublicKey({ algorithm, spki }: PublicKey): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
    const isKind =
      algorithm === "RS256"
        ? key.asymmetricKeyType === "rsa"
        : key.asymmetricKeyDetails?.namedCurve === "prime256v1";
    return isKind && equal(key.export({ format: "der", type: "spki" }), spki);
  } catch {
    return false;
  }
}

/** Whether the device's key signed the nonce. */
export function isProof(key: PublicKey, nonce: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify(
      "sha256",
      Buffer.concat([Buffer.from(PREFIX), nonce]),
      {
        key: createPublicKey({ key: Buffer.from(key.spki), format: "der", type: "spki" }),
        dsaEncoding: "ieee-p1363",
      },
      signature,
    );
  } catch {
    // Not a key at all.
    return false;
  }
}

/** Whether a certificate request is whole, signed by its own key, for that common name alone and for that key. */
export async function isRequestFor(
  request: Uint8Array,
  commonName: string,
  spki: Uint8Array,
): Promise<boolean> {
  try {
    const read = new Pkcs10CertificateRequest(Uint8Array.from(request));
    const names = read.subjectName.toJSON().flatMap(part => Object.entries(part));
    const [name] = names;
    return (
      names.length === 1 &&
      name?.[0] === "CN" &&
      name[1].length === 1 &&
      read.subjectName.getField("CN")[0] === commonName &&
      equal(new Uint8Array(read.publicKey.rawData), spki) &&
      (await read.verify())
    );
  } catch {
    return false;
  }
}
