import { generateKeyPairSync, X509Certificate, type KeyObject } from "node:crypto";
import { issueDevice } from "../../../certs/authority/certificate.js";
import { KeySigner, signingAlgorithm } from "../../../certs/authority/signer.js";
import { checkDevice } from "../../../certs/check/rules.js";
import type { Finding } from "../../../certs/check/finding.js";
import type { Profile } from "../../../certs/profile/profile.js";
import { tlsOf, type RouteTls } from "../route-tls.js";

const DAY_MS = 86_400_000;

function keyPair(kind: "P-256" | "RSA-2048"): KeyObject {
  return kind === "P-256"
    ? generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey
    : generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
}

/**
 * A certificate of the shape that units will get, of the same size as theirs: issued in the authority's name by a key that
 * exists for this call alone. The authority's own key signs nothing that no unit asked for.
 */
async function sampleOf(
  profile: Profile,
  issuer: X509Certificate,
  serial: string,
  now: Date,
): Promise<X509Certificate> {
  const { organization, organizationalUnit, country, days } = profile.certificate;
  const key = new KeySigner(keyPair(profile.key.kind));
  const isRSA = signingAlgorithm(issuer.publicKey) === "RSASSA-PKCS1-v1_5";
  const der = await issueDevice(
    {
      subject: { commonName: serial, organization, organizationalUnit, country },
      publicKey: key.publicKey,
      notBefore: now,
      notAfter: new Date(now.getTime() + days * DAY_MS),
    },
    issuer,
    new KeySigner(keyPair(isRSA ? "RSA-2048" : "P-256")),
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
  /** Routes that will do; certificates are held against all of them before they are written. */
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
  const accepts: RouteTls[] = [];
  const refusals: Finding[] = [];
  for (const tls of routesOf(profile)) {
    const refused = checkDevice({ ...device, tls: [tls] }, now).filter(
      ({ rule }) => rule === "route-key" || rule === "size",
    );
    if (refused.length === 0) accepts.push(tls);
    refusals.push(...refused);
  }
  const findings = [...checkDevice(device, now)];
  // One way that will do is enough, unless a certain one was asked for.
  if (accepts.length === 0)
    findings.push(
      ...refusals.filter((one, index) => refusals.findIndex(other => other.what === one.what) === index),
    );
  return { accepts, findings };
}
