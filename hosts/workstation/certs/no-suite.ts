import type { KeyObject } from "node:crypto";
import type { Finding } from "../../../certs/check/finding.js";
import { describeKey } from "../../../certs/files/read.js";
import type { RouteTls } from "../route-tls.js";
import { suiteName } from "../suites.js";

/** The key that a server's certificate must have for a suite of TLS 1.2, by OpenSSL's name. */
function keyOf(suite: string): "ec" | "rsa" {
  return suite.includes("ECDSA") ? "ec" : "rsa";
}

/** Of suites the one that brokers take soonest: with forward secrecy, then with an authenticated cipher. */
function best(suites: readonly string[]): string | undefined {
  const rank = (name: string): number => (name.startsWith("ECDHE-") ? 4 : 0) + (name.includes("GCM") ? 2 : 0);
  return [...suites].sort((a, b) => rank(b) - rank(a))[0];
}

/**
 * A broker that refuses all suites of a route's TLS: what would help.
 * @param key of the certificate that the broker shows; `undefined`: it shows none.
 */
export function noSuite(tls: RouteTls, key: KeyObject | undefined): Finding {
  const suites = tls.suites.map(suiteName);
  const type = key?.asymmetricKeyType;
  const fitting = type === undefined ? suites : suites.filter(suite => keyOf(suite) === type);
  const suite = best(fitting);
  const asked = `Asked with ${suites.join(", ")}, the broker refused`;
  const common = {
    rule: "broker",
    severity: "error",
    subject: "broker",
    what: `${tls.name} and the broker have no cipher suite in common`,
  } as const;
  if (suite !== undefined || key === undefined)
    return {
      ...common,
      why: `${asked}.`,
      fix: `Allow ${suite ?? "one of them"} on the broker, with TLS 1.2; or use another route.`,
    };
  const wanted = [...new Set(suites.map(keyOf))]
    .map(each => (each === "ec" ? "a P-256" : "an RSA"))
    .join(" or ");
  // TLS on the ESP32 takes EC keys, whichever module is below it; other kinds nothing here takes.
  const way = tls.route === "host-tls" ? "the TLS engine device" : "host-tls";
  const other = type === "ec" ? `, or use ${way}` : "";
  return {
    ...common,
    why: `${asked}: its certificate's key is ${describeKey(key)}, and none of them works with such a key, whatever the broker allows.`,
    fix: `Give the broker a certificate with ${wanted} key${other}.`,
  };
}
