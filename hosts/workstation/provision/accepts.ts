import { generateKeyPairSync, X509Certificate, type KeyObject } from "node:crypto";
import {
  checkIssuer,
  deviceValidity,
  issueDevice,
  issueRoot,
  type Subject,
} from "../../../certs/authority/certificate.js";
import { KeySigner } from "../../../certs/authority/signer.js";
import { checkDevice } from "../../../certs/check/rules.js";
import { once, type Finding } from "../../../certs/check/finding.js";
import { InputError } from "../../../certs/input-error.js";
import type { Profile } from "../../../certs/profile/profile.js";
import { tlsOf, type RouteTls } from "../route-tls.js";

function keyPair(kind: "P-256" | "RSA-2048"): KeyObject {
  return kind === "P-256"
    ? generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey
    : generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
}

/** Distinguished name of a certificate, as far as clouds look at it. */
function subjectParts(certificate: X509Certificate): Subject {
  const parts = new Map(
    certificate.subject.split("\n").map(line => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
  );
  const country = parts.get("C");
  return {
    commonName: parts.get("CN") ?? "authority",
    organization: parts.get("O"),
    organizationalUnit: parts.get("OU"),
    country: country !== undefined && /^[A-Z]{2}$/.test(country) ? country : undefined,
  };
}

/**
 * A certificate of the shape and size that units will get, issued in the authority's name by a key that exists for this
 * call alone: the authority's own signs nothing that no unit asked for.
 * @throws FactoryError `certificate-dates` when units would outlive the authority.
 */
async function sampleOf(
  profile: Profile,
  issuer: X509Certificate,
  serial: string,
  now: Date,
): Promise<X509Certificate> {
  const { organization, organizationalUnit, country, days } = profile.certificate;
  checkIssuer(issuer);
  const validity = deviceValidity(issuer, days, now);
  const isRSA = issuer.publicKey.asymmetricKeyType === "rsa";
  const signer = new KeySigner(keyPair(isRSA ? "RSA-2048" : "P-256"));
  const root = await issueRoot({ subject: subjectParts(issuer), ...validity }, signer);
  const der = await issueDevice(
    {
      subject: { commonName: serial, organization, organizationalUnit, country },
      publicKey: new KeySigner(keyPair(profile.key.kind)).publicKey,
      ...validity,
    },
    new X509Certificate(root),
    signer,
  );
  return new X509Certificate(der);
}

/** Routes that the profile leaves open: TLS on the ESP32 has no part in what lies in the module's store. */
function routesOf(profile: Profile): readonly RouteTls[] {
  const { module, route, target, tlsEngine } = profile;
  return tlsOf(module, tlsEngine).filter(
    one => (route === "auto" || one.route === route) && (target !== "modem" || one.route !== "host-tls"),
  );
}

export interface Acceptance {
  /** Routes that will do, or, where there are none, those that may; certificates are held against all of them before they are written. */
  readonly accepts: readonly RouteTls[];
  /** What is wrong when none will do, or with the certificate on any. */
  readonly findings: readonly Finding[];
}

/**
 * Holds what the profile makes against module, route and TLS engine, by a certificate of that shape.
 * `serial`: the longest of the list, since names decide about sizes.
 */
export async function acceptanceOf(
  profile: Profile,
  issuer: X509Certificate,
  brokerCa: X509Certificate,
  serial: string,
  now: Date,
): Promise<Acceptance> {
  const certificate = await sampleOf(profile, issuer, serial, now);
  const device = { certificate, ca: brokerCa, serial };
  const certain: RouteTls[] = [];
  const unsure: RouteTls[] = [];
  const doubts: Finding[] = [];
  const refusals: Finding[] = [];
  for (const tls of routesOf(profile)) {
    const ofRoute = checkDevice({ ...device, tls: [tls] }, now);
    const refused = ofRoute.filter(({ rule }) => rule === "route-key" || rule === "size");
    const doubted = ofRoute.filter(({ rule }) => rule === "route-signature");
    if (refused.length === 0) (doubted.length === 0 ? certain : unsure).push(tls);
    if (refused.length === 0) doubts.push(...doubted);
    refusals.push(...refused);
  }
  const accepts = certain.length > 0 ? certain : unsure;
  const findings = [...checkDevice(device, now)];
  // One way that will do is enough, unless a certain one was asked for.
  if (certain.length === 0) findings.push(...once(accepts.length === 0 ? refusals : doubts));
  return { accepts, findings };
}

/** @returns warnings. @throws InputError with the first thing that no certificate of the profile would get by. */
export function checkAcceptance(profile: Profile, { findings }: Acceptance): readonly Finding[] {
  const wrong = findings.find(({ severity }) => severity === "error");
  if (wrong === undefined) return findings;
  const { what, why, fix } = wrong;
  throw new InputError({ what: `${profile.file}: ${what}`, why, fix, file: profile.file });
}
