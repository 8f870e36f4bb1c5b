import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  type Pkcs10CertificateRequest,
  X509Certificate as ParsedCertificate,
} from "@peculiar/x509";
import { createHash, createPublicKey, type KeyObject, type X509Certificate } from "node:crypto";
import { BytesCredential } from "../../modules/pki/bytes.js";
import { PemStream } from "../../modules/pki/pem.js";
import { describeKey, type Held } from "./read.js";

/** What is known of a key; the same for both halves of a pair, so that it tells who belongs to whom. */
export interface KeyFacts {
  /** `EC, curve P-256`, `RSA, 2048 bits`. */
  readonly algorithm: string;
  /** SHA-256 of the SubjectPublicKeyInfo, in hexadecimal: of a private key too, which it tells nothing about. */
  readonly publicKeySha256: string;
}

export interface CertificateFacts {
  readonly kind: "certificate";
  /** As RFC 4514 writes it: `CN=device-1, O=Acme`. */
  readonly subject: string;
  /** Common names of the subject, in order. */
  readonly commonNames: readonly string[];
  readonly issuer: string;
  /** Hexadecimal. */
  readonly serialNumber: string;
  /** ISO 8601, UTC. */
  readonly notBefore: string;
  readonly notAfter: string;
  readonly key: KeyFacts;
  /** `ECDSA with SHA-256`; an object identifier where the algorithm has no name here. */
  readonly signature: string;
  readonly selfSigned: boolean;
  /** Marked as an authority (basicConstraints). */
  readonly ca: boolean;
  /** Intermediates that may follow; absent: any number. */
  readonly pathLength?: number;
  /** RFC 5280 names; absent: the certificate sets no limits. */
  readonly keyUsage?: readonly string[];
  /** `serverAuth`, `clientAuth` or object identifiers; absent: no limits. */
  readonly extendedKeyUsage?: readonly string[];
  /** Subject alternative names, `DNS:a.example`. */
  readonly names: readonly string[];
  /** SHA-256 of the DER, in hexadecimal. */
  readonly sha256: string;
  readonly derBytes: number;
  /** As a module gets it: 64 columns, LF. */
  readonly pemBytes: number;
}

export type HeldFacts =
  | CertificateFacts
  | ({ readonly kind: "key" } & KeyFacts)
  | ({
      readonly kind: "request";
      readonly subject: string;
      /** Signed with the key that it is for. */
      readonly verified: boolean;
    } & KeyFacts)
  | { readonly kind: "encrypted-key" }
  | { readonly kind: "other"; readonly name: string }
  | { readonly kind: "damaged"; readonly name: string; readonly fault: string };

const EXTENDED_USAGES: Readonly<Record<string, string>> = {
  "1.3.6.1.5.5.7.3.1": "serverAuth",
  "1.3.6.1.5.5.7.3.2": "clientAuth",
  "1.3.6.1.5.5.7.3.3": "codeSigning",
  "1.3.6.1.5.5.7.3.4": "emailProtection",
  "1.3.6.1.5.5.7.3.8": "timeStamping",
  "1.3.6.1.5.5.7.3.9": "OCSPSigning",
  "2.5.29.37.0": "any",
};

/** Signature algorithms that the parser gives by number: those that nobody should use any more. */
const OLD_SIGNATURES: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.1.2": "RSA with MD2",
  "1.2.840.113549.1.1.4": "RSA with MD5",
};

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Of a private or public key: the SHA-256 of its public half. */
export function publicKeySha256(key: KeyObject): string {
  const half = key.type === "private" ? createPublicKey(key) : key;
  return sha256(half.export({ type: "spki", format: "der" }));
}

export function keyFacts(key: KeyObject): KeyFacts {
  return { algorithm: describeKey(key), publicKeySha256: publicKeySha256(key) };
}

/** A text member of an object whose type comes from a browser's typings, which are not here. */
function textMember(value: object, name: string): string | undefined {
  const found: unknown = Object.entries(value).find(([key]) => key === name)?.[1];
  return typeof found === "string" ? found : undefined;
}

function signatureName(algorithm: object): string {
  const name = textMember(algorithm, "name") ?? "unknown";
  const hash =
    "hash" in algorithm && algorithm.hash instanceof Object ? textMember(algorithm.hash, "name") : undefined;
  const scheme = name === "RSASSA-PKCS1-v1_5" ? "RSA" : name;
  return hash === undefined ? (OLD_SIGNATURES[name] ?? name) : `${scheme} with ${hash}`;
}

function usages(flags: KeyUsageFlags): string[] {
  return Object.entries(KeyUsageFlags).flatMap(([name, flag]) =>
    typeof flag === "number" && (flags & flag) !== 0 ? [name] : [],
  );
}

/** Everything of a certificate that decides whether it will do. */
export function certificateFacts(certificate: X509Certificate): CertificateFacts {
  const der = Uint8Array.from(certificate.raw);
  const parsed = new ParsedCertificate(der);
  const constraints = parsed.getExtension(BasicConstraintsExtension);
  const usage = parsed.getExtension(KeyUsagesExtension);
  const extended = parsed.getExtension(ExtendedKeyUsageExtension);
  return {
    kind: "certificate",
    subject: parsed.subject,
    commonNames: parsed.subjectName.getField("CN"),
    issuer: parsed.issuer,
    serialNumber: parsed.serialNumber,
    notBefore: parsed.notBefore.toISOString(),
    notAfter: parsed.notAfter.toISOString(),
    key: keyFacts(certificate.publicKey),
    signature: signatureName(parsed.signatureAlgorithm),
    selfSigned: certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey),
    ca: constraints?.ca ?? false,
    ...(constraints?.pathLength === undefined ? undefined : { pathLength: constraints.pathLength }),
    ...(usage === null ? undefined : { keyUsage: usages(usage.usages) }),
    ...(extended === null
      ? undefined
      : {
          extendedKeyUsage: Array.from(extended.usages, one => EXTENDED_USAGES[String(one)] ?? String(one)),
        }),
    names: certificate.subjectAltName?.split(", ") ?? [],
    sha256: sha256(der),
    derBytes: der.length,
    pemBytes: new PemStream(new BytesCredential(der), "CERTIFICATE").byteLength,
  };
}

async function requestFacts(request: Pkcs10CertificateRequest): Promise<HeldFacts> {
  const key = createPublicKey({
    key: Buffer.from(request.publicKey.rawData),
    format: "der",
    type: "spki",
  });
  // An algorithm that nothing here can verify is no proof either.
  const verified = await request.verify().catch(() => false);
  return { kind: "request", subject: request.subject, verified, ...keyFacts(key) };
}

export async function factsOf(held: Held): Promise<HeldFacts> {
  switch (held.kind) {
    case "certificate":
      return certificateFacts(held.certificate);
    case "key":
      return { kind: "key", ...keyFacts(held.key) };
    case "request":
      return requestFacts(held.request);
    default:
      return held;
  }
}
