import { FactoryError } from "../factory-error.js";
import type {
  CertificateRecord,
  EventQuery,
  Fate,
  Identity,
  Summary,
  UnitQuery,
  UnitRecord,
  UnitState,
} from "./ledger.js";
import { damaged } from "./faults.js";
import { certificateRecord, fateOf, numberIn, storedUnit, textIn } from "./rows.js";
import { isUnitState } from "./states.js";
import { query, type Row, type SqlValue, type Step } from "./step.js";

/** Rows of one page. Between pages others may write. */
export const PAGE = 256;

export function* unitBySerial(serial: string): Step<UnitRecord | undefined> {
  const [row] = yield* query("SELECT * FROM units WHERE serial = $1", serial);
  return row === undefined ? undefined : storedUnit(row).record;
}

/** `a = $1 AND b = $2`, with its values. */
class Conditions {
  readonly #texts: string[] = [];
  readonly values: SqlValue[] = [];

  /** `condition` ends where the value's place comes. */
  add(condition: string, value: SqlValue | undefined): this {
    if (value === undefined) return this;
    this.values.push(value);
    this.#texts.push(`${condition} $${this.values.length}`);
    return this;
  }

  plain(condition: string | undefined): this {
    if (condition !== undefined) this.#texts.push(condition);
    return this;
  }

  toString(): string {
    return this.#texts.length === 0 ? "" : `WHERE ${this.#texts.join(" AND ")}`;
  }
}

export function* unitsPage(asked: UnitQuery, after: number): Step<readonly UnitRecord[]> {
  const where = new Conditions()
    .add("position >", after)
    .add("profile =", asked.profile)
    .add("state =", asked.state)
    .add("serial =", asked.serial)
    .plain(asked.failed === undefined ? undefined : `failure_code IS ${asked.failed ? "NOT " : ""}NULL`);
  const rows = yield* query(
    `SELECT * FROM units ${where.toString()} ORDER BY position LIMIT ${PAGE}`,
    ...where.values,
  );
  return rows.map(row => storedUnit(row).record);
}

/** Where a page of certificates ends. */
export interface CertificateMark {
  readonly position: number;
  readonly number: number;
}

export function* certificatesPage(
  serial: string | undefined,
  after: CertificateMark,
): Step<{ readonly records: readonly CertificateRecord[]; readonly mark: CertificateMark }> {
  const values: SqlValue[] = [after.position, after.number];
  if (serial !== undefined) values.push(serial);
  const rows = yield* query(
    `SELECT c.*, u.position FROM units u JOIN certificates c ON c.unit = u.serial
      WHERE (u.position > $1 OR (u.position = $1 AND c.number > $2)) ${serial === undefined ? "" : "AND u.serial = $3"}
      ORDER BY u.position, c.number LIMIT ${PAGE}`,
    ...values,
  );
  const last = rows.at(-1);
  return {
    records: rows.map(certificateRecord),
    mark:
      last === undefined ? after : { position: numberIn(last, "position"), number: numberIn(last, "number") },
  };
}

export function* certificateByHash(sha256: string): Step<CertificateRecord | undefined> {
  const [row] = yield* query("SELECT * FROM certificates WHERE sha256 = $1", sha256);
  return row === undefined ? undefined : certificateRecord(row);
}

export function* eventsPage(asked: EventQuery, after: number): Step<readonly Row[]> {
  const where = new Conditions().add("sequence >", after).add("unit =", asked.unit).add("hash =", asked.hash);
  return yield* query(
    `SELECT * FROM events ${where.toString()} ORDER BY sequence LIMIT ${PAGE}`,
    ...where.values,
  );
}

export function* identifyUnit(identity: Identity): Step<UnitRecord | undefined> {
  const found = new Map<string, string>();
  for (const [name, value, sql] of [
    ["key", identity.keySha256, "SELECT unit FROM keys WHERE sha256 = $1"],
    ["certificate", identity.certificate, "SELECT unit FROM certificates WHERE sha256 = $1"],
    ["MAC", identity.mac, "SELECT unit FROM identities WHERE kind = 'mac' AND value = $1"],
    ["IMEI", identity.imei, "SELECT unit FROM identities WHERE kind = 'imei' AND value = $1"],
  ] as const) {
    if (value === undefined) continue;
    const [row] = yield* query(sql, value);
    if (row !== undefined) found.set(name, textIn(row, "unit"));
  }
  const serials = new Set(found.values());
  if (serials.size > 1)
    throw new FactoryError({
      code: "identity-conflict",
      side: "unit",
      what: `what is at this port is several units at once: ${[...found].map(([name, serial]) => `by its ${name} ${serial}`).join(", ")}`,
      why: "Boards or modules were exchanged, or memory was copied from one unit to another.",
      fix: "Find out which unit it is, erase it, and name its serial.",
    });
  const [serial] = serials;
  return serial === undefined ? undefined : yield* unitBySerial(serial);
}

export function* summarize(profile: string | undefined): Step<Summary> {
  const of = profile === undefined ? "" : "WHERE profile = $1";
  const values = profile === undefined ? [] : [profile];
  const byState: Partial<Record<UnitState, number>> = {};
  let units = 0;
  for (const row of yield* query(
    `SELECT state, CAST(count(*) AS INTEGER) AS number FROM units ${of} GROUP BY state`,
    ...values,
  )) {
    const state = textIn(row, "state");
    if (!isUnitState(state)) throw damaged(`there are units with the state ${state}`);
    byState[state] = numberIn(row, "number");
    units += numberIn(row, "number");
  }
  const byFailure: Record<string, number> = {};
  let failed = 0;
  for (const row of yield* query(
    `SELECT failure_code AS code, CAST(count(*) AS INTEGER) AS number FROM units
      WHERE failure_code IS NOT NULL ${profile === undefined ? "" : "AND profile = $1"} GROUP BY failure_code ORDER BY failure_code`,
    ...values,
  )) {
    byFailure[textIn(row, "code")] = numberIn(row, "number");
    failed += numberIn(row, "number");
  }
  const certificates: Partial<Record<Fate, number>> = {};
  for (const row of yield* query(
    `SELECT fate, CAST(count(*) AS INTEGER) AS number FROM certificates
      ${profile === undefined ? "" : "WHERE unit IN (SELECT serial FROM units WHERE profile = $1)"} GROUP BY fate`,
    ...values,
  ))
    certificates[fateOf(textIn(row, "fate"))] = numberIn(row, "number");
  const [trail] = yield* query("SELECT sequence, hash FROM trail");
  if (trail === undefined) throw damaged("the end of its audit trail is not there");
  return {
    units,
    byState,
    failed,
    byFailure,
    certificates,
    events: numberIn(trail, "sequence"),
    head: textIn(trail, "hash"),
  };
}
