import type { KeyObject, X509Certificate } from "node:crypto";
import type { Credential, CredentialRole, Credentials } from "../../modules/io/credentials.js";
import { BytesCredential } from "../../modules/pki/bytes.js";
import { inspectDer } from "../../modules/pki/der.js";
import {
  describeHeld,
  describeKey,
  type Held,
  readCredentialFile,
  subjectOf,
} from "../../certs/files/read.js";
import { InputError } from "../../certs/input-error.js";

/** Paths as they were given on the command line. */
export interface CredentialFiles {
  /** The CA certificate that the broker is verified with. */
  readonly ca?: string;
  /** The client's certificate; needs `key`. */
  readonly certificate?: string;
  /** The client's private key; needs `certificate`. */
  readonly key?: string;
}

/** What the device stores: DER, one object per role. */
export interface LoadedCredentials {
  /** X.509. */
  readonly ca?: Uint8Array;
  /** X.509. */
  readonly certificate?: Uint8Array;
  /** PKCS#8. Never to be printed. */
  readonly key?: Uint8Array;
  /** Sentences about what was chosen or left out, for the user to read. */
  readonly notes: readonly string[];
}

/** Smallest and largest RSA modulus: clouds refuse less, and more makes a device's handshake last minutes. */
const RSA_BITS = { least: 2048, most: 4096 } as const;

const WANTED: Readonly<Record<CredentialRole, string>> = {
  ca: "a CA certificate",
  certificate: "a client certificate",
  key: "a private key",
};

const OPTION: Readonly<Record<CredentialRole, string>> = { ca: "--ca", certificate: "--cert", key: "--key" };

/**
 * Reads and checks the files before anything runs, and turns them into what a device stores.
 * `now` is the time that certificate dates are held against.
 * @throws InputError for the first file that cannot be used.
 */
export function loadCredentials(files: CredentialFiles, now: Date): LoadedCredentials {
  const notes: string[] = [];
  refuseHalfPair(files);
  const ca = files.ca === undefined ? undefined : loadCa(files.ca, now, notes);
  if (files.certificate === undefined || files.key === undefined) {
    return { ...(ca === undefined ? undefined : { ca: storable(ca.raw, files.ca ?? "") }), notes };
  }
  const certificates = certificatesOf(files.certificate, "certificate", notes);
  const [certificate] = certificates;
  checkDates(certificate, files.certificate, now);
  if (certificate.ca) {
    notes.push(
      `${files.certificate}: ${subjectOf(certificate)} is marked as a CA certificate; some brokers refuse such a client`,
    );
  }
  if (certificates.length > 1) {
    notes.push(
      `${files.certificate} holds ${certificates.length} certificates: the first (${subjectOf(certificate)}) is used, ` +
        "the device sends it alone",
    );
  }
  const key = keyOf(files.key, notes);
  checkMatch(certificates, key, files.certificate, files.key);
  checkKeyKind(key, files.key, "the private key");
  return {
    ...(ca === undefined ? undefined : { ca: storable(ca.raw, files.ca ?? "") }),
    certificate: storable(certificate.raw, files.certificate),
    key: storable(key.export({ type: "pkcs8", format: "der" }), files.key),
    notes,
  };
}

/** Loaded credentials as the firmware's store. */
export function credentialStore(loaded: Pick<LoadedCredentials, CredentialRole>): Credentials {
  return {
    open(role: CredentialRole): Credential | undefined {
      const der = loaded[role];
      return der === undefined ? undefined : new BytesCredential(der);
    },
  };
}

function refuseHalfPair(files: CredentialFiles): void {
  const given = files.certificate ?? files.key;
  if (given === undefined || (files.certificate !== undefined && files.key !== undefined)) return;
  const missing: CredentialRole = files.key === undefined ? "key" : "certificate";
  throw new InputError({
    what: `${given} was given without ${OPTION[missing]}`,
    why: "A client proves who it is with a certificate and the private key that belongs to it; one alone is of no use.",
    fix: `Add ${OPTION[missing]} with the file of ${WANTED[missing]}.`,
    file: given,
  });
}

/** What stands in the way, before it is known whether the right thing is there too. */
function refuseUnusable(held: readonly Held[], file: string, role: CredentialRole): void {
  for (const one of held) {
    if (one.kind === "damaged") {
      throw new InputError({
        what: `${file}: its ${one.name} ${one.fault}`,
        why: "A device that is given this would fail in the TLS handshake, without saying why.",
        fix: "Copy the file again, in binary mode and whole, or export it again.",
        file,
      });
    }
    if (one.kind === "encrypted-key" && role === "key") {
      throw new InputError({
        what: `${file} holds a private key under a password`,
        why: "A device has nobody to type the password, and the module takes no such key.",
        fix: `Take the password off: openssl pkcs8 -topk8 -nocrypt -in ${file} -out plain.key`,
        file,
      });
    }
  }
}

function wrongContent(held: readonly Held[], file: string, role: CredentialRole): InputError {
  const found = held.length === 0 ? "nothing of use" : [...new Set(held.map(describeHeld))].join(" and ");
  const key = held.some(one => one.kind === "key" || one.kind === "encrypted-key");
  const certificate = held.some(one => one.kind === "certificate");
  let fix = `Give the file of ${WANTED[role]} with ${OPTION[role]}.`;
  if (role === "key" && certificate) fix = "Give the file of the private key; were --cert and --key swapped?";
  else if (role === "certificate" && key)
    fix = "Give the file of the certificate; were --cert and --key swapped?";
  else if (held.some(one => one.kind === "other" && one.name.includes("PKCS#12"))) {
    fix = `Take the bundle apart: openssl pkcs12 -in ${file} -nodes, then one file for each of certificate, key and CA.`;
  } else if (held.some(one => one.kind === "other" && one.name.includes("OpenSSH"))) {
    fix =
      "Convert a copy with: ssh-keygen -p -m PKCS8 -f <copy>. Keys for TLS are better made with openssl genpkey.";
  } else if (held.some(one => one.kind === "other" && one.name.includes("trust settings"))) {
    fix = `Write it as a plain certificate: openssl x509 -in ${file} -out plain.crt`;
  } else if (held.some(one => one.kind === "request")) {
    fix = "Give the certificate that the authority issued for this request.";
  }
  return new InputError({
    what: `${file} holds ${found}, not ${WANTED[role]}`,
    why: `${OPTION[role]} needs ${WANTED[role]}.`,
    fix,
    file,
  });
}

function certificatesOf(
  file: string,
  role: "ca" | "certificate",
  notes: string[],
): readonly [X509Certificate, ...X509Certificate[]] {
  const held = readCredentialFile(file);
  refuseUnusable(held, file, role);
  const found = held.flatMap(one => (one.kind === "certificate" ? [one.certificate] : []));
  const [first, ...others] = found;
  if (first === undefined) throw wrongContent(held, file, role);
  if (role === "ca" && held.some(one => one.kind === "key" || one.kind === "encrypted-key")) {
    notes.push(`${file} also holds a private key, which is not needed here and is not stored`);
  }
  return [first, ...others];
}

function keyOf(file: string, notes: string[]): KeyObject {
  const held = readCredentialFile(file);
  refuseUnusable(held, file, "key");
  const keys = held.flatMap(one => (one.kind === "key" ? [one.key] : []));
  const [key] = keys;
  if (key === undefined) throw wrongContent(held, file, "key");
  if (keys.length > 1) notes.push(`${file} holds ${keys.length} private keys: the first is used`);
  return key;
}

/** The one CA certificate that is stored: the only one, or the only root among several. */
function loadCa(file: string, now: Date, notes: string[]): X509Certificate {
  const certificates = certificatesOf(file, "ca", notes);
  const authorities = certificates.filter(one => one.ca);
  if (authorities.length === 0) {
    const selfSigned = isSelfSigned(certificates[0]);
    throw new InputError({
      what: `${file} holds ${certificates.length === 1 ? "a certificate" : "certificates"} (${names(certificates)}), but no CA certificate`,
      why: selfSigned
        ? "It signs itself but is not marked as a CA (basic constraints), so that TLS stacks do not accept it as an authority."
        : "A broker is verified with the certificate of the authority that issued the broker's certificate; this one may issue none.",
      fix: selfSigned
        ? "Make a CA, let it issue the broker's certificate, and give the CA's certificate."
        : "Give the certificate of the authority (often called root or CA), not the broker's or the device's.",
      file,
    });
  }
  const roots = authorities.filter(isSelfSigned);
  const candidates = roots.length > 0 ? roots : authorities;
  const [chosen] = candidates;
  if (chosen === undefined || candidates.length > 1) {
    throw new InputError({
      what: `${file} holds ${candidates.length} CA certificates that could be meant (${names(candidates)})`,
      why: "The device stores one CA certificate, and nobody knows how the module takes a file of several.",
      fix: "Give a file with the one root that the broker's certificate chain ends in.",
      file,
    });
  }
  if (certificates.length > 1) {
    const left = certificates.filter(one => one !== chosen);
    notes.push(`${file}: ${subjectOf(chosen)} is used as the CA; left out: ${names(left)}`);
  }
  if (roots.length === 0) {
    notes.push(
      `${file}: ${subjectOf(chosen)} is an intermediate, not a root; the module may insist on the root at the chain's end`,
    );
  }
  checkDates(chosen, file, now);
  checkKeyKind(chosen.publicKey, file, `the CA's public key (${subjectOf(chosen)})`);
  return chosen;
}

function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey);
}

function names(certificates: readonly X509Certificate[]): string {
  return certificates.map(subjectOf).join(", ");
}

/** `2025-01-02 03:04 UTC` */
function shown(date: Date): string {
  return date.toISOString().slice(0, 16).replace("T", " ") + " UTC";
}

function checkDates(certificate: X509Certificate, file: string, now: Date): void {
  const from = new Date(certificate.validFrom);
  const to = new Date(certificate.validTo);
  const subject = subjectOf(certificate);
  if (now > to) {
    throw new InputError({
      what: `${file}: the certificate (${subject}) expired on ${shown(to)}`,
      why: `It is ${shown(now)}; whoever checks dates refuses it.`,
      fix: "Get a new certificate from its authority; if the date is right and this computer's clock is not, set the clock.",
      file,
    });
  }
  if (now < from) {
    throw new InputError({
      what: `${file}: the certificate (${subject}) is not valid before ${shown(from)}`,
      why: `It is ${shown(now)} on this computer; whoever checks dates refuses it.`,
      fix: "Set this computer's clock if it is wrong; otherwise wait, or have the certificate issued with an earlier date.",
      file,
    });
  }
}

function checkKeyKind(key: KeyObject, file: string, name: string): void {
  const details = key.asymmetricKeyDetails;
  const bits = details?.modulusLength ?? 0;
  if (key.asymmetricKeyType === "rsa" && bits >= RSA_BITS.least && bits <= RSA_BITS.most) return;
  if (key.asymmetricKeyType === "ec" && details?.namedCurve === "prime256v1") return;
  const size = key.asymmetricKeyType === "rsa";
  throw new InputError({
    what: `${file}: ${name} is ${describeKey(key)}, which is not supported`,
    why: size
      ? bits < RSA_BITS.least
        ? `RSA below ${RSA_BITS.least} bits can be broken, and clouds refuse it.`
        : `RSA above ${RSA_BITS.most} bits takes too long and too much memory on a device.`
      : "Module and firmware know RSA and the curve P-256, nothing else.",
    fix: `Use RSA with ${RSA_BITS.least} bits or EC with the curve P-256 (prime256v1).`,
    file,
  });
}

function checkMatch(
  certificates: readonly [X509Certificate, ...X509Certificate[]],
  key: KeyObject,
  certificateFile: string,
  keyFile: string,
): void {
  const [first, ...others] = certificates;
  if (first.checkPrivateKey(key)) return;
  const later = others.find(one => one.checkPrivateKey(key));
  throw new InputError({
    what: `${keyFile} does not belong to ${certificateFile}`,
    why:
      later === undefined
        ? `The certificate (${subjectOf(first)}) has another public key than this private key (${describeKey(key)}).`
        : `The key belongs to ${subjectOf(later)}, but the first certificate in the file is ${subjectOf(first)}.`,
    fix:
      later === undefined
        ? "Give the key that the certificate was requested with; files of two devices may have been mixed."
        : `Put the certificate ${subjectOf(later)} first in ${certificateFile}.`,
    file: later === undefined ? keyFile : certificateFile,
  });
}

/** DER as the firmware will read it, by the firmware's own code. */
function storable(der: Uint8Array, file: string): Uint8Array {
  const bytes = Uint8Array.from(der);
  const found = inspectDer(new BytesCredential(bytes));
  if (found.kind === "invalid") {
    throw new InputError({
      what: `${file} cannot be read by the device (${found.fault})`,
      why: "OpenSSL takes it, but it departs from strict DER, or its key is stored in an unusual form.",
      fix: "Have it issued or exported again by another tool.",
      file,
    });
  }
  return bytes;
}
