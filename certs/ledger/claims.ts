import { createHash, randomBytes } from "node:crypto";
import { claimLost } from "./faults.js";
import type { Claim, UnitRecord, Wanted } from "./ledger.js";
import { CHANGING_COLUMNS, changingValues, storedUnit, unclaimed, type StoredUnit } from "./rows.js";
import { refuseSecrets } from "./secrets.js";
import { query, timeBy, type Dialect, type Step } from "./step.js";
import { append, openTrail, wellFormed } from "./trail.js";

/** What steps need of the ledger that they run for. */
export interface Setting {
  readonly dialect: Dialect;
  readonly claimMs: number;
}

export interface Place {
  readonly station: string;
  readonly port: string;
}

const CHANGE = `UPDATE units SET ${CHANGING_COLUMNS.map((name, index) => `${name} = $${index + 2}`).join(", ")} WHERE serial = $1`;

export function* save(unit: StoredUnit): Step<void> {
  yield* query(CHANGE, unit.record.serial, ...changingValues(unit));
}

/** A unit, locked until the transaction ends. */
export function* lockUnit(dialect: Dialect, serial: string): Step<StoredUnit | undefined> {
  const [row] = yield* query(`SELECT * FROM units WHERE serial = $1 ${dialect.forUpdate}`, serial);
  return row === undefined ? undefined : storedUnit(row);
}

/** The unit of a claim, locked, whoever has it now. */
export function* lockClaimed(dialect: Dialect, claim: Claim): Step<StoredUnit> {
  const unit = yield* lockUnit(dialect, claim.unit.serial);
  if (unit === undefined) throw claimLost(claim.unit.serial);
  return unit;
}

/** Tells one change from another. */
export function digestOf(...parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

export const later = (at: string, ms: number): Date => new Date(Date.parse(at) + ms);

/**
 * A claim holds for `claimMs` from now at most: whoever wrote a later end had a clock that was ahead. The end is written
 * down, so that it comes; a station that still works on the unit makes it later again.
 */
export function* shorten({ claimMs }: Setting, { record }: StoredUnit, now: string): Step<void> {
  const most = later(now, claimMs);
  if (record.claim === undefined || record.claim.until <= most) return;
  yield* query("UPDATE units SET claim_until = $2 WHERE serial = $1", record.serial, most.toISOString());
}

/** The next unit of a list for a place: first what this place has left, then by the list. */
function* lockNext(
  { dialect, claimMs }: Setting,
  profile: string,
  place: Place,
): Step<StoredUnit | undefined> {
  // What has a certificate exists, and is recognized by it: another board at this port must not become its double.
  const [left] = yield* query(
    `SELECT * FROM units WHERE claim_token IS NOT NULL AND claim_station = $1 AND claim_port = $2 AND profile = $3
      AND bound = 0 AND generation = 1 AND state IN ('listed', 'begun', 'keyed', 'issuing')
      ORDER BY position LIMIT 1 ${dialect.skipLocked}`,
    place.station,
    place.port,
    profile,
  );
  if (left !== undefined) return storedUnit(left);
  const now = yield* timeBy(dialect);
  // A unit of a later generation exists already: another one must not become its double.
  const [free] = yield* query(
    `SELECT * FROM units WHERE profile = $1 AND state IN ('listed', 'begun') AND bound = 0 AND generation = 1
      AND (claim_until IS NULL OR claim_until <= $2)
      ORDER BY position LIMIT 1 ${dialect.skipLocked}`,
    profile,
    now,
  );
  if (free !== undefined) return storedUnit(free);
  const most = later(now, claimMs).toISOString();
  yield* query(
    `UPDATE units SET claim_until = $2 WHERE serial IN (
      SELECT serial FROM units WHERE profile = $1 AND state IN ('listed', 'begun') AND bound = 0 AND generation = 1
        AND claim_until > $2 ${dialect.skipLocked})`,
    profile,
    most,
  );
  return undefined;
}

export function* claimUnit(setting: Setting, wanted: Wanted, given: Place): Step<Claim | undefined> {
  const { dialect, claimMs } = setting;
  const place = { station: wellFormed(given.station), port: wellFormed(given.port) };
  refuseSecrets(place.port, "port");
  const unit =
    wanted.by === "next"
      ? yield* lockNext(setting, wanted.profile, place)
      : yield* lockUnit(dialect, wanted.serial);
  if (unit === undefined) return undefined;
  const trail = yield* openTrail(dialect);
  const { claim: held, ...rest } = unit.record;
  const isOthers =
    held !== undefined &&
    held.until.getTime() > Date.parse(trail.at) &&
    (held.station !== place.station || held.port !== place.port);
  if (isOthers && wanted.by !== "identity") {
    yield* shorten(setting, unit, trail.at);
    return undefined;
  }
  const token = randomBytes(16).toString("hex");
  const record: UnitRecord = {
    ...rest,
    attempts: rest.attempts + 1,
    claim: { ...place, until: later(trail.at, claimMs) },
  };
  yield* save({ record, token, lastChange: undefined });
  yield* append(trail, {
    station: place.station,
    unit: record.serial,
    event: isOthers ? "taken-over" : "claimed",
    data: {
      port: place.port,
      state: record.state,
      attempt: String(record.attempts),
      from: isOthers ? held.station : undefined,
      fromPort: isOthers ? held.port : undefined,
    },
  });
  return { unit: record, ...place, token };
}

export function* renewClaim({ dialect, claimMs }: Setting, claim: Claim): Step<void> {
  const unit = yield* lockClaimed(dialect, claim);
  if (unit.token !== claim.token) throw claimLost(claim.unit.serial);
  const now = yield* timeBy(dialect);
  yield* query(
    "UPDATE units SET claim_until = $2 WHERE serial = $1",
    claim.unit.serial,
    later(now, claimMs).toISOString(),
  );
}

/** Longest text of a failure that is kept, in characters. */
const FAILURE_MOST = 1000;

export function* failUnit(
  { dialect }: Setting,
  claim: Claim,
  failure: { readonly code: string; readonly what: string },
): Step<void> {
  const unit = yield* lockClaimed(dialect, claim);
  const digest = digestOf("fail", claim.token, failure.code, failure.what);
  if (unit.token === undefined && unit.lastChange === digest) return;
  if (unit.token !== claim.token) throw claimLost(claim.unit.serial);
  refuseSecrets(failure.what, "failure");
  const code = wellFormed(failure.code);
  const what = wellFormed(failure.what.slice(0, FAILURE_MOST));
  const trail = yield* openTrail(dialect);
  const record = { ...unclaimed(unit.record), failure: { code, what, at: new Date(trail.at) } };
  yield* save({ record, token: undefined, lastChange: digest });
  yield* append(trail, {
    station: claim.station,
    unit: record.serial,
    event: "failed",
    data: { code, what, state: record.state, port: claim.port },
  });
}

/** A claim that is not held any more is released already, by whatever ended it. */
export function* releaseUnit({ dialect }: Setting, claim: Claim): Step<void> {
  const unit = yield* lockClaimed(dialect, claim);
  if (unit.token !== claim.token) return;
  const trail = yield* openTrail(dialect);
  yield* save({ ...unit, record: unclaimed(unit.record), token: undefined });
  yield* append(trail, {
    station: claim.station,
    unit: claim.unit.serial,
    event: "released",
    data: { state: unit.record.state, port: claim.port },
  });
}
