import { createPublicKey, type KeyObject, type X509Certificate } from "node:crypto";
import type { Finding } from "./finding.js";
import { checkDevice, type TlsAcceptance } from "./rules.js";

/** A certificate that is about to be written into a unit, and everything that it is held against. */
export interface BeforeWriting {
  /** Of the unit. */
  readonly serial: string;
  readonly certificate: X509Certificate;
  /** The unit's own public key (SubjectPublicKeyInfo, DER), as the unit or its key told it. */
  readonly publicKey: Uint8Array;
  /** That the unit verifies the broker with. */
  readonly brokerCa: X509Certificate;
  /** Of the issuer up to the root that brokers trust, the issuer first: nothing else is trusted. */
  readonly chain: readonly X509Certificate[];
  /** What the TLS of the unit's module, route and engine takes: of each that may come to be used. */
  readonly tls: readonly TlsAcceptance[];
}

/**
 * Everything that is wrong with a certificate before a unit gets it, errors first: key, chain to the
 * pinned root, dates, usage, common name, algorithms and sizes against module, route and TLS engine.
 * With an error nothing must be written.
 */
export function checkBeforeWriting(unit: BeforeWriting, now: Date): readonly Finding[] {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(unit.publicKey), format: "der", type: "spki" });
  } catch {
    return [
      {
        rule: "key-match",
        severity: "error",
        subject: "key",
        what: `the public key of ${unit.serial} is none`,
        why: "Nothing can be told of a certificate for a key that cannot be read.",
        fix: "Run again; if it happens again, the unit's memory or its line is faulty.",
      },
    ];
  }
  return checkDevice(
    {
      ca: unit.brokerCa,
      certificate: unit.certificate,
      key,
      issuers: unit.chain,
      serial: unit.serial,
      tls: unit.tls,
    },
    now,
  );
}
