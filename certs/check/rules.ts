import type { KeyObject, X509Certificate } from "node:crypto";
import { BytesCredential } from "../../modules/pki/bytes.js";
import { inspectDer } from "../../modules/pki/der.js";
import { certificateFacts, publicKeySha256, type CertificateFacts } from "../files/facts.js";
import { shownDate } from "../files/inspect.js";
import { describeKey, subjectOf } from "../files/read.js";
import { chainFault } from "./chain.js";
import type { Finding } from "./finding.js";

/** What a TLS, of a module or of the device, takes. */
export interface TlsAcceptance {
  /** For sentences: `the BC66's own TLS`. */
  readonly name: string;
  readonly clientKeys: readonly ("rsa" | "p256")[];
  /** Authorities' keys whose signatures it is known to read; absent: RSA and EC. What is not among them is warned of. */
  readonly authorityKeys?: readonly ("rsa" | "ec")[];
  /** Most bytes of a credential as PEM; absent: no limit is known. */
  readonly credentialMax?: number;
}

/** A device's credentials and what they are to be held against. */
export interface DeviceCredentials {
  /** That the device verifies the broker with. */
  readonly ca?: X509Certificate | undefined;
  readonly certificate: X509Certificate;
  /** Either half. Absent: the key is on the device, and its public half is the certificate's. */
  readonly key?: KeyObject | undefined;
  /** Certificates between the device's and its root, and that root, in any order. Absent: not checked. */
  readonly issuers?: readonly X509Certificate[] | undefined;
  /** That the subject's common name must be. */
  readonly serial?: string;
  readonly tls?: readonly TlsAcceptance[];
}

type Rule = (device: DeviceCredentials, facts: CertificateFacts, now: Date) => Finding | undefined;

/** Names come out of certificates that anybody may have made: without what would act on a terminal. */
function shown(name: string): string {
  return `CN=${name.replace(/\p{Cc}/gu, "?")}`;
}

const DAY_MS = 86_400_000;
const SOON_DAYS = 30;

/** RSA or P-256 as a device stores it; `undefined`: neither. */
function keyKind(key: KeyObject): "rsa" | "p256" | undefined {
  const details = key.asymmetricKeyDetails;
  const bits = details?.modulusLength ?? 0;
  if (key.asymmetricKeyType === "rsa" && bits >= 2048 && bits <= 4096) return "rsa";
  return key.asymmetricKeyType === "ec" && details?.namedCurve === "prime256v1" ? "p256" : undefined;
}

function dates(
  facts: CertificateFacts,
  now: Date,
  subject: "ca" | "certificate",
  name: string,
): Finding | undefined {
  const at = now.getTime();
  const shownNow = shownDate(now.toISOString());
  if (at > Date.parse(facts.notAfter))
    return {
      rule: "expired",
      severity: "error",
      subject,
      what: `${name} (${facts.subject}) expired on ${shownDate(facts.notAfter)}`,
      why: `It is ${shownNow}; whoever checks dates refuses it.`,
      fix: "Have it issued anew; if that date is right and this computer's clock is not, set the clock.",
    };
  if (at < Date.parse(facts.notBefore))
    return {
      rule: "not-yet-valid",
      severity: "error",
      subject,
      what: `${name} (${facts.subject}) is not valid before ${shownDate(facts.notBefore)}`,
      why: `It is ${shownNow} on this computer; whoever checks dates refuses it.`,
      fix: "Set this computer's clock if it is wrong; otherwise wait, or have it issued with an earlier date.",
    };
  if (Date.parse(facts.notAfter) - at < SOON_DAYS * DAY_MS)
    return {
      rule: "expires-soon",
      severity: "warning",
      subject,
      what: `${name} (${facts.subject}) expires on ${shownDate(facts.notAfter)}`,
      why: "A device that is stored or shipped until then never connects.",
      fix: "Issue certificates for the device's life, or plan their rotation.",
    };
  return undefined;
}

function weakSignature(
  facts: CertificateFacts,
  subject: "ca" | "certificate",
  name: string,
): Finding | undefined {
  // Nobody verifies the signature of a root: it is trusted as it stands.
  if (subject === "ca" && facts.selfSigned) return undefined;
  if (!/MD[25]|SHA-?1$/.test(facts.signature)) return undefined;
  return {
    rule: "signature",
    severity: "error",
    subject,
    what: `${name} (${facts.subject}) is signed by ${facts.signature}`,
    why: "That can be forged; brokers and the device's own check refuse it.",
    fix: "Have the authority sign with SHA-256.",
  };
}

/** Of the certificates that this TLS reads: an algorithm that it is not known to have. */
function routeSignature(
  tls: readonly TlsAcceptance[] = [],
  found: string | undefined,
  subject: "ca" | "certificate",
  what: string,
): Finding | undefined {
  if (found !== "rsa" && found !== "ec") return undefined;
  const unsure = tls.find(one => one.authorityKeys !== undefined && !one.authorityKeys.includes(found));
  if (unsure === undefined) return undefined;
  const [name, other] = found === "ec" ? ["ECDSA", "RSA-2048"] : ["RSA", "P-256"];
  return {
    rule: "route-signature",
    severity: "warning",
    subject,
    what: `${what}; that ${unsure.name} reads ${name} is not known`,
    why: `No suite that it offers has ${name}, and its maker names no such key or signature: it may refuse the certificate.`,
    fix: `Use an authority with a key of ${other}, use another route, or try it with one unit and its broker first.`,
  };
}

function size(
  facts: CertificateFacts,
  tls: readonly TlsAcceptance[] = [],
  subject: "ca" | "certificate",
  name: string,
): Finding | undefined {
  const small = tls.find(one => facts.pemBytes > (one.credentialMax ?? Infinity));
  if (small === undefined) return undefined;
  return {
    rule: "size",
    severity: "error",
    subject,
    what: `${name} has ${facts.pemBytes} bytes as PEM; ${small.name} takes ${small.credentialMax ?? 0}`,
    why: "The module would store less than the whole, or nothing.",
    fix:
      subject === "ca"
        ? "Give the root alone; if it is too large itself, take another route."
        : "Have it issued with shorter names and fewer extensions, use P-256, or another route.",
  };
}

/** Every rule about the device's certificate and key, in the order that people should hear of them. */
const RULES: readonly Rule[] = [
  function keyMatch({ certificate, key }) {
    if (key === undefined || publicKeySha256(key) === publicKeySha256(certificate.publicKey))
      return undefined;
    return {
      rule: "key-match",
      severity: "error",
      subject: "key",
      what: `the ${key.type === "private" ? "private key" : "unit's key"} (${describeKey(key)}) does not belong to the certificate (${subjectOf(certificate)})`,
      why: "The certificate is for another public key: in the handshake the broker refuses the device's signature.",
      fix: "Give the key that the certificate was requested with; files of two devices may have been mixed.",
    };
  },
  function kind({ certificate, key }) {
    const one = key ?? certificate.publicKey;
    if (keyKind(one) !== undefined) return undefined;
    return {
      rule: "key-kind",
      severity: "error",
      subject: key === undefined ? "certificate" : "key",
      what: `the key is ${describeKey(one)}`,
      why: "Modules and firmware know RSA from 2048 to 4096 bits and the curve P-256, nothing else.",
      fix: "Make a key on P-256 (prime256v1) or RSA with 2048 bits, and have its certificate issued.",
    };
  },
  function routeKey({ certificate, key, tls = [] }) {
    const found = keyKind(key ?? certificate.publicKey);
    const refusing = tls.find(one => found !== undefined && !one.clientKeys.includes(found));
    if (found === undefined || refusing === undefined) return undefined;
    const [name, other] = found === "rsa" ? ["RSA", "a key on P-256"] : ["P-256", "an RSA-2048 key"];
    return {
      rule: "route-key",
      severity: "error",
      subject: key === undefined ? "certificate" : "key",
      what: `${refusing.name} does not sign with a key of this kind (${name})`,
      why: "A client certificate is of no use where its key cannot sign the handshake.",
      fix: `Use ${other}, or another route (--route).`,
    };
  },
  function certificateRole({ certificate }, facts) {
    if (!facts.ca) return undefined;
    return {
      rule: "certificate-role",
      severity: "error",
      subject: "certificate",
      what: `${subjectOf(certificate)} is marked as an authority`,
      why: "With it a stolen device could issue certificates of its own; many brokers refuse such a client.",
      fix: "Give the device's certificate. If this is it, have it issued as an end entity (basicConstraints CA:FALSE).",
    };
  },
  function usage({ certificate }, facts) {
    const extended = facts.extendedKeyUsage;
    if (extended === undefined || extended.includes("clientAuth") || extended.includes("any"))
      return undefined;
    return {
      rule: "client-usage",
      severity: "error",
      subject: "certificate",
      what: `${subjectOf(certificate)} is for ${extended.join(", ")}, not for TLS clients`,
      why: "Its extended key usage leaves clientAuth out, and a broker that looks there refuses it.",
      fix: "Have it issued with clientAuth, or without that extension.",
    };
  },
  function keyUsage({ certificate }, facts) {
    // What an authority may not do is not its holder's first trouble.
    if (facts.ca || facts.keyUsage === undefined || facts.keyUsage.includes("digitalSignature"))
      return undefined;
    return {
      rule: "key-usage",
      severity: "error",
      subject: "certificate",
      what: `${subjectOf(certificate)} may not sign (key usage: ${facts.keyUsage.join(", ")})`,
      why: "A TLS client proves itself by a signature, which this key usage forbids.",
      fix: "Have it issued with digitalSignature.",
    };
  },
  (_, facts, now) => dates(facts, now, "certificate", "the device's certificate"),
  (_, facts) => weakSignature(facts, "certificate", "the device's certificate"),
  function severalNames(_, { commonNames }) {
    if (commonNames.length < 2) return undefined;
    return {
      rule: "common-name",
      severity: "error",
      subject: "certificate",
      what: `the certificate has ${String(commonNames.length)} common names: ${commonNames.map(shown).join(", ")}`,
      why: "Some brokers take the first of them for the device, others the last.",
      fix: "Have it issued with one common name, the serial of the unit.",
    };
  },
  function wildcard(_, { commonNames }) {
    const [name, ...others] = commonNames;
    if (name === undefined || others.length > 0 || !name.includes("*")) return undefined;
    return {
      rule: "common-name",
      severity: "error",
      subject: "certificate",
      what: `the certificate is for ${shown(name)}, which stands for many`,
      why: "Brokers take a client's common name as it is, or refuse it: it must name one device.",
      fix: "Have it issued for the serial of one unit.",
    };
  },
  function commonName({ serial }, { commonNames }) {
    const [found, ...others] = commonNames;
    if (serial === undefined || found === serial || others.length > 0 || found?.includes("*"))
      return undefined;
    return {
      rule: "common-name",
      severity: "error",
      subject: "certificate",
      what: `the certificate is for ${found === undefined ? "no common name" : shown(found)}, the unit is ${serial}`,
      why: "A broker that maps certificates to devices would know this unit as another one.",
      fix: "Give the certificate of this unit; rows of the list may have slipped.",
    };
  },
  ({ tls }, facts) => size(facts, tls, "certificate", "the certificate"),
  ({ tls }, { signature }) =>
    routeSignature(
      tls,
      /ECDSA/i.test(signature) ? "ec" : /RSA/i.test(signature) ? "rsa" : undefined,
      "certificate",
      `the device's certificate is signed by ${signature}`,
    ),
  function readable({ certificate }) {
    const found = inspectDer(new BytesCredential(Uint8Array.from(certificate.raw)));
    if (found.kind === "certificate") return undefined;
    return {
      rule: "der",
      severity: "error",
      subject: "certificate",
      what: `the device cannot read the certificate (${subjectOf(certificate)})`,
      why: "OpenSSL takes it, but it departs from strict DER.",
      fix: "Have it issued by another tool.",
    };
  },
];

function caFindings(
  ca: X509Certificate,
  tls: readonly TlsAcceptance[] | undefined,
  now: Date,
): (Finding | undefined)[] {
  const facts = certificateFacts(ca);
  return [
    size(facts, tls, "ca", "the CA certificate"),
    routeSignature(
      tls,
      ca.publicKey.asymmetricKeyType,
      "ca",
      `the CA for the broker (${subjectOf(ca)}) has the key ${describeKey(ca.publicKey)}`,
    ),
    facts.ca
      ? undefined
      : {
          rule: "ca-role",
          severity: "error",
          subject: "ca",
          what: `${subjectOf(ca)} is no authority`,
          why: "A broker is verified with the certificate of the authority that issued the broker's; this one may issue none.",
          fix: "Give the certificate of the authority (often called root or CA), not the broker's or the device's.",
        },
    facts.ca && !facts.selfSigned
      ? {
          rule: "ca-root",
          severity: "warning",
          subject: "ca",
          what: `${subjectOf(ca)} is an intermediate, not a root`,
          why: "A module may insist on the root at the chain's end, and an intermediate is renewed more often.",
          fix: "Give the root, unless you know that this module takes an intermediate.",
        }
      : undefined,
    dates(facts, now, "ca", "the CA certificate"),
    weakSignature(facts, "ca", "the CA certificate"),
  ];
}

function chainFinding({ certificate, issuers }: DeviceCredentials, now: Date): Finding | undefined {
  const what = issuers === undefined ? undefined : chainFault(certificate, issuers, undefined, now);
  if (what === undefined) return undefined;
  return {
    rule: "chain",
    severity: "error",
    subject: "certificate",
    what,
    why: "A broker that trusts that root would not find its way from it to this device.",
    fix: "Give the authority that issued the device's certificate, the intermediates between, and the root.",
  };
}

/** Of the authorities between: their signatures are verified as the device's own is. */
function weakChain({ issuers = [] }: DeviceCredentials): (Finding | undefined)[] {
  return issuers.map(one => {
    const facts = certificateFacts(one);
    return facts.selfSigned ? undefined : weakSignature(facts, "certificate", "the authority");
  });
}

function ordered(findings: readonly (Finding | undefined)[]): readonly Finding[] {
  const found = findings.filter(finding => finding !== undefined);
  return [
    ...found.filter(one => one.severity === "error"),
    ...found.filter(one => one.severity === "warning"),
  ];
}

/** Everything that is wrong with a device's credentials, errors first. */
export function checkDevice(device: DeviceCredentials, now: Date): readonly Finding[] {
  const facts = certificateFacts(device.certificate);
  return ordered([
    ...RULES.map(rule => rule(device, facts, now)),
    chainFinding(device, now),
    ...weakChain(device),
    ...(device.ca === undefined ? [] : caFindings(device.ca, device.tls, now)),
  ]);
}

/** Everything that is wrong with the CA that devices verify the broker with, errors first. */
export function checkBrokerCa(ca: X509Certificate, now: Date): readonly Finding[] {
  return ordered(caFindings(ca, undefined, now));
}
