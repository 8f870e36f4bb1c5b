import { X509Certificate } from "node:crypto";
import type { CertificateRecord, Ledger, UnitRecord } from "../ledger/ledger.js";
import { Faults } from "./refused.js";

/** Which units an export takes. */
export interface Selection {
  readonly profile?: string | undefined;
  readonly serial?: string | undefined;
  /**
   * Takes certificates too that are issued and not in use yet, for a cloud that must know them before
   * the unit first connects. Default: those in use alone.
   */
  readonly issued?: boolean | undefined;
}

/** A unit with the one certificate that a cloud may know of it. */
export interface Registered {
  readonly unit: UnitRecord;
  readonly certificate: CertificateRecord;
}

/**
 * Units with the certificate that they use. Revoked, abandoned and superseded certificates, and units
 * without a certificate, are left out. In the order of the lists.
 */
export async function* registered(ledger: Ledger, selection: Selection = {}): AsyncGenerator<Registered> {
  const { profile, serial, issued = false } = selection;
  for await (const unit of ledger.units({ profile, serial })) {
    if (unit.certificate === undefined || unit.state === "revoked") continue;
    const certificate = await ledger.certificate(unit.certificate);
    if (certificate === undefined) continue;
    if (certificate.fate === "active" || (issued && certificate.fate === "issued"))
      yield { unit, certificate };
  }
}

/** The subject's common name; `undefined`: none, or several. */
export function commonNameOf(der: Uint8Array): string | undefined {
  // Several names come as an array, whatever the typings say.
  const name: unknown = new X509Certificate(der).toLegacyObject().subject.CN;
  return typeof name === "string" ? name : undefined;
}

/** What is wrong with one item: told through `refuse`. */
export type Check<Item> = (item: Item, refuse: (rule: string) => void) => void;

/**
 * Checks every item first and gives them afterwards, in a second pass over the ledger, so that nothing is
 * written when one does not fit. An item that has changed between the passes is checked again.
 * @throws ExportRefused with the first 100 faults; from the second pass with the one that has come up since
 */
export async function* checked<Item>(
  format: string,
  items: () => AsyncIterable<Item>,
  serialOf: (item: Item) => string,
  check: Check<Item>,
): AsyncGenerator<Item> {
  const faults = new Faults();
  for await (const item of items()) check(item, rule => faults.add(serialOf(item), rule));
  faults.check(format);
  for await (const item of items()) {
    const late = new Faults();
    check(item, rule => late.add(serialOf(item), rule));
    late.check(format);
    yield item;
  }
}
