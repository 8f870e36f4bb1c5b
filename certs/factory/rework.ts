import type { CertificateRecord, Ledger, RevocationReason } from "../ledger/ledger.js";
import { locked, otherUnit, unknownSerial } from "./faults.js";
import { recognize } from "./recognize.js";
import type { Target } from "./target.js";

export interface RevokeOptions {
  readonly ledger: Ledger;
  readonly station: string;
  readonly serial: string;
  readonly reason: RevocationReason;
  /** The unit gets other credentials with the next run; otherwise it is out of service. */
  readonly replace: boolean;
  /** The unit itself, to erase what it holds; absent: it stays as it is. */
  readonly target?: Target | undefined;
}

export interface Revoked {
  readonly certificate: CertificateRecord;
  /** The unit was erased, and looked at afterwards. */
  readonly erased: boolean;
}

/**
 * Revokes a unit's certificate in the ledger and, where the unit is at hand, erases it. The ledger comes first: when the unit
 * cannot be erased, its certificate is revoked all the same, and the erasure can be asked for again (a certificate that
 * was revoked stays so).
 * @throws FactoryError when the unit at hand is another one (before anything is changed), is locked, or does not answer.
 */
export async function revokeUnit(options: RevokeOptions): Promise<Revoked> {
  const { ledger, serial, station, reason, replace, target } = options;
  const unit = await ledger.unit(serial);
  if (unit === undefined) throw unknownSerial(serial);
  if (target !== undefined) {
    const present = await target.connect();
    const found = await recognize(ledger, present);
    if (found !== undefined && found.serial !== unit.serial) throw otherUnit(unit.serial, found.serial);
    if (present.locked) throw locked(unit.serial);
  }
  const certificate = await ledger.revoke(unit.serial, { reason, replace, station });
  if (target === undefined) return { certificate, erased: false };
  await target.erase("all");
  await ledger.record(unit.serial, station, "erased", { what: "all", certificate: certificate.sha256 });
  return { certificate, erased: true };
}
