import { X509Certificate } from "node:crypto";
import { checkServerIdentity, type PeerCertificate } from "node:tls";

export interface PathPolicy {
  /** Certificates of the CA file. */
  readonly anchors: readonly X509Certificate[];
  /** Milliseconds since 1970 at which validity is judged; undefined: dates are not looked at. */
  readonly timeMs?: number;
  /** Whether a CA file that holds an intermediate alone is an anchor. */
  readonly partialChain: boolean;
}

/** Certificates of a PEM file in order. Throws on a broken one. */
export function readCertificates(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  return blocks.map(block => new X509Certificate(block));
}

/**
 * Looks for a path from the leaf to an anchor over the certificates that the server sent: names and
 * key identifiers, signatures, CA flag, dates. Returns why there is none.
 */
export function refusePath(chain: readonly X509Certificate[], policy: PathPolicy): string | undefined {
  let current = chain[0];
  if (!current) return "the server sent no certificate";
  const seen = new Set<string>();
  while (!seen.has(current.fingerprint256)) {
    const certificate: X509Certificate = current;
    seen.add(certificate.fingerprint256);
    const dates = refuseDates(certificate, policy.timeMs);
    if (dates) return dates;
    const isAnchor = policy.anchors.some(anchor => anchor.fingerprint256 === certificate.fingerprint256);
    if (isAnchor && (policy.partialChain || isSelfSigned(certificate))) return undefined;
    const issuers: X509Certificate[] = [...policy.anchors, ...chain].filter(
      issuer => !seen.has(issuer.fingerprint256) && isIssuer(issuer, certificate),
    );
    const issuer: X509Certificate | undefined = issuers[0];
    if (!issuer) return "unable to get the issuer of " + oneLine(certificate.subject);
    if (!issuer.ca) return oneLine(issuer.subject) + " is not a CA";
    current = issuer;
  }
  return "the path ends in an untrusted self-signed certificate";
}

/** Returns why the certificate does not belong to the host. */
export function refuseHost(host: string, leaf: X509Certificate): string | undefined {
  const legacy: PeerCertificate = leaf.toLegacyObject();
  return checkServerIdentity(host, legacy)?.message;
}

function isIssuer(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey);
}

function refuseDates(certificate: X509Certificate, timeMs: number | undefined): string | undefined {
  if (timeMs === undefined) return undefined;
  if (timeMs < Date.parse(certificate.validFrom)) return oneLine(certificate.subject) + " is not yet valid";
  if (timeMs > Date.parse(certificate.validTo)) return oneLine(certificate.subject) + " has expired";
  return undefined;
}

function oneLine(name: string): string {
  return name.replaceAll("\n", ", ");
}
