import { X509Certificate } from "node:crypto";
import { subjectOf } from "../files/read.js";
import type { Hardware, Ledger, UnitRecord } from "../ledger/ledger.js";
import type { FactoryError } from "../factory-error.js";
import {
  foreign,
  imageMade,
  locked,
  lost,
  otherHardware,
  otherProfile,
  otherUnit,
  wasRevoked,
  wrongModule,
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

/** A unit of the ledger, and what it was recognized by. */
export interface Recognized {
  readonly unit: UnitRecord;
  /** Where it holds a key that the ledger knows; absent: it told an address of its hardware, which anybody can. */
  readonly key?: { readonly where: "pending" | "used"; readonly spki: Uint8Array };
}

/**
 * The unit of the ledger that is at the port: by its keys first, then by the addresses of its hardware.
 * `undefined`: the ledger does not know it.
 */
export async function recognize(ledger: Ledger, present: Present): Promise<Recognized | undefined> {
  const { mac, imei } = present;
  for (const where of ["pending", "used"] as const) {
    const spki = present[where].key;
    const unit = spki && (await ledger.identify({ keySha256: sha256(spki) }));
    if (unit) return { unit, key: { where, spki } };
  }
  const unit = mac === undefined && imei === undefined ? undefined : await ledger.identify({ mac, imei });
  return unit && { unit };
}

function subject(der: Uint8Array): string {
  try {
    return subjectOf(new X509Certificate(der));
  } catch {
    return "it cannot be read";
  }
}

/** @throws FactoryError when the unit has another module than the profile is for. One that tells none is believed. */
export function checkModule(present: Present, module: string): void {
  const found = present.module;
  if (found !== undefined && !found.toLowerCase().includes(module)) throw wrongModule(module, found);
}

/** @throws FactoryError when what is at the port must not be written as a unit of this run. */
export function refuseStranger(present: Present, overwrite: boolean): void {
  if (present.locked) throw locked(undefined);
  const { certificate, key } = present.used;
  if (overwrite) return;
  if (certificate !== undefined) throw foreign(subject(certificate));
  if (key !== undefined) throw foreign("a key without a certificate");
}

/** Why a unit of the ledger is not what is at the port, or in the file. */
export function notHeld(unit: UnitRecord, target: TargetKind): FactoryError {
  return target === "image" ? imageMade(unit.serial) : lost(unit.serial, unit.state);
}

/** Why what is in the place of a finished unit's image is not that image; `undefined`: it is. */
export function imageFault(unit: UnitRecord, present: Present): FactoryError | undefined {
  if (!holdsAll(present.used, unit)) return imageMade(unit.serial);
  const [flaw] = Object.values(present.flaws ?? {});
  return flaw === undefined ? undefined : imageMade(unit.serial, flaw);
}

/** @throws FactoryError when the addresses of the hardware are not those of the list or of earlier runs. */
export function checkHardware(unit: UnitRecord, present: Present): void {
  for (const member of ["mac", "imei"] as const) {
    const listed = unit[member] ?? unit.hardware[member];
    const found = present[member];
    if (listed !== undefined && found !== undefined && listed !== found)
      throw otherHardware(unit.serial, member, listed, found);
  }
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
  checkHardware(unit, present);
  if (unit.state === "done" && present.tells !== false && !holdsAll(present.used, unit))
    throw notHeld(unit, target);
  if (present.locked && !holdsAll(present.used, unit)) throw locked(unit.serial);
}
