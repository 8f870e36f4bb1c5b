import { DerReader, parseCertificate, sameBytes, type Certificate } from "./x509.js";

/**
 * Whether `signed.signature` is that of `signed.tbs` by the key of `issuer`; false or a throw for
 * an algorithm that the platform does not know.
 */
export type SignatureCheck = (signed: Certificate, issuer: Certificate) => boolean;

export interface ChainCheck {
  /** What the server sent, its own certificate first, DER. */
  readonly chain: readonly Uint8Array[];
  /** The trusted certificate, DER. */
  readonly anchor: Uint8Array;
  /** DNS name or dotted IPv4 address that was connected to. */
  readonly serverName: string;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly now: number;
  readonly verify: SignatureCheck;
}

/** Why a server is not trusted; `alert` is what TLS tells the server (RFC 5246, 7.2.2). */
export class ChainError extends Error {
  readonly alert: number;

  constructor(message: string, alert: number) {
    super(message);
    this.alert = alert;
  }
}

// Alerts.
const BAD_CERTIFICATE = 42;
const CERTIFICATE_EXPIRED = 45;
const UNKNOWN_CA = 48;

/** Certificates that a server may send: more than that is an attempt to keep the device busy. */
const LONGEST = 6;

const DIGITAL_SIGNATURE_OR_ENCIPHERMENT = 0xa000;
const SIGNS_CERTIFICATES = 0x0400;

/**
 * Throws a `ChainError` unless the server's certificate is for that name, valid now, and leads to
 * the trusted certificate over issuers that may issue (RFC 5280, 6.1, with one anchor and without
 * policies, name constraints and revocation; RFC 6125 for names). The server may send the anchor
 * along or not, and need not send its chain in order.
 */
export function checkServerChain(check: ChainCheck): void {
  try {
    walk(check);
  } catch (error) {
    if (error instanceof ChainError) throw error;
    throw new ChainError(error instanceof Error ? error.message : "malformed certificate", BAD_CERTIFICATE);
  }
}

function walk(check: ChainCheck): void {
  const { chain, now, verify } = check;
  if (chain.length === 0 || chain.length > LONGEST)
    throw new ChainError("the server sent " + String(chain.length) + " certificates", BAD_CERTIFICATE);
  const certificates = chain.map(parseCertificate);
  const anchor = parseCertificate(check.anchor);
  let current = certificates[0] ?? anchor;
  if (!current.forServers || !((current.keyUsage ?? 0xffff) & DIGITAL_SIGNATURE_OR_ENCIPHERMENT))
    throw new ChainError("the certificate is not for servers", BAD_CERTIFICATE);
  if (!matches(current, check.serverName))
    throw new ChainError("the certificate is not for " + check.serverName, BAD_CERTIFICATE);
  for (let depth = 0; depth <= LONGEST; depth++) {
    checkOne(current, now, depth);
    // The anchor itself, or a certificate that is trusted directly.
    if (sameBytes(current.tbs, anchor.tbs) && sameBytes(current.signature, anchor.signature)) return;
    if (sameBytes(current.issuer, anchor.subject) && signed(verify, current, anchor)) {
      checkOne(anchor, now, depth + 1);
      return;
    }
    let issuer: Certificate | undefined;
    for (let i = 1; i < certificates.length && issuer === undefined; i++) {
      const candidate = certificates[i];
      if (
        candidate !== undefined &&
        candidate !== current &&
        sameBytes(current.issuer, candidate.subject) &&
        signed(verify, current, candidate)
      )
        issuer = candidate;
    }
    if (issuer === undefined) break;
    current = issuer;
  }
  throw new ChainError("the server's chain does not lead to the trusted certificate", UNKNOWN_CA);
}

function signed(verify: SignatureCheck, certificate: Certificate, issuer: Certificate): boolean {
  try {
    return verify(certificate, issuer);
  } catch {
    // A key or an algorithm that the platform does not know proves nothing.
    return false;
  }
}

/** `depth`: 0 for the server's own certificate, 1 for its issuer. */
function checkOne(certificate: Certificate, now: number, depth: number): void {
  if (now < certificate.notBefore || now > certificate.notAfter)
    throw new ChainError(
      "a certificate of the chain is " + (now < certificate.notBefore ? "not yet valid" : "expired"),
      CERTIFICATE_EXPIRED,
    );
  if (certificate.unknownCritical)
    throw new ChainError("a certificate has a critical extension that is not understood", BAD_CERTIFICATE);
  if (depth === 0) return;
  const { pathLength, keyUsage } = certificate;
  if (!certificate.authority || (keyUsage !== undefined && !(keyUsage & SIGNS_CERTIFICATES)))
    throw new ChainError("a certificate of the chain must not issue others", BAD_CERTIFICATE);
  if (pathLength !== undefined && pathLength < depth - 1)
    throw new ChainError("the chain is longer than its issuer allows", BAD_CERTIFICATE);
}

function matches(certificate: Certificate, serverName: string): boolean {
  const names = certificate.names && new DerReader(certificate.names);
  const wanted = serverName.toLowerCase();
  const address = /^\d+\.\d+\.\d+\.\d+$/.test(wanted);
  while (names?.more) {
    const name = names.next();
    // [2] dNSName, [7] iPAddress
    if (address ? name.tag === 0x87 && name.contents.join(".") === wanted : name.tag === 0x82) {
      if (address) return true;
      let text = "";
      for (let i = 0; i < name.contents.length; i++) text += String.fromCharCode(name.contents[i] ?? 0);
      text = text.toLowerCase();
      if (text === wanted) return true;
      // A wildcard stands for the whole leftmost label, and for no top-level domain's.
      const dot = wanted.indexOf(".");
      if (
        text.startsWith("*.") &&
        text.indexOf("*", 1) < 0 &&
        text.indexOf(".", 2) > 0 &&
        dot > 0 &&
        text.slice(1) === wanted.slice(dot)
      )
        return true;
    }
  }
  return false;
}
