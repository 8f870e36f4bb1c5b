import { generateKeyPairSync, X509Certificate, type KeyObject } from "node:crypto";
import {
  checkIssuer,
  deviceValidity,
  issueDevice,
  issueRoot,
  type Subject,
} from "../../../certs/authority/certificate.js";
import { KeySigner } from "../../../certs/authority/signer.js";
import type { Finding } from "../../../certs/check/finding.js";
import { FactoryError } from "../../../certs/factory-error.js";
import { InputError } from "../../../certs/input-error.js";
import type { Profile } from "../../../certs/profile/profile.js";
import { brokerAddress } from "../certs/broker-address.js";
import { judgeRoutes } from "../certs/judge-routes.js";
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
  /** Of the broker that was asked: the suite that it took, by route. */
  readonly suites: readonly { readonly route: string; readonly suite: string }[];
}

export interface AcceptanceOptions {
  /** The longest of the list: names decide about sizes. */
  readonly serial: string;
  /** `HOST:PORT` of a running broker that is to be looked at, too. */
  readonly broker?: string | undefined;
}

/** Holds what the profile makes against module, route, TLS engine and broker, by a certificate of that shape. */
export async function acceptanceOf(
  profile: Profile,
  issuer: X509Certificate,
  brokerCa: X509Certificate,
  options: AcceptanceOptions,
  now: Date,
): Promise<Acceptance> {
  const { serial } = options;
  const broker = options.broker === undefined ? undefined : brokerAddress(options.broker);
  const certificate = await sampleOf(profile, issuer, serial, now);
  const device = { certificate, ca: brokerCa, serial };
  const { routes, findings } = await judgeRoutes(device, routesOf(profile), now, broker);
  const open = routes.filter(({ ok }) => ok);
  const certain = open.filter(({ unsure }) => !unsure);
  return {
    accepts: (certain.length > 0 ? certain : open).map(({ tls }) => tls),
    findings,
    suites: open.flatMap(({ tls, suite }) => (suite === undefined ? [] : [{ route: tls.route, suite }])),
  };
}

/**
 * @returns warnings.
 * @throws InputError with the first thing that no certificate of the profile would get by; FactoryError when the
 * broker could not be asked, which is no fault of list or profile.
 */
export function checkAcceptance(profile: Profile, { findings }: Acceptance): readonly Finding[] {
  const wrong = findings.find(({ severity }) => severity === "error");
  if (wrong === undefined) return findings;
  const { rule, what, why, fix } = wrong;
  if (rule === "unreachable")
    throw new FactoryError({ code: "broker-away", side: "environment", what, why, fix });
  throw new InputError({ what: `${profile.file}: ${what}`, why, fix, file: profile.file });
}
