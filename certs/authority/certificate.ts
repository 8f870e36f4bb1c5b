import "reflect-metadata";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonAttributeAndObjectValue,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  PublicKey,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { createPublicKey, randomBytes, type X509Certificate } from "node:crypto";
import { parseCertificate } from "../../modules/pki/x509.js";
import type { CertificateSigner } from "./signer.js";

/** Distinguished name of a device or an authority: what of X.520 clouds look at. */
export interface Subject {
  readonly commonName: string;
  readonly organization?: string | undefined;
  readonly organizationalUnit?: string | undefined;
  readonly country?: string | undefined;
}

export interface CertificateOptions {
  readonly subject: Subject;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Hexadecimal; default: 16 random bytes. */
  readonly serialNumber?: string;
}

/** RFC 5280, 4.1.2.2: positive, at most 20 bytes; 16 random ones are told apart for ever. */
function randomSerialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

/** As typed strings: in any other form characters such as quotes have a meaning. */
function nameOf(subject: Subject): Name {
  const { commonName, organization, organizationalUnit, country } = subject;
  const parts: JsonAttributeAndObjectValue[] = [];
  if (country !== undefined) parts.push({ C: [{ printableString: country }] });
  if (organization !== undefined) parts.push({ O: [{ utf8String: organization }] });
  if (organizationalUnit !== undefined) parts.push({ OU: [{ utf8String: organizationalUnit }] });
  parts.push({ CN: [{ utf8String: commonName }] });
  return new Name(parts);
}

interface Draft extends CertificateOptions {
  /** The issuer's name, as its certificate has it or as it will. */
  readonly issuer: Name;
  readonly extensions: readonly Extension[];
}

/** Zeros where the signature will be: the part that is signed does not depend on it. */
const NO_SIGNATURE = { ECDSA: 64, "RSASSA-PKCS1-v1_5": 256 } as const;

async function signed(draft: Draft, signer: CertificateSigner): Promise<Uint8Array> {
  const signingAlgorithm =
    signer.algorithm === "ECDSA"
      ? { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }
      : { name: signer.algorithm, hash: "SHA-256" };
  const parameters = {
    serialNumber: draft.serialNumber ?? randomSerialNumber(),
    subject: nameOf(draft.subject),
    issuer: draft.issuer,
    notBefore: draft.notBefore,
    notAfter: draft.notAfter,
    publicKey: new PublicKey(Uint8Array.from(draft.publicKey)),
    signingAlgorithm,
    extensions: [
      ...draft.extensions,
      await SubjectKeyIdentifierExtension.create(new PublicKey(Uint8Array.from(draft.publicKey))),
      await AuthorityKeyIdentifierExtension.create(new PublicKey(Uint8Array.from(signer.publicKey))),
    ],
  };
  const empty = new Uint8Array(NO_SIGNATURE[signer.algorithm]);
  const unsigned = await X509CertificateGenerator.create({ ...parameters, signature: empty });
  const { tbs } = parseCertificate(new Uint8Array(unsigned.rawData));
  const signature = Uint8Array.from(await signer.sign(tbs));
  const made = await X509CertificateGenerator.create({ ...parameters, signature });
  return new Uint8Array(made.rawData);
}

/** A root: an authority's certificate, signed with its own key. DER. */
export function issueRoot(
  options: Omit<CertificateOptions, "publicKey">,
  signer: CertificateSigner,
): Promise<Uint8Array> {
  return signed(
    {
      ...options,
      publicKey: signer.publicKey,
      issuer: nameOf(options.subject),
      extensions: [
        // Devices only below it: it issues no further authority.
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ],
    },
    signer,
  );
}

/** A device's certificate, for TLS clients. DER. */
export function issueDevice(
  options: CertificateOptions,
  issuer: X509Certificate,
  signer: CertificateSigner,
): Promise<Uint8Array> {
  const key = createPublicKey({ key: Buffer.from(options.publicKey), format: "der", type: "spki" });
  const isRSA = key.asymmetricKeyType === "rsa";
  const { subject } = parseCertificate(Uint8Array.from(issuer.raw));
  return signed(
    {
      ...options,
      issuer: new Name(Uint8Array.from(subject)),
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        // Key encipherment: TLS with static RSA, the only key exchange that some modules know.
        isRSA
          ? new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment, true)
          : new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
      ],
    },
    signer,
  );
}
