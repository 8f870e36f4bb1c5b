import type { CertificateRecord, Ledger, RevocationReason, UnitRecord } from "../ledger/ledger.js";
import { FactoryError } from "../factory-error.js";
import { otherUnit, unable, unknownSerial, unrecognized } from "./faults.js";
import { checkHardware, recognize } from "./recognize.js";
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
  /** The one that was revoked, now or earlier; absent: the unit had none yet. */
  readonly certificate?: CertificateRecord | undefined;
  /** The unit was erased, and looked at afterwards. */
  readonly erased: boolean;
}

function lockedForErasure(serial: string): FactoryError {
  return new FactoryError({
    code: "locked",
    side: "unit",
    what: `${serial} is locked, and a locked unit cannot be erased`,
    why: "A lock is for ever: nothing in its credential store can be changed or erased through the console.",
    fix: "Leave --port out: the certificate is revoked in the ledger alone. Then destroy the unit, or replace its ESP32.",
  });
}

/** @throws FactoryError when the unit at hand is not certainly the one, or cannot be erased. */
async function checkAtHand(target: Target, ledger: Ledger, unit: UnitRecord): Promise<void> {
  if (target.erase === undefined)
    throw unable(
      "nothing of this kind can be erased",
      "Delete the image yourself; leave --port out.",
      "--port asks for the unit to be erased, and the image may have been flashed already.",
    );
  const present = await target.connect();
  const found = await recognize(ledger, present);
  if (found !== undefined && found.unit.serial !== unit.serial)
    throw otherUnit(unit.serial, found.unit.serial);
  if (found === undefined) throw unrecognized(unit.serial);
  checkHardware(unit, present);
  if (present.locked) throw lockedForErasure(unit.serial);
}

/** The certificate of an earlier revocation with the same wish, after which the unit could not be erased. */
async function revokedBefore({ ledger, replace }: RevokeOptions, unit: UnitRecord): Promise<boolean> {
  if (replace ? unit.state !== "listed" || unit.generation < 2 : unit.state !== "revoked") return false;
  return (await latest(ledger, unit.serial))?.fate === "revoked";
}

async function latest(ledger: Ledger, serial: string): Promise<CertificateRecord | undefined> {
  let last: CertificateRecord | undefined;
  for await (const record of ledger.certificates(serial)) last = record;
  return last;
}

/**
 * Revokes a unit's certificate in the ledger and, where the unit is at hand, erases it. The ledger comes first: when the unit
 * cannot be erased, its certificate is revoked all the same, and asking again erases it.
 * @throws FactoryError when the unit at hand is not the one (before anything is changed), is locked, or does not answer.
 */
export async function revokeUnit(options: RevokeOptions): Promise<Revoked> {
  const { ledger, serial, station, reason, replace, target } = options;
  const unit = await ledger.unit(serial);
  if (unit === undefined) throw unknownSerial(serial);
  if (target === undefined)
    return { certificate: await ledger.revoke(unit.serial, { reason, replace, station }), erased: false };
  await checkAtHand(target, ledger, unit);
  const certificate = (await revokedBefore(options, unit))
    ? await latest(ledger, unit.serial)
    : await ledger.revoke(unit.serial, { reason, replace, station });
  await target.erase?.("all");
  await ledger.record(unit.serial, station, "erased", {
    what: "all",
    // Of a device its own store: a copy that it has handed to its module is beyond its reach.
    place: target.kind,
    ...(certificate === undefined ? undefined : { certificate: certificate.sha256 }),
  });
  return { certificate, erased: true };
}
