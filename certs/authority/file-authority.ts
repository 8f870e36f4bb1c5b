import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FactoryError } from "../factory-error.js";
import { readCredentialFile, subjectOf } from "../files/read.js";
import { refuseExisting, writeWhole, type WriteOptions } from "../files/write.js";
import { InputError } from "../input-error.js";
import { toPem } from "../pem-text.js";
import { checkIssuer, issueDevice, issueRoot, type CertificateOptions, type Subject } from "./certificate.js";
import { issueRevocationList, type RevocationListOptions } from "./crl.js";
import { checkPassphrase, lockKey } from "./locked-key.js";
import { checkSigningKey, KeySigner, type CertificateSigner } from "./signer.js";

export type AuthorityKey = "P-256" | "RSA-2048";

export interface CreateAuthorityOptions extends WriteOptions {
  readonly subject: Subject;
  readonly key: AuthorityKey;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Under which the key is stored; at least 12 characters. */
  readonly passphrase: string;
}

/** Where an authority's files are in its folder. */
export const AUTHORITY_FILES = { certificate: "ca.pem", key: "ca.key" } as const;

/** Whoever issues certificates for devices. */
export interface Issuer {
  readonly certificate: X509Certificate;
  /**
   * DER of the new certificate, its signature verified. The same options, serial number included, give
   * the same certificate but for an ECDSA signature. Rejects as {@link issueDevice} does.
   */
  issue(options: CertificateOptions): Promise<Uint8Array>;
  /** DER of a certificate revocation list. Rejects as {@link issueRevocationList} does. */
  revocationList(options: RevocationListOptions): Promise<Uint8Array>;
}

/** Issues with a certificate and whoever signs for it. */
export class SigningIssuer implements Issuer {
  readonly certificate: X509Certificate;
  readonly #signer: CertificateSigner;

  /** @throws FactoryError `issuer` when the certificate may issue nothing, or is of another key than the signer's. */
  constructor(certificate: X509Certificate, signer: CertificateSigner) {
    checkIssuer(certificate);
    if (!certificate.publicKey.export({ type: "spki", format: "der" }).equals(signer.publicKey))
      throw new FactoryError({
        code: "issuer",
        side: "input",
        what: `${subjectOf(certificate)} is not the certificate of the key that signs`,
        why: "What that key signs would be refused by everybody who trusts this certificate.",
        fix: "Give the certificate and the key that were made together.",
      });
    this.certificate = certificate;
    this.#signer = signer;
  }

  issue(options: CertificateOptions): Promise<Uint8Array> {
    return issueDevice(options, this.certificate, this.#signer);
  }

  revocationList(options: RevocationListOptions): Promise<Uint8Array> {
    return issueRevocationList(options, this.certificate, this.#signer);
  }
}

function generateKey(kind: AuthorityKey): KeyObject {
  return kind === "P-256"
    ? generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey
    : generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
}

/**
 * Makes an authority in a folder: `ca.pem`, and `ca.key` under a passphrase (see {@link lockKey};
 * readable by its owner). The key goes to the disk in no other form.
 * @throws InputError when one is there already, or the passphrase is too short.
 */
export async function createAuthority(folder: string, options: CreateAuthorityOptions): Promise<Issuer> {
  const certificatePath = join(folder, AUTHORITY_FILES.certificate);
  const keyPath = join(folder, AUTHORITY_FILES.key);
  refuseExisting(certificatePath, options);
  refuseExisting(keyPath, options);
  checkPassphrase(options.passphrase, keyPath);
  const key = generateKey(options.key);
  const signer = new KeySigner(key);
  const der = await issueRoot(options, signer);
  const locked = lockKey(key, options.passphrase);
  // The key first: a certificate without its key would look like an authority.
  writeWhole(keyPath, locked, { ...options, secret: true });
  writeWhole(certificatePath, toPem(der, "CERTIFICATE"), options);
  return new SigningIssuer(new X509Certificate(der), signer);
}

function unlocked(path: string, passphrase: string): KeyObject {
  let text: string;
  try {
    text = readFileSync(path, "latin1");
  } catch {
    throw new InputError({
      what: `${path} cannot be read`,
      why: "The authority's key is needed to issue certificates.",
      fix: "Name the folder that certs ca create has filled, and check who may read it.",
      file: path,
    });
  }
  if (/-----BEGIN (RSA |EC )?PRIVATE KEY-----/.test(text) && !text.includes("ENCRYPTED"))
    throw new InputError({
      what: `${path} holds the authority's key in clear`,
      why: "Whoever reads that file issues certificates as this authority; no passphrase was needed.",
      fix: `Put it under a passphrase: openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -iter 600000 -in ${path} -out locked.key`,
      file: path,
    });
  try {
    return createPrivateKey({ key: text, passphrase });
  } catch {
    // What OpenSSL says of a wrong passphrase is of no use to anybody.
    throw new InputError({
      what: `${path} does not open with this passphrase`,
      why: "The passphrase is another one, or the file is damaged.",
      fix: "Give the passphrase that the authority was made with; line ends at its end do not count.",
      file: path,
    });
  }
}

/**
 * The authority's certificate, without its key.
 * @throws InputError when it is none; FactoryError `issuer-key` when nothing is signed with keys of its kind.
 */
export function readAuthority(folder: string): X509Certificate {
  const path = join(folder, AUTHORITY_FILES.certificate);
  const held = readCredentialFile(path).find(one => one.kind === "certificate");
  if (held?.certificate.ca === true) {
    checkSigningKey(held.certificate.publicKey, `the key of ${path}`);
    return held.certificate;
  }
  throw new InputError({
    what: `${path} holds no authority's certificate`,
    why: "Certificates for devices are issued by an authority (basicConstraints CA:TRUE).",
    fix: "Make one with: xs-cellular certs ca create",
    file: path,
  });
}

/**
 * An authority that was made before.
 * @throws InputError when its files cannot be read, do not belong together, the key lies there in clear, or
 * the passphrase is wrong. FactoryError `issuer-key` when nothing is signed with keys of its kind,
 * `issuer` when it may issue nothing.
 */
export function openAuthority(folder: string, passphrase: string): Issuer {
  const certificate = readAuthority(folder);
  const path = join(folder, AUTHORITY_FILES.key);
  const key = unlocked(path, passphrase);
  if (!certificate.checkPrivateKey(key))
    throw new InputError({
      what: `${path} is not the key of ${join(folder, AUTHORITY_FILES.certificate)}`,
      why: "What it signs would be refused by everybody who trusts that certificate.",
      fix: "Put back the two files that were made together.",
      file: path,
    });
  return new SigningIssuer(certificate, new KeySigner(key));
}
