import { X509Certificate } from "node:crypto";
import { subjectOf } from "../files/read.js";
import type { Hardware, Ledger, UnitRecord } from "../ledger/ledger.js";
import {
  foreign,
  imageMade,
  locked,
  lost,
  otherHardware,
  otherProfile,
  otherUnit,
  wasRevoked,
} from "./faults.js";
import { sha256 } from "./host-key.js";
import type { Holding, Present, TargetKind } from "./target.js";

/** What the ledger keeps of the hardware that was found. */
export function hardwareOf(present: Present): Hardware {
  const { mac, imei, module, firmware } = present;
  return {
    ...(mac === undefined ? undefined : { mac }),
    ...(imei === undefined ? undefined : { imei }),
    ...(module === undefined ? undefined : { module }),
    ...(firmware === undefined ? undefined : { firmware }),
  };
}

function keyOf(holding: Holding): string | undefined {
  return holding.key && sha256(holding.key);
}

/** Whether a place holds the key that the ledger has for the unit. */
export function holdsKey(holding: Holding, unit: UnitRecord): boolean {
  return unit.keySha256 !== undefined && keyOf(holding) === unit.keySha256;
}

/** Whether a place holds the unit's certificate with its key. */
export function holdsAll(holding: Holding, unit: UnitRecord): boolean {
  return (
    holdsKey(holding, unit) &&
    holding.certificate !== undefined &&
    sha256(holding.certificate) === unit.certificate
  );
}

/**
 * The unit of the ledger that is at the port: by its keys and certificates first, which nobody else can have, then by
 * the addresses of its hardware. `undefined`: the ledger does not know it.
 */
export async function recognize(ledger: Ledger, present: Present): Promise<UnitRecord | undefined> {
  const { pending, used, mac, imei } = present;
  const keys = new Set([keyOf(pending), keyOf(used)]);
  for (const keySha256 of keys) {
    const unit = keySha256 === undefined ? undefined : await ledger.identify({ keySha256 });
    if (unit) return unit;
  }
  return mac === undefined && imei === undefined ? undefined : await ledger.identify({ mac, imei });
}

function subject(der: Uint8Array): string {
  try {
    return subjectOf(new X509Certificate(der));
  } catch {
    return "it cannot be read";
  }
}

/** @throws FactoryError when what is at the port must not be written as a unit of this run. */
export function refuseStranger(present: Present, overwrite: boolean): void {
  if (present.locked) throw locked(undefined);
  const { certificate, key } = present.used;
  if (overwrite) return;
  if (certificate !== undefined) throw foreign(subject(certificate));
  if (key !== undefined) throw foreign("a key without a certificate");
}

/** @throws FactoryError when the unit at the port cannot be the one of the ledger, or must not be touched. */
export function checkUnit(
  unit: UnitRecord,
  present: Present,
  profile: string,
  wanted: string | undefined,
  target: TargetKind,
): void {
  if (wanted !== undefined && unit.serial.toLowerCase() !== wanted.toLowerCase())
    throw otherUnit(wanted, unit.serial);
  if (unit.profile !== profile) throw otherProfile(unit.serial, unit.profile, profile);
  if (unit.state === "revoked") throw wasRevoked(unit.serial);
  for (const member of ["mac", "imei"] as const) {
    const listed = unit[member] ?? unit.hardware[member];
    const found = present[member];
    if (listed !== undefined && found !== undefined && listed !== found)
      throw otherHardware(unit.serial, member, listed, found);
  }
  if (unit.state === "done" && !holdsAll(present.used, unit))
    throw target === "image" ? imageMade(unit.serial) : lost(unit.serial);
  if (present.locked && !holdsAll(present.used, unit)) throw locked(unit.serial);
}
