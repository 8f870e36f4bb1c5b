import { createHash, X509Certificate } from "node:crypto";
import { parseCertificate } from "../../modules/pki/x509.js";
import { FactoryError } from "../factory-error.js";
import { subjectOf } from "../files/read.js";
import type { CertificateRecord, RevocationReason } from "../ledger/ledger.js";
import { authorityKey, issuerKeyIdentifier } from "./certificate.js";
import {
  der,
  integer,
  octets,
  oid,
  SEQUENCE,
  signatureAlgorithm,
  signatureBits,
  time,
  unsigned,
} from "./der.js";
import { signChecked, type CertificateSigner } from "./signer.js";

/** One certificate that must not be trusted any more. */
export interface Revoked {
  /** Hexadecimal. */
  readonly serialNumber: string;
  readonly at: Date;
  /** Default: `unspecified`. */
  readonly reason?: RevocationReason | undefined;
}

export interface RevocationListOptions {
  readonly revoked: readonly Revoked[];
  /** Higher than that of every list of this issuer before, less than 2^159. */
  readonly number: number | bigint;
  readonly thisUpdate: Date;
  /** Until when a newer list will be there; some brokers refuse every client after it. */
  readonly nextUpdate: Date;
}

/** CRLReason (RFC 5280, 5.3.1). `unspecified` is told by leaving the extension out. */
const REASONS: Readonly<Record<Exclude<RevocationReason, "unspecified">, number>> = {
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
};
const ENUMERATED = 0x0a;
const EXPLICIT_EXTENSIONS = 0xa0;
/** In {@link parseCertificate}'s form. */
const CRL_SIGN = 0x0200;

function refuse(what: string, why: string, fix: string): never {
  throw new FactoryError({ code: "revocation-list", side: "input", what, why, fix });
}

function extension(type: string, value: Uint8Array): Uint8Array {
  return der(SEQUENCE, oid(type), octets(value));
}

function entryOf({ serialNumber, at, reason }: Revoked): Uint8Array {
  const serial = unsigned(Buffer.from(serialNumber, "hex"));
  if (reason === undefined || reason === "unspecified") return der(SEQUENCE, serial, time(at));
  const code = der(ENUMERATED, Uint8Array.of(REASONS[reason]));
  return der(SEQUENCE, serial, time(at), der(SEQUENCE, extension("2.5.29.21", code)));
}

/**
 * A certificate revocation list (RFC 5280, 5; version 2) in DER, its signature verified.
 * @throws FactoryError `revocation-list` for an issuer that may not sign lists, dates out of order, a
 * serial number that is none or stands twice; `signature`.
 */
export async function issueRevocationList(
  options: RevocationListOptions,
  issuer: X509Certificate,
  signer: CertificateSigner,
): Promise<Uint8Array> {
  const { subject, authority, keyUsage } = parseCertificate(Uint8Array.from(issuer.raw));
  if (!authority || (keyUsage !== undefined && (keyUsage & CRL_SIGN) === 0))
    refuse(
      `${subjectOf(issuer)} may not sign revocation lists`,
      "Its key usage lacks cRLSign, or it is no authority: brokers would ignore the list or refuse everybody.",
      "Have the list signed by an authority that may, or the authority's certificate renewed with cRLSign.",
    );
  if (!(options.thisUpdate < options.nextUpdate))
    refuse(
      "the list would end before it begins",
      "Brokers would refuse every client.",
      "Give a later date for the next list.",
    );
  const number = BigInt(options.number);
  if (number < 0n || number >= 1n << 159n)
    refuse("the list's number is negative or too large", "RFC 5280, 5.2.3 allows 20 bytes.", "Count from 1.");
  const seen = new Set<string>();
  for (const { serialNumber } of options.revoked) {
    const plain = serialNumber.toLowerCase().replace(/^(00)+(?=..)/, "");
    if (!/^([\da-f]{2}){1,20}$/.test(plain) || seen.has(plain))
      refuse(
        `serial number ${/^[\da-f]{0,64}$/i.test(serialNumber) ? serialNumber : "?"} is none, or stands twice`,
        "A list names each certificate once.",
        "Take the certificates from the ledger.",
      );
    seen.add(plain);
  }
  const { algorithm } = signer;
  const tbs = der(
    SEQUENCE,
    // Version 2.
    integer(1),
    signatureAlgorithm(algorithm),
    subject,
    time(options.thisUpdate),
    time(options.nextUpdate),
    // RFC 5280, 5.1.2.6: absent, not empty, when nothing is revoked.
    ...(options.revoked.length === 0 ? [] : [der(SEQUENCE, ...options.revoked.map(entryOf))]),
    der(
      EXPLICIT_EXTENSIONS,
      der(SEQUENCE, authorityKey(issuerKeyIdentifier(issuer)), extension("2.5.29.20", integer(number))),
    ),
  );
  // What is signed is held against the issuer's key, not only against what the signer calls its own.
  const publicKey = Uint8Array.from(issuer.publicKey.export({ type: "spki", format: "der" }));
  const signature = await signChecked(tbs, { algorithm, publicKey, sign: bytes => signer.sign(bytes) });
  return der(SEQUENCE, tbs, signatureAlgorithm(algorithm), signatureBits(algorithm, signature));
}

/** PEM of a revocation list, as mosquitto's `crlfile` and OpenSSL take it. */
export function revocationListPem(list: Uint8Array): string {
  const lines =
    Buffer.from(list)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN X509 CRL-----\n${lines.join("\n")}\n-----END X509 CRL-----\n`;
}

/**
 * Whether an authority has issued a certificate: by name and key (RFC 5280, 5), because an authority's own certificate
 * is renewed now and then, and its list goes on.
 */
function isFrom(issuer: X509Certificate, digest: string, record: CertificateRecord): boolean {
  if (record.issuer === digest) return true;
  try {
    const certificate = new X509Certificate(record.der);
    return certificate.issuer === issuer.subject && certificate.verify(issuer.publicKey);
  } catch {
    // What cannot be read no broker takes either; the ledger's own check of its tables tells it.
    return false;
  }
}

/**
 * What of a ledger's certificates goes into the list of an issuer: issued by it, and revoked or abandoned. An abandoned
 * one is listed without a reason: it was never in use and is replaced, but nobody knows where its key has gone, so
 * neither `superseded` nor `cessationOfOperation`, which both say that the key is not in doubt, would be true.
 */
export async function revokedBy(
  issuer: X509Certificate,
  certificates: AsyncIterable<CertificateRecord> | Iterable<CertificateRecord>,
): Promise<readonly Revoked[]> {
  const digest = createHash("sha256").update(issuer.raw).digest("hex");
  const revoked: Revoked[] = [];
  for await (const one of certificates)
    if ((one.fate === "revoked" || one.fate === "abandoned") && isFrom(issuer, digest, one))
      revoked.push({ serialNumber: one.serialNumber, at: one.fateAt, reason: one.reason });
  return revoked;
}
