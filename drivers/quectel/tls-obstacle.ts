import { envelopeOf } from "../../modules/pki/envelope.js";
import type { TlsLimits } from "./profile.js";
import type { Obstacle, RouteFacts } from "./route.js";

/** What a TLS, of the module or of this side, cannot do for this broker and these credentials. */
export function tlsObstacle(
  tls: Pick<TlsLimits, "suites" | "clientKeys" | "credentialMax" | "keepsFiles"> | undefined,
  facts: RouteFacts,
): Obstacle | undefined {
  const suites = facts.suites;
  const key = facts.credentials.open("key");
  const certificate = facts.credentials.open("certificate")?.byteLength ?? 0;
  if (tls === undefined) return "absent";
  if (suites !== undefined && !tls.suites.some(suite => suites.includes(suite))) return "suites";
  // There are no bytes to look at.
  if (facts.credentials.inModule === true) return tls.keepsFiles === true ? undefined : "store";
  if (key !== undefined && !tls.clientKeys.includes(envelopeOf(key).rsaLength > 0 ? "rsa" : "p256"))
    return "key";
  // As PEM: 64 columns, and the lines around them.
  return 54 + 4 * Math.ceil(certificate / 3) + Math.ceil(certificate / 48) > (tls.credentialMax ?? Infinity)
    ? "size"
    : undefined;
}
