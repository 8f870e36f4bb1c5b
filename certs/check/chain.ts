import type { X509Certificate } from "node:crypto";
import { shownDate } from "../files/inspect.js";
import { subjectOf } from "../files/read.js";

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function dateFault(certificate: X509Certificate, now: Date): string | undefined {
  const from = new Date(certificate.validFrom);
  const to = new Date(certificate.validTo);
  if (now > to) return `${subjectOf(certificate)} expired on ${shownDate(to.toISOString())}`;
  return now < from
    ? `${subjectOf(certificate)} is not valid before ${shownDate(from.toISOString())}`
    : undefined;
}

/**
 * What is wrong with the way from a certificate to a root among `issuers` (in any order), in words;
 * `undefined` when it is whole. `anchor`: the one certificate that is trusted, root or not. The
 * certificate's own dates count with an anchor only: without one others have looked at them.
 */
export function chainFault(
  certificate: X509Certificate,
  issuers: readonly X509Certificate[],
  anchor: X509Certificate | undefined,
  now: Date,
): string | undefined {
  let at = certificate;
  const own = anchor === undefined ? undefined : dateFault(at, now);
  if (own !== undefined) return own;
  // A way visits no certificate twice.
  for (let depth = 0; depth <= issuers.length; depth++) {
    if (anchor === undefined ? depth > 0 && isIssuedBy(at, at) : at.raw.equals(anchor.raw)) return undefined;
    const next = issuers.find(one => one !== at && isIssuedBy(at, one));
    if (next === undefined)
      return `${subjectOf(at)} was not issued by ${issuers.map(subjectOf).join(" or ")}`;
    if (!next.ca) return `${subjectOf(next)}, which issued ${subjectOf(at)}, is no authority`;
    const outdated = dateFault(next, now);
    if (outdated !== undefined) return outdated;
    at = next;
  }
  return `${subjectOf(certificate)} leads to no root`;
}
