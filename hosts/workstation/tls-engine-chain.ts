import { createPublicKey, verify, type X509Certificate } from "node:crypto";
import { checkServerIdentity } from "node:tls";
import { ChainError, checkServerChain } from "../../modules/pki/server-chain.js";
import type { Certificate } from "../../modules/pki/x509.js";
import { TlsRefusal } from "./tls-engine-records.js";

/** How the certificates that a server sent are judged; each function returns why they are refused. */

export interface ChainPolicy {
  /** The trusted certificate. */
  readonly anchor: X509Certificate;
  readonly serverName: string;
  /** Milliseconds since 1970 at which validity is judged. */
  readonly nowMs: number;
}

const SIGNATURES: ReadonlySet<string> = new Set(
  // RSA PKCS #1 v1.5 with MD5, SHA-1, SHA-256, SHA-384, SHA-512, SHA-224; ECDSA with SHA-224 to SHA-512.
  [
    ...["04", "05", "0b", "0c", "0d", "0e"].map(last => `2a864886f70d0101${last}`),
    ...["01", "02", "03", "04"].map(last => `2a8648ce3d0403${last}`),
  ],
);

/** Contents of the DER element at `at`, and where the next one begins. */
function element(der: Uint8Array, at: number): { start: number; end: number } {
  const first = der[at + 1] ?? 0;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  let length = first < 0x80 ? first : 0;
  for (let index = 0; index < lengthBytes; index++) length = length * 256 + (der[at + 2 + index] ?? 0);
  const start = at + 2 + lengthBytes;
  return { start, end: start + length };
}

/** Object identifier of the algorithm that the certificate is signed with, its DER contents in hexadecimal. */
function signatureAlgorithm(der: Uint8Array): string {
  const tbs = element(der, element(der, 0).start);
  const oid = element(der, element(der, tbs.end).start);
  return Buffer.from(der.subarray(oid.start, oid.end)).toString("hex");
}

/** As the SDK compares: neither end counts. */
export function isValid(certificate: X509Certificate, nowMs: number): boolean {
  return Date.parse(certificate.validFrom) < nowMs && nowMs < Date.parse(certificate.validTo);
}

/** As the SDK compares: DNS names with one leading `*` for the first label, IPv4 addresses, never the common name. */
function hasName(certificate: X509Certificate, serverName: string): boolean {
  const host = serverName.toLowerCase();
  const domain = host.includes(".") ? host.slice(host.indexOf(".")) : undefined;
  return (certificate.subjectAltName ?? "").split(", ").some(entry => {
    const [kind, value = ""] = entry.toLowerCase().split(/:(.*)/s);
    if (kind === "ip address") return value === host;
    if (kind !== "dns") return false;
    if (value.startsWith("*")) return value.lastIndexOf("*") === 0 && value.slice(1) === domain;
    return value === host;
  });
}

/**
 * As Moddable's `ssl/cert` walks a chain: in the order sent, each certificate signed by the next, until
 * the anchor's key verifies one that is not the leaf. basicConstraints, keyUsage and extended key
 * usage are not looked at, nor is the subject; RSASSA-PSS and EdDSA are not known. Two differences,
 * both on the strict side: the SDK passes over a signature or date that does not hold when a later
 * certificate leads to the anchor, and does not look at the date of the one that the anchor signed.
 */
export function refuseAsSdk(chain: readonly X509Certificate[], policy: ChainPolicy): string | undefined {
  const [leaf] = chain;
  if (!leaf) return refused("the server sent no certificate");
  for (const [index, certificate] of chain.entries()) {
    const algorithm = signatureAlgorithm(certificate.raw);
    if (!SIGNATURES.has(algorithm)) return `Cert: unsupported algorithm: ${algorithm}`;
    if (!isValid(certificate, policy.nowMs)) return "date validation failed";
    if (certificate.verify(policy.anchor.publicKey)) {
      return index > 0 && hasName(leaf, policy.serverName)
        ? undefined
        : refused(`subjectAltName match failed for ${policy.serverName}`);
    }
    const issuer = chain[index + 1];
    if (issuer && !certificate.verify(issuer.publicKey))
      return refused("a signature of the chain does not hold");
  }
  return refused("no certificate of the chain is signed by the trusted one");
}

function refused(why: string): string {
  return `certificate: auth err (${why})`;
}

/** SHA-256, 384 or 512 by the algorithm's object identifier, for the signatures that a device's engine knows. */
const HASHES: Readonly<Record<string, readonly [hash: string, kind: "rsa" | "ec"]>> = {
  "2a864886f70d01010b": ["sha256", "rsa"],
  "2a864886f70d01010c": ["sha384", "rsa"],
  "2a864886f70d01010d": ["sha512", "rsa"],
  "2a8648ce3d040302": ["sha256", "ec"],
  "2a8648ce3d040303": ["sha384", "ec"],
  "2a8648ce3d040304": ["sha512", "ec"],
};
const CURVES: ReadonlySet<string | undefined> = new Set(["prime256v1", "secp384r1"]);
const SMALLEST_MODULUS_BITS = 1024;

/** As `hosts/moddable` verifies with the SDK's arithmetic. */
function isSignedBy(signed: Certificate, issuer: Certificate): boolean {
  const [hash, kind] = HASHES[Buffer.from(signed.algorithm).toString("hex")] ?? [];
  const key = createPublicKey({ key: Buffer.from(issuer.key), format: "der", type: "spki" });
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (hash === undefined || key.asymmetricKeyType !== kind) return false;
  if (kind === "rsa" ? modulusLength < SMALLEST_MODULUS_BITS : !CURVES.has(namedCurve)) return false;
  return verify(hash, signed.tbs, key, signed.signature);
}

/** As the device's engine judges, by the very same code. Throws a {@link TlsRefusal}. */
export function checkAsDevice(
  chain: readonly Uint8Array[],
  { anchor, serverName, nowMs }: ChainPolicy,
): void {
  try {
    checkServerChain({ chain, anchor: anchor.raw, serverName, now: nowMs, verify: isSignedBy });
  } catch (error) {
    throw error instanceof ChainError ? new TlsRefusal(error.message, error.alert) : error;
  }
}

/** As OpenSSL judges by default, but by the given clock: order is free, every issuer is a CA, the anchor may be an intermediate. */
export function refuseAsOpenSsl(chain: readonly X509Certificate[], policy: ChainPolicy): string | undefined {
  const [leaf] = chain;
  if (!leaf) return "the server sent no certificate";
  const wrongName = checkServerIdentity(policy.serverName, leaf.toLegacyObject());
  if (wrongName) return wrongName.message;
  const seen = new Set<string>();
  let current = leaf;
  for (;;) {
    seen.add(current.fingerprint256);
    if (policy.nowMs < Date.parse(current.validFrom)) return "certificate is not yet valid";
    if (policy.nowMs > Date.parse(current.validTo)) return "certificate has expired";
    if (current.fingerprint256 === policy.anchor.fingerprint256) return undefined;
    const certificate = current;
    const issuer = [policy.anchor, ...chain].find(
      candidate =>
        !seen.has(candidate.fingerprint256) &&
        certificate.checkIssued(candidate) &&
        certificate.verify(candidate.publicKey),
    );
    if (!issuer)
      return certificate.checkIssued(certificate)
        ? "self-signed certificate in certificate chain"
        : "unable to get issuer certificate";
    if (!issuer.ca) return "invalid CA certificate";
    current = issuer;
  }
}
