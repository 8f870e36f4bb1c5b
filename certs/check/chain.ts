import type { X509Certificate } from "node:crypto";
import { parseCertificate, type Certificate } from "../../modules/pki/x509.js";
import { shownDate } from "../files/inspect.js";
import { subjectOf } from "../files/read.js";

/** In the form of {@link parseCertificate}. */
const KEY_CERT_SIGN = 0x0400;

/** A certificate and those above it, up to the last; or what is wrong there, in words. */
export type Way = { readonly certificates: readonly X509Certificate[] } | { readonly fault: string };

/** By name and signature; what else is wrong between the two is told by {@link authorityFault}. */
function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.issuer === issuer.subject && certificate.verify(issuer.publicKey);
}

/** What is wrong with a certificate's dates now, in words. */
export function dateFault(certificate: X509Certificate, now: Date): string | undefined {
  const from = new Date(certificate.validFrom);
  const to = new Date(certificate.validTo);
  if (now > to) return `${subjectOf(certificate)} expired on ${shownDate(to.toISOString())}`;
  return now < from
    ? `${subjectOf(certificate)} is not valid before ${shownDate(from.toISOString())}`
    : undefined;
}

/** Why an authority may not stand above `below` other authorities of a chain (RFC 5280, 6.1.4, k to n). */
function authorityFault(
  authority: X509Certificate,
  issued: X509Certificate,
  below: number,
): string | undefined {
  const name = `${subjectOf(authority)}, which issued ${subjectOf(issued)},`;
  let parsed: Certificate;
  try {
    parsed = parseCertificate(Uint8Array.from(authority.raw));
  } catch {
    return `${name} departs from strict DER`;
  }
  const { authority: isAuthority, keyUsage, pathLength } = parsed;
  if (!isAuthority) return `${name} is no authority`;
  if (keyUsage !== undefined && (keyUsage & KEY_CERT_SIGN) === 0)
    return `${name} may not sign certificates (key usage without keyCertSign)`;
  // OpenSSL compares key identifiers and serial numbers, too.
  if (!issued.checkIssued(authority)) return `${name} is not the one that its extensions name`;
  return pathLength !== undefined && below > pathLength
    ? `${name} allows ${String(pathLength)} authorities below it, and there are ${String(below)}`
    : undefined;
}

/**
 * The way from a certificate to a root among `issuers` (in any order). `anchor`: the one certificate
 * that is trusted, root or not. Dates are checked of every certificate above the first one; of that one
 * with an anchor only, since without one others have looked at them.
 * @param below authorities that stand below the first certificate, itself included if it is one.
 */
export function wayUp(
  certificate: X509Certificate,
  issuers: readonly X509Certificate[],
  anchor: X509Certificate | undefined,
  now: Date,
  below = 0,
): Way {
  const certificates = [certificate];
  let at = certificate;
  const own = anchor === undefined ? undefined : dateFault(at, now);
  if (own !== undefined) return { fault: own };
  // A way visits no certificate twice.
  for (let depth = 0; depth <= issuers.length; depth++) {
    const isEnd =
      anchor === undefined ? (depth > 0 || below > 0) && isIssuedBy(at, at) : at.raw.equals(anchor.raw);
    if (isEnd) return { certificates };
    const next = issuers.find(one => !one.raw.equals(at.raw) && isIssuedBy(at, one));
    if (next === undefined)
      return {
        fault:
          issuers.length === 0
            ? `whoever issued ${subjectOf(at)} is missing`
            : `${subjectOf(at)} was not issued by ${issuers.map(subjectOf).join(" or ")}`,
      };
    const fault = authorityFault(next, at, depth + below) ?? dateFault(next, now);
    if (fault !== undefined) return { fault };
    at = next;
    certificates.push(at);
  }
  return { fault: `${subjectOf(certificate)} leads to no root` };
}

/** What is wrong with the way up, as {@link wayUp} goes it, in words; `undefined` when it is whole. */
export function chainFault(
  certificate: X509Certificate,
  issuers: readonly X509Certificate[],
  anchor: X509Certificate | undefined,
  now: Date,
): string | undefined {
  const way = wayUp(certificate, issuers, anchor, now);
  return "fault" in way ? way.fault : undefined;
}
