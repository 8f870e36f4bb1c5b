import { digestOf, lockUnit, save } from "./claims.js";
import { busy, damaged, unknownUnit } from "./faults.js";
import { FactoryError } from "../factory/error.js";
import type { CertificateRecord, RevocationReason, UnitRecord } from "./ledger.js";
import { certificateRecord, unclaimed, withoutAbsent } from "./rows.js";
import { query, type Dialect, type Step } from "./step.js";
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

export function* revokeUnit(
  dialect: Dialect,
  serial: string,
  options: RevokeOptions,
): Step<CertificateRecord> {
  const stored = yield* lockUnit(dialect, serial);
  if (stored === undefined) throw unknownUnit(serial);
  const { record: unit } = stored;
  const { reason, replace, station } = options;
  const certificate = yield* latest(unit);
  const digest = digestOf("revoke", serial, reason, String(replace), station);
  if (stored.lastChange === digest && certificate !== undefined) return certificate;
  // A replacement may be asked for after the revocation.
  const isReplacedLater = unit.state === "revoked" && replace;
  if (certificate === undefined || (unit.certificate === undefined && !isReplacedLater))
    throw new FactoryError({
      code: "no-certificate",
      side: "input",
      what: `unit ${serial} has no certificate to revoke (${unit.state})`,
      why: "Only what was issued can be revoked.",
      fix: "Look it up with status.",
    });
  if (unit.state === "revoked" && !replace)
    throw new FactoryError({
      code: "revoked",
      side: "input",
      what: `the certificate of unit ${serial} is revoked already (${certificate.reason ?? "unspecified"})`,
      why: "A revocation is not changed.",
      fix: "Ask for a replacement if the unit is to have a new certificate.",
    });
  const trail = yield* openTrail(dialect);
  if (unit.claim !== undefined && unit.claim.until.getTime() > Date.parse(trail.at))
    throw busy(`unit ${serial}, which station ${unit.claim.station} works on,`);
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
            data: { generation: String(record.generation), replaces: certificate.sha256 },
          },
        ]
      : []),
  );
  const after = yield* query("SELECT * FROM certificates WHERE sha256 = $1", certificate.sha256);
  const [row] = after;
  if (row === undefined) throw damaged(`certificate ${certificate.sha256} is not there`);
  return certificateRecord(row);
}
