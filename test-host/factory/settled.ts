import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import type { CertificateRecord, Ledger, UnitRecord } from "../../certs/ledger/ledger.js";

/** What a unit itself has to show. */
export interface Shown {
  readonly certificate: Uint8Array | undefined;
  readonly ca: Uint8Array | undefined;
  /** SubjectPublicKeyInfo of its private key, DER. */
  readonly publicKey: Uint8Array | undefined;
}

export async function all<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const found: Value[] = [];
  for await (const value of values) found.push(value);
  return found;
}

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");

/**
 * A unit is done: the ledger has one active certificate for it, which is what the unit holds, of the
 * key that the unit has, from the authority; every other one that was ever issued is accounted for.
 */
export async function assertSettled(
  ledger: Ledger,
  serial: string,
  shown: Shown,
  authority: X509Certificate,
): Promise<{ readonly unit: UnitRecord; readonly certificates: readonly CertificateRecord[] }> {
  const unit = await ledger.unit(serial);
  assert.ok(unit, `${serial} is in the ledger`);
  assert.equal(unit.state, "done");
  assert.equal(unit.failure, undefined);
  assert.equal(unit.claim, undefined);
  assert.equal(unit.draft, undefined);
  const certificates = await all(ledger.certificates(serial));
  const fates = certificates.map(({ fate }) => fate);
  assert.equal(fates.filter(fate => fate === "active").length, 1, `one is active of ${fates.join(", ")}`);
  assert.ok(
    fates.every(fate => fate === "active" || fate === "abandoned" || fate === "superseded"),
    fates.join(", "),
  );
  const active = certificates.find(({ fate }) => fate === "active");
  assert.ok(active);
  assert.equal(unit.certificate, active.sha256);
  assert.equal(hex(shown.certificate), hex(active.der), "the unit holds its active certificate");
  const x509 = new X509Certificate(active.der);
  assert.ok(x509.verify(authority.publicKey), "the authority has signed it");
  assert.match(x509.subject, new RegExp(`CN=${serial}$`));
  assert.equal(x509.serialNumber.toLowerCase(), active.serialNumber);
  const spki = x509.publicKey.export({ format: "der", type: "spki" });
  assert.equal(hex(shown.publicKey), hex(spki), "the unit has the key of its certificate");
  return { unit, certificates };
}

/** Over the whole ledger: no serial number twice, no certificate twice, an audit trail without a break. */
export async function assertSound(ledger: Ledger): Promise<void> {
  const certificates = await all(ledger.certificates());
  const numbers = certificates.map(({ serialNumber }) => serialNumber);
  assert.equal(new Set(numbers).size, numbers.length, "no serial number twice");
  const keysOfActive = certificates.filter(({ fate }) => fate === "active").map(({ keySha256 }) => keySha256);
  assert.equal(new Set(keysOfActive).size, keysOfActive.length, "no key in two units");
  const chain = await ledger.verifyChain();
  assert.equal(chain.fault, undefined);
  const events = await all(ledger.events());
  assert.equal(events.length, chain.events);
  events.forEach(({ sequence }, index) => assert.equal(sequence, index + 1));
}
