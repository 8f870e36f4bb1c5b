import "reflect-metadata";
import { SubjectKeyIdentifierExtension, X509Certificate as ParsedCertificate } from "@peculiar/x509";
import { createHash, createPublicKey, randomBytes, X509Certificate, type KeyObject } from "node:crypto";
import { DerReader, parseCertificate, type Certificate } from "../../modules/pki/x509.js";
import { FactoryError } from "../factory-error.js";
import { describeKey, subjectOf } from "../files/read.js";
import { der, octets, oid, SEQUENCE, signatureAlgorithm, signatureBits, time, unsigned } from "./der.js";
import { badSignature, checkSigningKey, signChecked, type CertificateSigner } from "./signer.js";

/** Distinguished name of a device or an authority: what of X.520 clouds look at. */
export interface Subject {
  /** 1 to 64 characters, as all but the country. */
  readonly commonName: string;
  readonly organization?: string | undefined;
  readonly organizationalUnit?: string | undefined;
  /** Two capitals. */
  readonly country?: string | undefined;
}

export interface CertificateOptions {
  readonly subject: Subject;
  /** SubjectPublicKeyInfo, DER: P-256, or RSA of 2048 to 4096 bits. */
  readonly publicKey: Uint8Array;
  /** X.509 knows whole seconds: fractions are dropped. */
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Hexadecimal, 1 to 20 bytes, positive; default: 16 random bytes. */
  readonly serialNumber?: string;
}

const SET = 0x31;
const UTF8_STRING = 0x0c;
const PRINTABLE_STRING = 0x13;
const EXPLICIT_VERSION = 0xa0;
const EXPLICIT_EXTENSIONS = 0xa3;
const KEY_IDENTIFIER = 0x80;
/** RFC 5280, appendix A: ub-common-name, ub-organization-name, ub-organizational-unit-name. */
const NAME_MOST = 64;

function refuse(code: string, side: "unit" | "input", what: string, why: string, fix: string): never {
  throw new FactoryError({ code, side, what, why, fix });
}

/**
 * A serial number for a new certificate, hexadecimal. RFC 5280, 4.1.2.2: positive, at most 20 bytes; 16
 * random ones are told apart for ever.
 */
export function newSerialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

function serialNumberOf(text: string): Uint8Array {
  const bytes = /^([\da-f]{2}){1,20}$/i.test(text) ? Buffer.from(text, "hex") : Buffer.alloc(0);
  const isPositive = bytes.some(byte => byte !== 0) && (bytes.length < 20 || (bytes[0] ?? 0) < 0x80);
  return isPositive
    ? unsigned(bytes)
    : refuse(
        "certificate-serial",
        "input",
        "the serial number is not positive or not of 1 to 20 bytes",
        "RFC 5280 allows no other, and readers refuse it.",
        "Leave it out: a random one is taken.",
      );
}

function checkText(text: string, name: string): string {
  const length = Array.from(text).length;
  if (length >= 1 && length <= NAME_MOST && !/\p{Cc}|\p{Cs}/u.test(text)) return text;
  return refuse(
    "certificate-name",
    "input",
    `the ${name} has ${length === 0 ? "no characters" : length > NAME_MOST ? `${String(length)} characters` : "control characters or halves of characters"}`,
    `A ${name} has 1 to ${String(NAME_MOST)} characters (RFC 5280, appendix A); brokers hold to it.`,
    "Take another serial or name.",
  );
}

/** Name (RFC 5280, 4.1.2.4), DER. */
function nameOf(subject: Subject): Uint8Array {
  const { commonName, organization, organizationalUnit, country } = subject;
  const part = (type: string, tag: number, text: string): Uint8Array =>
    der(SET, der(SEQUENCE, oid(type), der(tag, Buffer.from(text))));
  const parts: Uint8Array[] = [];
  if (country !== undefined) {
    if (!/^[A-Z]{2}$/.test(country))
      refuse(
        "certificate-name",
        "input",
        "the country is not two capitals",
        "X.509 wants the two letters of ISO 3166.",
        "For example: DE",
      );
    parts.push(part("2.5.4.6", PRINTABLE_STRING, country));
  }
  if (organization !== undefined)
    parts.push(part("2.5.4.10", UTF8_STRING, checkText(organization, "organization")));
  if (organizationalUnit !== undefined)
    parts.push(part("2.5.4.11", UTF8_STRING, checkText(organizationalUnit, "organizational unit")));
  parts.push(part("2.5.4.3", UTF8_STRING, checkText(commonName, "common name")));
  return der(SEQUENCE, ...parts);
}

/** RFC 5280, 4.2.1.2, method 1: SHA-1 of the key's bits; a name for the key, not a proof of anything. */
function keyIdentifier(spki: Uint8Array): Uint8Array {
  const fields = new DerReader(spki).into(SEQUENCE);
  fields.next(SEQUENCE);
  return createHash("sha1").update(fields.next().contents.subarray(1)).digest();
}

function extension(type: string, critical: boolean, value: Uint8Array): Uint8Array {
  return critical
    ? der(SEQUENCE, oid(type), Uint8Array.of(1, 1, 0xff), octets(value))
    : der(SEQUENCE, oid(type), octets(value));
}

/** authorityKeyIdentifier: what the issuer's certificate calls its key, else what it would. */
export function authorityKey(identifier: Uint8Array): Uint8Array {
  return extension("2.5.29.35", false, der(SEQUENCE, der(KEY_IDENTIFIER, identifier)));
}

/** The issuer's own name for its key. */
export function issuerKeyIdentifier(issuer: X509Certificate): Uint8Array {
  const held = new ParsedCertificate(Uint8Array.from(issuer.raw)).getExtension(SubjectKeyIdentifierExtension);
  return held === null
    ? keyIdentifier(issuer.publicKey.export({ type: "spki", format: "der" }))
    : Buffer.from(held.keyId, "hex");
}

/** BIT STRINGs of RFC 5280, 4.2.1.3, with the count of unused bits. */
const SIGNS = Uint8Array.of(3, 2, 7, 0x80);
const SIGNS_AND_ENCIPHERS_KEYS = Uint8Array.of(3, 2, 5, 0xa0);
const SIGNS_CERTIFICATES_AND_LISTS = Uint8Array.of(3, 2, 1, 0x06);
/** In {@link parseCertificate}'s form. */
const KEY_CERT_SIGN = 0x0400;

interface Draft {
  readonly serialNumber: string;
  /** Names, DER. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  readonly extensions: readonly Uint8Array[];
}

function tbsOf(draft: Draft, algorithm: CertificateSigner["algorithm"]): Uint8Array {
  return der(
    SEQUENCE,
    // X.509 version 3.
    der(EXPLICIT_VERSION, Uint8Array.of(2, 1, 2)),
    serialNumberOf(draft.serialNumber),
    signatureAlgorithm(algorithm),
    draft.issuer,
    der(SEQUENCE, time(draft.notBefore), time(draft.notAfter)),
    draft.subject,
    draft.publicKey,
    der(EXPLICIT_EXTENSIONS, der(SEQUENCE, ...draft.extensions)),
  );
}

function assembled(
  tbs: Uint8Array,
  algorithm: CertificateSigner["algorithm"],
  signature: Uint8Array,
): Uint8Array {
  return der(SEQUENCE, tbs, signatureAlgorithm(algorithm), signatureBits(algorithm, signature));
}

/** The same draft gives the same certificate, but for the random number in an ECDSA signature. */
async function signed(draft: Draft, signer: CertificateSigner, issuerKey: KeyObject): Promise<Uint8Array> {
  const tbs = tbsOf(draft, signer.algorithm);
  const made = assembled(tbs, signer.algorithm, await signChecked(tbs, signer));
  // As others will read it, with the issuer's key as its certificate has it.
  const read = new X509Certificate(made);
  if (!read.raw.equals(made) || !read.verify(issuerKey)) throw badSignature();
  return made;
}

/** Whole seconds, as a certificate has them. */
function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

function checkDates(notBefore: Date, notAfter: Date): void {
  const from = seconds(notBefore);
  const to = seconds(notAfter);
  // GeneralizedTime ends with the year 9999.
  if (from < to && from >= 0 && to <= 253_402_300_799) return;
  refuse(
    "certificate-dates",
    "input",
    "the certificate would end before it begins, or has no dates",
    "Nobody would ever take it.",
    "Look at the days of the profile, and at this computer's clock.",
  );
}

function checkDeviceKey(publicKey: Uint8Array): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" });
  } catch {
    // OpenSSL's words for a point that is not on the curve are of no use to anybody.
  }
  if (key === undefined)
    return refuse(
      "unit-key",
      "unit",
      "the unit's public key is damaged",
      "It is no public key (SubjectPublicKeyInfo), or its point is not on the curve.",
      "Run again; if it happens again, the unit's memory or its line is faulty.",
    );
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const size = details?.modulusLength ?? 0;
  const exponent = details?.publicExponent ?? 0n;
  const isFit =
    type === "rsa"
      ? size >= 2048 && size <= 4096 && exponent >= 3n && exponent % 2n === 1n
      : type === "ec" && details?.namedCurve === "prime256v1";
  // Compressed points, curves by parameters, bytes behind the key: devices and modules read one form only.
  const isPlain =
    key.export({ type: "spki", format: "der" }).equals(publicKey) &&
    (type === "rsa" || publicKey.length === 91);
  if (isFit && isPlain) return key;
  return refuse(
    "unit-key",
    "unit",
    `the unit's public key is ${describeKey(key)}${isFit ? ", in an unusual form" : ""}`,
    "Certificates are issued for keys on P-256, the point uncompressed, and RSA of 2048 to 4096 bits: nothing else works in modules and firmware.",
    "Make a key of such a kind.",
  );
}

function issuerFault(issuer: X509Certificate): string | undefined {
  let parsed: Certificate;
  try {
    parsed = parseCertificate(Uint8Array.from(issuer.raw));
  } catch {
    return "departs from strict DER, which devices insist on";
  }
  const { authority, keyUsage } = parsed;
  if (!authority) return "is no authority (basicConstraints CA:TRUE is missing)";
  // A limit of authorities below it (pathlen) never forbids a device's certificate: it counts intermediates only.
  return keyUsage !== undefined && (keyUsage & KEY_CERT_SIGN) === 0
    ? "may not sign certificates (its key usage lacks keyCertSign)"
    : undefined;
}

/**
 * @throws FactoryError `issuer` (input) when certificates below this one would be refused: no CA, no
 * keyCertSign.
 */
export function checkIssuer(issuer: X509Certificate): void {
  const fault = issuerFault(issuer);
  if (fault === undefined) return;
  refuse(
    "issuer",
    "input",
    `${subjectOf(issuer)} ${fault}`,
    "Whoever verifies a chain would refuse every certificate that it issues.",
    "Give the certificate of an authority; certs ca create makes one.",
  );
}

/** When a certificate of so many days is valid, within its issuer's own life; from a day ago, for clocks that differ. */
export function deviceValidity(
  issuer: X509Certificate,
  days: number,
  now: Date,
): { readonly notBefore: Date; readonly notAfter: Date } {
  const day = 86_400_000;
  // Nothing that this clock dates would be valid by it, and its end would come years too early by the right one.
  if (seconds(now) < seconds(new Date(issuer.validFrom)))
    refuse(
      "certificate-dates",
      "input",
      `this computer's clock says ${now.toISOString().slice(0, 10)}, before the life of ${subjectOf(issuer)}, which begins on ${new Date(issuer.validFrom).toISOString().slice(0, 10)}`,
      "What is dated by a wrong clock is not valid when it should be.",
      "Set this computer's clock.",
    );
  const start = Math.max(now.getTime() - day, Date.parse(issuer.validFrom));
  const validity = {
    notBefore: new Date(Math.floor(start / 1000) * 1000),
    notAfter: new Date(Math.floor(now.getTime() / 1000) * 1000 + days * day),
  };
  checkWithin(validity.notBefore, validity.notAfter, issuer);
  return validity;
}

function checkWithin(notBefore: Date, notAfter: Date, issuer: X509Certificate): void {
  const isWithin =
    seconds(notBefore) >= seconds(new Date(issuer.validFrom)) &&
    seconds(notAfter) <= seconds(new Date(issuer.validTo));
  if (isWithin) return;
  refuse(
    "certificate-dates",
    "input",
    `a certificate from ${notBefore.toISOString().slice(0, 10)} to ${notAfter.toISOString().slice(0, 10)} is not within the life of its authority, ${new Date(issuer.validFrom).toISOString().slice(0, 10)} to ${new Date(issuer.validTo).toISOString().slice(0, 10)}`,
    "Outside of that life the chain does not hold, whatever the device's certificate says.",
    "Ask for fewer days, or have the authority renewed.",
  );
}

/**
 * A root: an authority's certificate, signed with its own key. DER.
 * @throws FactoryError `certificate-dates`, `certificate-name`, `signature`.
 */
export async function issueRoot(
  options: Omit<CertificateOptions, "publicKey">,
  signer: CertificateSigner,
): Promise<Uint8Array> {
  checkDates(options.notBefore, options.notAfter);
  const name = nameOf(options.subject);
  const identifier = keyIdentifier(signer.publicKey);
  return signed(
    {
      serialNumber: options.serialNumber ?? newSerialNumber(),
      issuer: name,
      subject: name,
      notBefore: options.notBefore,
      notAfter: options.notAfter,
      publicKey: signer.publicKey,
      extensions: [
        // CA, and pathlen 0: devices only below it, it issues no further authority.
        extension("2.5.29.19", true, der(SEQUENCE, Uint8Array.of(1, 1, 0xff, 2, 1, 0))),
        extension("2.5.29.15", true, SIGNS_CERTIFICATES_AND_LISTS),
        extension("2.5.29.14", false, octets(identifier)),
        authorityKey(identifier),
      ],
    },
    signer,
    createPublicKey({ key: Buffer.from(signer.publicKey), format: "der", type: "spki" }),
  );
}

/**
 * A device's certificate, for TLS clients. DER. The same options with a serial number give the same
 * certificate each time, but for an ECDSA signature. It was verified with the issuer's public key.
 * @throws FactoryError `certificate-dates`, `certificate-name`, `certificate-serial`, `unit-key`,
 * `issuer`, `signature`.
 */
export async function issueDevice(
  options: CertificateOptions,
  issuer: X509Certificate,
  signer: CertificateSigner,
): Promise<Uint8Array> {
  return signed(deviceDraft(options, issuer), signer, issuer.publicKey);
}

/**
 * A certificate of the shape and size that {@link issueDevice} would give, with random bytes for a
 * signature, of the largest size that one may have: for checks ahead of any key and any unit. Nobody
 * takes it. Errors as there, but for `signature`; `issuer-key` when the issuer's key signs nothing here.
 */
export function sampleDevice(options: CertificateOptions, issuer: X509Certificate): Uint8Array {
  const draft = deviceDraft(options, issuer);
  const algorithm = checkSigningKey(issuer.publicKey, `the key of ${subjectOf(issuer)}`);
  const length =
    algorithm === "ECDSA" ? 64 : (issuer.publicKey.asymmetricKeyDetails?.modulusLength ?? 2048) / 8;
  // With their highest bits set r and s need one byte more each.
  const signature = randomBytes(length).map((byte, at) => (at % 32 === 0 ? byte | 0x80 : byte));
  return assembled(tbsOf(draft, algorithm), algorithm, signature);
}

function deviceDraft(options: CertificateOptions, issuer: X509Certificate): Draft {
  checkIssuer(issuer);
  checkDates(options.notBefore, options.notAfter);
  checkWithin(options.notBefore, options.notAfter, issuer);
  const key = checkDeviceKey(options.publicKey);
  const { subject } = parseCertificate(Uint8Array.from(issuer.raw));
  return {
    serialNumber: options.serialNumber ?? newSerialNumber(),
    issuer: subject,
    subject: nameOf(options.subject),
    notBefore: options.notBefore,
    notAfter: options.notAfter,
    publicKey: options.publicKey,
    extensions: [
      // No CA.
      extension("2.5.29.19", true, der(SEQUENCE)),
      // Key encipherment: TLS with static RSA, the only key exchange that some modules know.
      extension("2.5.29.15", true, key.asymmetricKeyType === "rsa" ? SIGNS_AND_ENCIPHERS_KEYS : SIGNS),
      // clientAuth.
      extension("2.5.29.37", false, der(SEQUENCE, oid("1.3.6.1.5.5.7.3.2"))),
      extension("2.5.29.14", false, octets(keyIdentifier(options.publicKey))),
      authorityKey(issuerKeyIdentifier(issuer)),
    ],
  };
}
