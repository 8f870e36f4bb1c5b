import { digestOf, lockUnit, save, shorten, type Setting } from "./claims.js";
import { busy, damaged, unknownUnit } from "./faults.js";
import { FactoryError } from "../factory-error.js";
import type { CertificateRecord, RevocationReason, UnitRecord, UnitState } from "./ledger.js";
import { certificateRecord, unclaimed, withoutAbsent, type StoredUnit } from "./rows.js";
import { query, type Step } from "./step.js";
import { append, openTrail, type Trail } from "./trail.js";

export interface RevokeOptions {
  readonly reason: RevocationReason;
  readonly replace: boolean;
  readonly station: string;
}

function* latest(unit: UnitRecord): Step<CertificateRecord | undefined> {
  const [row] =
    unit.certificate === undefined
      ? yield* query("SELECT * FROM certificates WHERE unit = $1 ORDER BY number DESC LIMIT 1", unit.serial)
      : yield* query("SELECT * FROM certificates WHERE sha256 = $1", unit.certificate);
  return row === undefined ? undefined : certificateRecord(row);
}

/** A unit without what a generation brings. */
function bare(unit: UnitRecord, trail: Trail): UnitRecord {
  return withoutAbsent({
    ...unit,
    state: "listed",
    stateAt: new Date(trail.at),
    generation: unit.generation + 1,
    proofs: [],
    keySha256: undefined,
    request: undefined,
    draft: undefined,
    certificate: undefined,
    failure: undefined,
    claim: undefined,
  });
}

/** States in which a unit can be given up although nothing was issued for it. */
const UNDER_WAY: readonly UnitState[] = ["begun", "keyed", "requested", "issuing"];

/** `claimed`: a station works on the unit; nothing was changed but the end of a claim that was too late. */
export type Revocation =
  { readonly certificate: CertificateRecord | undefined } | { readonly claimed: FactoryError };

/** Whether a claim holds: then it ends in due time at the latest. */
function* heldBy(setting: Setting, stored: StoredUnit, now: string): Step<FactoryError | undefined> {
  const { serial, claim } = stored.record;
  if (claim === undefined || claim.until.getTime() <= Date.parse(now)) return undefined;
  yield* shorten(setting, stored, now);
  return busy(`unit ${serial}, which station ${claim.station} works on,`);
}

/** Drops what was begun for a unit before anything was issued. */
function* giveUp(
  setting: Setting,
  stored: StoredUnit,
  options: RevokeOptions,
  digest: string,
): Step<Revocation> {
  const { record: unit } = stored;
  const trail = yield* openTrail(setting.dialect);
  const claimed = yield* heldBy(setting, stored, trail.at);
  if (claimed !== undefined) return { claimed };
  const record = bare(unit, trail);
  yield* save({ record, token: undefined, lastChange: digest });
  const { station, reason } = options;
  const data = { generation: String(record.generation), from: unit.state, reason, key: unit.keySha256 };
  yield* append(trail, { station, unit: unit.serial, event: "listed", data });
  return { certificate: undefined };
}

export function* revokeUnit(setting: Setting, serial: string, options: RevokeOptions): Step<Revocation> {
  const stored = yield* lockUnit(setting.dialect, serial);
  if (stored === undefined) throw unknownUnit(serial);
  const { record: unit } = stored;
  const { reason, replace, station } = options;
  const certificate = yield* latest(unit);
  const digest = digestOf("revoke", serial, reason, String(replace), station);
  // It had happened, and the answer was lost.
  if (stored.lastChange === digest && certificate !== undefined) return { certificate };
  const givenUp = digestOf("give up", serial, reason, station);
  if (stored.lastChange === givenUp && replace) return { certificate: undefined };
  if (replace && UNDER_WAY.includes(unit.state)) return yield* giveUp(setting, stored, options, givenUp);
  // A replacement may be asked for after the revocation.
  const isReplacedLater = unit.state === "revoked" && replace;
  if (certificate === undefined || (unit.certificate === undefined && !isReplacedLater))
    throw new FactoryError({
      code: "no-certificate",
      side: "input",
      what: `unit ${serial} has no certificate to revoke (${unit.state})`,
      why: "Only what was issued can be revoked.",
      fix: "Look it up with status; what was begun for it is given up with --replace.",
    });
  if (unit.state === "revoked" && !replace)
    throw new FactoryError({
      code: "revoked",
      side: "input",
      what: `the certificate of unit ${serial} is revoked already (${certificate.reason ?? "unspecified"})`,
      why: "A revocation is not changed.",
      fix: "Ask for a replacement if the unit is to have a new certificate.",
    });
  const trail = yield* openTrail(setting.dialect);
  const claimed = yield* heldBy(setting, stored, trail.at);
  if (claimed !== undefined) return { claimed };
  if (!isReplacedLater)
    yield* query(
      "UPDATE certificates SET fate = 'revoked', fate_at = $2, reason = $3 WHERE sha256 = $1",
      certificate.sha256,
      trail.at,
      reason,
    );
  const record: UnitRecord = replace
    ? bare(unit, trail)
    : { ...unclaimed(unit), state: "revoked", stateAt: new Date(trail.at) };
  yield* save({ record, token: undefined, lastChange: digest });
  yield* append(
    trail,
    ...(isReplacedLater
      ? []
      : [
          {
            station,
            unit: serial,
            event: "revoked",
            data: { certificate: certificate.sha256, serialNumber: certificate.serialNumber, reason },
          },
        ]),
    ...(replace
      ? [
          {
            station,
            unit: serial,
            event: "listed",
            data: { generation: String(record.generation), replaces: certificate.sha256, reason },
          },
        ]
      : []),
  );
  const after = yield* query("SELECT * FROM certificates WHERE sha256 = $1", certificate.sha256);
  const [row] = after;
  if (row === undefined) throw damaged(`certificate ${certificate.sha256} is not there`);
  return { certificate: certificateRecord(row) };
}
