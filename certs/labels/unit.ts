import type { UnitRecord } from "../ledger/ledger.js";
import type { LabelUnit } from "./template.js";

/** What a label may tell of a unit of the ledger. MAC and IMEI as they were found, else as listed. */
export function labelUnit(unit: UnitRecord): LabelUnit {
  return {
    serial: unit.serial,
    mac: unit.hardware.mac ?? unit.mac,
    imei: unit.hardware.imei ?? unit.imei,
    clientId: unit.clientId,
    label: unit.label,
    fingerprint: unit.certificate,
    variables: unit.variables,
  };
}
