import "reflect-metadata";
import { Pkcs10CertificateRequest, X509Certificate as ParsedCertificate } from "@peculiar/x509";
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { isAbsolute } from "node:path";
import { InputError } from "../input-error.js";
import { derFault, looksLikeDer } from "./der-fault.js";

/** One thing that a file holds. */
export type Held =
  | { readonly kind: "certificate"; readonly certificate: X509Certificate }
  | { readonly kind: "key"; readonly key: KeyObject }
  | { readonly kind: "encrypted-key" }
  | { readonly kind: "request"; readonly request: Pkcs10CertificateRequest }
  /** Something else that is known by name: `a public key`. */
  | { readonly kind: "other"; readonly name: string }
  /** Damaged; `name` as the file calls it, `fault` completes the sentence "its ... ". */
  | { readonly kind: "damaged"; readonly name: string; readonly fault: string };

/** Larger files are no certificates, in bytes; nothing of them is read. */
const FILE_LIMIT = 1_000_000;

const OTHER_LABELS: Readonly<Record<string, string>> = {
  "PUBLIC KEY": "a public key",
  "RSA PUBLIC KEY": "a public key",
  "X509 CRL": "a certificate revocation list",
  PKCS7: "a PKCS#7 bundle",
  "OPENSSH PRIVATE KEY": "a private key in OpenSSH's own format",
  "DSA PRIVATE KEY": "a DSA private key",
  "DH PARAMETERS": "Diffie-Hellman parameters",
};

/** Text of other programs, by how it begins. */
const FOREIGN: readonly (readonly [RegExp, string])[] = [
  [/^\s*(ssh-(rsa|ed25519|dss)|ecdsa-sha2-\S+) AAAA/, "a public key in OpenSSH's own format"],
  [/^PuTTY-User-Key-File-/, "a private key in PuTTY's own format"],
];

const KEY_TYPES: Readonly<Record<string, "pkcs8" | "pkcs1" | "sec1">> = {
  "PRIVATE KEY": "pkcs8",
  "RSA PRIVATE KEY": "pkcs1",
  "EC PRIVATE KEY": "sec1",
};

/** Why a file could not be read. */
function reason(file: string, error: unknown): { what: string; fix: string } {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return {
        what: "does not exist",
        // Those of a profile are absolute by now.
        fix: `Check the spelling of the path; ${isAbsolute(file) ? "one in a profile starts from the profile's own folder" : "it is taken from the current folder"}.`,
      };
    case "EISDIR":
      return { what: "is a folder", fix: "Name the file inside it." };
    case "EACCES":
    case "EPERM":
      return { what: "may not be read by this user", fix: "Change the file's permissions or its owner." };
    default:
      return {
        what: `could not be read (${code === "" ? "unknown error" : code})`,
        fix: "Check the file and its drive.",
      };
  }
}

/**
 * What a file holds, in order: PEM with any line ends, with or without a byte order mark and text
 * around the blocks, or one DER object.
 * @param limit most bytes; a bundle of many certificates may have more than a device's credentials.
 * @throws InputError when the file cannot be read, is empty, or holds nothing of either form.
 */
export function readCredentialFile(file: string, limit = FILE_LIMIT): readonly Held[] {
  let bytes: Buffer;
  try {
    refuseLarge(statSync(file).size, file, limit);
    bytes = readFileSync(file);
  } catch (error) {
    if (error instanceof InputError) throw error;
    const { what, fix } = reason(file, error);
    throw new InputError({
      what: `${file} ${what}`,
      why: "The credentials are read before anything runs.",
      fix,
      file,
    });
  }
  const text = decode(bytes);
  if (text.trim() === "") {
    throw new InputError({
      what: `${file} is empty`,
      why: bytes.length === 0 ? "It has no bytes." : "It has nothing but blanks.",
      fix: "Make or copy the file again; a full drive or an interrupted download leaves such files behind.",
      file,
    });
  }
  if (text.includes("-----BEGIN ")) return readPem(text, file);
  const foreign = FOREIGN.find(([pattern]) => pattern.test(text));
  if (foreign !== undefined) return [{ kind: "other", name: foreign[1] }];
  const held = readDer(bytes);
  if (held !== undefined) return [held];
  if (looksLikeDer(bytes)) {
    const fault = derFault(bytes) ?? "is whole, but holds no certificate, no key and no request";
    return [{ kind: "damaged", name: "DER", fault: `file is not intact: it ${fault}` }];
  }
  throw new InputError({
    what: `${file} holds neither PEM text nor DER`,
    why: looksLikeBareBase64(text)
      ? "It holds base64 without the lines that say what it is."
      : "No line begins with -----BEGIN, and the bytes are no certificate and no key.",
    fix: looksLikeBareBase64(text)
      ? "Put the lines -----BEGIN CERTIFICATE----- and -----END CERTIFICATE----- (or PRIVATE KEY) around it."
      : "Give a certificate or key as PEM (text with BEGIN and END lines) or DER.",
    file,
  });
}

function refuseLarge(size: number, file: string, limit: number): void {
  if (size <= limit) return;
  throw new InputError({
    what: `${file} has ${size} bytes`,
    why: "Certificates and keys have a few kilobytes; this is some other file.",
    fix: "Check the path.",
    file,
  });
}

/** Text of any of the encodings that editors and shells write; bytes one to one otherwise. */
function decode(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.subarray(2).toString("utf16le");
  if (bytes[0] === 0xfe && bytes[1] === 0xff) {
    return Buffer.from(bytes.subarray(2, bytes.length - (bytes.length % 2)))
      .swap16()
      .toString("utf16le");
  }
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  return bytes.toString("latin1", start);
}

function looksLikeBareBase64(text: string): boolean {
  const joined = text.replace(/\s+/g, "");
  return /^MII[A-Za-z0-9+/]+={0,2}$/.test(joined);
}

function readPem(text: string, file: string): readonly Held[] {
  if (/-----BEGIN [A-Z0-9 ]+-----["']?\s*\\n/.test(text)) {
    throw new InputError({
      what: `${file} holds the two characters \\ and n where lines should end`,
      why: "The text was copied out of a source or JSON file, where \\n stands for a line end.",
      fix: "Replace every \\n by a real line end and take away quotation marks.",
      file,
    });
  }
  const held: Held[] = [];
  const boundary = /-----BEGIN ([A-Z0-9 ]+)-----/g;
  for (let match = boundary.exec(text); match !== null; match = boundary.exec(text)) {
    const label = match[1] ?? "";
    // A curve's name, which OpenSSL writes in front of an EC key.
    if (label === "EC PARAMETERS") continue;
    const start = boundary.lastIndex;
    const end = text.indexOf(`-----END ${label}-----`, start);
    const next = text.indexOf("-----BEGIN ", start);
    if (end < 0 || (next >= 0 && next < end)) {
      held.push({ kind: "damaged", name: label, fault: "has no END line: the text was cut off" });
      continue;
    }
    held.push(readBlock(label, text.slice(start, end)));
    boundary.lastIndex = end;
  }
  return held;
}

function readBlock(label: string, body: string): Held {
  if (label === "ENCRYPTED PRIVATE KEY" || /Proc-Type:[^\r\n]*ENCRYPTED/.test(body))
    return { kind: "encrypted-key" };
  const other = OTHER_LABELS[label];
  if (other !== undefined) return { kind: "other", name: other };
  // OpenSSL's own form: a certificate with trust settings behind it.
  if (label === "TRUSTED CERTIFICATE")
    return { kind: "other", name: "a certificate with OpenSSL trust settings" };
  const base64 = body.replace(/\s+/g, "");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64) || base64.length % 4 !== 0) {
    return {
      kind: "damaged",
      name: label,
      fault: "is not intact: characters are missing or do not belong there",
    };
  }
  const der = Buffer.from(base64, "base64");
  const damaged: Held = {
    kind: "damaged",
    name: label,
    fault: `is not intact: its DER ${derFault(der) ?? "cannot be read"}`,
  };
  if (label === "CERTIFICATE" || label === "X509 CERTIFICATE") {
    return readCertificate(der) ?? mislabelled(der, label) ?? damaged;
  }
  if (label === "CERTIFICATE REQUEST" || label === "NEW CERTIFICATE REQUEST")
    return readRequest(der) ?? mislabelled(der, label) ?? damaged;
  const type = KEY_TYPES[label];
  if (type === undefined) return { kind: "other", name: `a PEM block that calls itself ${label}` };
  // Some tools write one form of key under the label of another.
  const found = readKey(der, type) ?? readDer(der);
  if (found?.kind === "key" || found?.kind === "encrypted-key") return found;
  return mislabelled(der, label) ?? damaged;
}

/** A block whose content is intact but not what its lines say. */
function mislabelled(der: Buffer, label: string): Held | undefined {
  const found = readDer(der);
  if (found === undefined || found.kind === "damaged") return undefined;
  return {
    kind: "damaged",
    name: label,
    fault: `holds ${describeHeld(found)}: its BEGIN and END lines are wrong`,
  };
}

function readCertificate(der: Buffer): Held | undefined {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(der);
  } catch {
    return undefined;
  }
  // OpenSSL drops bytes behind the certificate and rewrites BER; a device would store them as they are.
  if (!certificate.raw.equals(der)) return undefined;
  const fault = hasReadableKey(certificate)
    ? hasReadableFields(der)
      ? undefined
      : "has a field or an extension that cannot be read"
    : "is for a public key that cannot be read: a kind that is not known here, or a point that is not on its curve";
  return fault === undefined
    ? { kind: "certificate", certificate }
    : { kind: "damaged", name: "CERTIFICATE", fault };
}

/** OpenSSL looks into extensions only when it needs them. */
function hasReadableFields(der: Buffer): boolean {
  try {
    const parsed = new ParsedCertificate(Uint8Array.from(der));
    // Each is read when it is asked for.
    return (
      parsed.extensions.length >= 0 && Number.isFinite(parsed.notBefore.getTime() + parsed.notAfter.getTime())
    );
  } catch {
    return false;
  }
}

function hasReadableKey(certificate: X509Certificate): boolean {
  try {
    return certificate.publicKey.type === "public";
  } catch {
    return false;
  }
}

function readKey(der: Buffer, type: "pkcs8" | "pkcs1" | "sec1"): Held | undefined {
  try {
    return { kind: "key", key: createPrivateKey({ key: der, format: "der", type }) };
  } catch {
    return undefined;
  }
}

function readRequest(der: Buffer): Held | undefined {
  try {
    const request = new Pkcs10CertificateRequest(Uint8Array.from(der));
    if (request.rawData.byteLength !== der.length) return undefined;
    return isPublicKey(Buffer.from(request.publicKey.rawData))
      ? { kind: "request", request }
      : {
          kind: "damaged",
          name: "CERTIFICATE REQUEST",
          fault:
            "is for a public key that cannot be read: a kind that is not known here, or a point that is not on its curve",
        };
  } catch {
    return undefined;
  }
}

function isPublicKey(der: Buffer): boolean {
  try {
    createPublicKey({ key: der, format: "der", type: "spki" });
    return true;
  } catch {
    return false;
  }
}

/** PKCS#12: SEQUENCE { INTEGER 3, ... }. */
function isPkcs12(der: Buffer): boolean {
  const at = der[1] === 0x82 ? 4 : der[1] === 0x83 ? 5 : 0;
  return at > 0 && der[at] === 2 && der[at + 1] === 1 && der[at + 2] === 3;
}

/** EncryptedPrivateKeyInfo: PBES2 or one of PKCS#12's, the first object in the first object. */
function isEncrypted(der: Buffer): boolean {
  const head = der.subarray(0, 32);
  const pkcs5 = Buffer.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5);
  const pkcs12 = Buffer.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12);
  return head.includes(pkcs5) || head.includes(pkcs12);
}

function readDer(der: Buffer): Held | undefined {
  if (der[0] !== 0x30) return undefined;
  if (isEncrypted(der)) return { kind: "encrypted-key" };
  const held = readCertificate(der) ?? readKey(der, "pkcs8") ?? readKey(der, "pkcs1") ?? readKey(der, "sec1");
  if (held !== undefined) return held;
  if (isPkcs12(der)) return { kind: "other", name: "a PKCS#12 bundle (.p12, .pfx)" };
  if (isPublicKey(der)) return { kind: "other", name: "a public key" };
  return readRequest(der);
}

/** The subject for people: its common name, or all of it. */
export function subjectOf(certificate: X509Certificate): string {
  const lines = certificate.subject.split("\n");
  const name = lines.filter(line => line.startsWith("CN=")).pop() ?? lines.join(", ");
  return name === "" ? "without a subject" : printable(name);
}

/** Without control characters, which would act on a terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "?");
}

/** `RSA, 2048 bits`, `EC, curve P-256`: never more than that of a key. */
export function describeKey(key: KeyObject): string {
  const type = key.asymmetricKeyType ?? "unknown type";
  const details = key.asymmetricKeyDetails;
  if (type === "rsa" || type === "rsa-pss")
    return `${type.toUpperCase()}, ${details?.modulusLength ?? 0} bits`;
  if (type === "ec") {
    const curve = details?.namedCurve;
    return `EC, curve ${curve === "prime256v1" ? "P-256" : (curve ?? "given by parameters")}`;
  }
  return type;
}

export function describeHeld(held: Held): string {
  switch (held.kind) {
    case "certificate":
      return `a certificate (${subjectOf(held.certificate)})`;
    case "key":
      return `a private key (${describeKey(held.key)})`;
    case "encrypted-key":
      return "a private key under a password";
    case "request":
      return "a certificate signing request";
    case "other":
      return held.name;
    case "damaged":
      return `a damaged ${held.name}`;
  }
}
