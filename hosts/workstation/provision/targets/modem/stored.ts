import { createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from "node:crypto";
import { fingerprint, pemOf } from "../../../../../drivers/quectel/credential-text.js";
import type { CredentialRole } from "../../../../../modules/io/credentials.js";
import { BytesCredential } from "../../../../../modules/pki/bytes.js";
import { envelopeOf } from "../../../../../modules/pki/envelope.js";
import { pemCredential } from "../../../../../modules/pki/pem-credential.js";

export const ROLES: readonly CredentialRole[] = ["ca", "certificate", "key"];

/** The text that a module is given for a DER object, exactly as the drivers make it. To be overwritten when it is a key's. */
export function textOf(role: CredentialRole, der: Uint8Array, lineEnd?: "\r\n"): Uint8Array {
  const credential = new BytesCredential(der);
  const stream = pemOf(credential, role, envelopeOf(credential), lineEnd);
  const text = new Uint8Array(stream.byteLength);
  stream.read(text);
  return text;
}

/** The name under which the drivers look for a credential in a module's file system. */
export function fileNameOf(role: CredentialRole, der: Uint8Array): string {
  return `xs-${role}-${fingerprint(new BytesCredential(der))}.pem`;
}

/** Which role a file of the drivers' names has. */
export function roleOf(fileName: string): CredentialRole | undefined {
  const found = /^xs-(ca|certificate|key)-[0-9a-f]{8}\.pem$/.exec(fileName)?.[1];
  return ROLES.find(role => role === found);
}

/** SubjectPublicKeyInfo (DER) of a private key. */
export function publicHalf(key: KeyObject): Uint8Array {
  return Uint8Array.from(createPublicKey(key).export({ type: "spki", format: "der" }));
}

/** SubjectPublicKeyInfo (DER) of a PKCS#8 key; `undefined`: it is none. */
export function publicHalfOf(pkcs8: Uint8Array): Uint8Array | undefined {
  try {
    return publicHalf(
      createPrivateKey({
        key: Buffer.from(pkcs8.buffer, pkcs8.byteOffset, pkcs8.byteLength),
        format: "der",
        type: "pkcs8",
      }),
    );
  } catch {
    return undefined;
  }
}

/** A key's SubjectPublicKeyInfo as a certificate names it; `undefined`: it is no certificate. */
export function certifiedKey(certificate: Uint8Array): Uint8Array | undefined {
  try {
    return Uint8Array.from(
      new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" }),
    );
  } catch {
    return undefined;
  }
}

function derOf(text: Uint8Array, label: string): Uint8Array | undefined {
  const found = pemCredential(text, label);
  if (found === undefined) return undefined;
  const der = new Uint8Array(found.byteLength);
  return found.read(der, 0) === der.length ? der : undefined;
}

/** PKCS#8 (DER) of a key's file; to be overwritten. `undefined`: it is none. */
function pkcs8Of(text: Uint8Array): Uint8Array | undefined {
  // "RSA PRIVATE KEY" ends with the other label: the older form is looked for first.
  const rsa = derOf(text, "RSA PRIVATE KEY");
  if (rsa === undefined) return derOf(text, "PRIVATE KEY");
  try {
    const key = createPrivateKey({ key: Buffer.from(rsa.buffer), format: "der", type: "pkcs1" });
    return key.export({ type: "pkcs8", format: "der" });
  } catch {
    return undefined;
  } finally {
    rsa.fill(0);
  }
}

/**
 * The object in a file of the module: of a key PKCS#8, which the caller overwrites. `undefined` unless the file
 * is whole: its name tells the fingerprint of what it should hold.
 */
export function objectIn(fileName: string, role: CredentialRole, text: Uint8Array): Uint8Array | undefined {
  const der = role === "key" ? pkcs8Of(text) : derOf(text, "CERTIFICATE");
  if (der === undefined) return undefined;
  const valid = (role === "key" ? publicHalfOf(der) : certifiedKey(der)) !== undefined;
  if (valid && fileNameOf(role, der) === fileName) return der;
  der.fill(0);
  return undefined;
}

/** Why the module's TLS cannot use an object in that role, if so. */
export function unfit(
  role: CredentialRole,
  der: Uint8Array,
  clientKeys: readonly ("rsa" | "p256")[],
): string | undefined {
  const envelope = envelopeOf(new BytesCredential(der));
  if (envelope.kind !== (role === "key" ? "key" : "certificate")) return `holds ${envelope.kind}`;
  if (role === "key" && publicHalfOf(der) === undefined) return "holds no key that can be read";
  if (role !== "key" && certifiedKey(der) === undefined) return "holds no certificate that can be read";
  if (role === "key" && !clientKeys.includes(envelope.rsaLength > 0 ? "rsa" : "p256"))
    return "the module signs with RSA keys alone";
  return undefined;
}

export function equal(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one !== undefined && other !== undefined && Buffer.compare(one, other) === 0;
}
