import { UnitListError } from "../units/list.js";
import { duplicatesIn, type Unit, type UnitFault } from "../units/unit.js";
import type { Listing, UnitRecord } from "./ledger.js";
import { numberIn, storedUnit, textIn } from "./rows.js";
import { refuseSecrets } from "./secrets.js";
import { insertAll, query, queryIn, type Dialect, type Step } from "./step.js";
import { append, openTrail } from "./trail.js";

/** What may belong to one unit only. Serials and client ids are folded as a list's own duplicates are. */
export type IdentityKind = "serial" | "imei" | "mac" | "client_id";

export function identitiesOf(
  unit: Omit<Unit, "line" | "variables">,
): readonly (readonly [IdentityKind, string])[] {
  const { serial, imei, mac, clientId } = unit;
  const identities: [IdentityKind, string][] = [["serial", serial.toLowerCase()]];
  if (imei !== undefined) identities.push(["imei", imei]);
  if (mac !== undefined) identities.push(["mac", mac]);
  if (clientId !== undefined) identities.push(["client_id", clientId.toLowerCase()]);
  return identities;
}

/** How a unit of a list differs from the one that is there; `undefined`: not at all. */
function difference(unit: Unit, profile: string, known: UnitRecord): string | undefined {
  if (known.profile !== profile) return `is there with profile ${known.profile}`;
  const members = [
    ["imei", unit.imei, known.imei],
    ["mac", unit.mac, known.mac],
    ["client_id", unit.clientId, known.clientId],
    ["label", unit.label, known.label],
    ...[...new Set([...Object.keys(unit.variables), ...Object.keys(known.variables)])].map(
      name => [name, unit.variables[name], known.variables[name]] as const,
    ),
  ] as const;
  const other = members.find(([, now, then]) => now !== then);
  if (other === undefined) return undefined;
  const [name, , then] = other;
  return `is there with ${name} ${then === undefined ? "empty" : JSON.stringify(then)}`;
}

/** The units that are not there yet; throws UnitListError. */
function* fresh(units: readonly Unit[], profile: string, file: string): Step<readonly Unit[]> {
  const faults: UnitFault[] = [...duplicatesIn(units)];
  const owners = new Map<string, string>();
  for (const kind of ["serial", "imei", "mac", "client_id"] as const) {
    const values = units.flatMap(unit =>
      identitiesOf(unit).flatMap(([k, value]) => (k === kind ? [value] : [])),
    );
    const rows = yield* queryIn(
      `SELECT value, unit FROM identities WHERE kind = '${kind}' AND value`,
      values,
    );
    for (const row of rows) owners.set(`${kind} ${textIn(row, "value")}`, textIn(row, "unit"));
  }
  const there = units.filter(unit => owners.get(`serial ${unit.serial.toLowerCase()}`) === unit.serial);
  const rows = yield* queryIn(
    "SELECT * FROM units WHERE serial",
    there.map(unit => unit.serial),
  );
  const known = new Map(rows.map(row => [textIn(row, "serial"), storedUnit(row).record]));
  const added: Unit[] = [];
  for (const unit of units) {
    const record = known.get(unit.serial);
    const what = record === undefined ? undefined : difference(unit, profile, record);
    const place = { line: unit.line, ...(unit.entry && { entry: unit.entry }) };
    if (what !== undefined) faults.push({ ...place, what: `unit ${unit.serial} ${what}` });
    for (const [kind, value] of identitiesOf(unit)) {
      const owner = owners.get(`${kind} ${value}`);
      if (owner !== undefined && owner !== unit.serial)
        faults.push({ ...place, what: `${kind} ${value} is that of unit ${owner} in the ledger` });
    }
    if (record === undefined) added.push(unit);
  }
  if (faults.length > 0)
    throw new UnitListError(
      file,
      faults.sort((a, b) => a.line - b.line),
    );
  return added;
}

export function* tryListUnits(units: readonly Unit[], profile: string, file: string): Step<Listing> {
  const added = yield* fresh(units, profile, file);
  return { added: added.length, known: units.length - added.length };
}

export function* listUnits(
  dialect: Dialect,
  units: readonly Unit[],
  profile: string,
  file: string,
): Step<Listing> {
  // First, so that no other station adds the same units meanwhile.
  const trail = yield* openTrail(dialect);
  const added = yield* fresh(units, profile, file);
  const [last] = yield* query("SELECT coalesce(max(position), 0) AS position FROM units");
  let position = last === undefined ? 0 : numberIn(last, "position");
  for (const unit of added)
    for (const text of [unit.label, unit.clientId, ...Object.values(unit.variables)])
      if (text !== undefined) refuseSecrets(text, `unit ${unit.serial}`);
  yield* insertAll(
    "units",
    [
      "serial",
      "position",
      "profile",
      "imei",
      "mac",
      "client_id",
      "label",
      "variables",
      "state",
      "state_at",
      "generation",
      "hardware",
      "bound",
      "proofs",
      "attempts",
    ],
    added.map(unit => [
      unit.serial,
      ++position,
      profile,
      unit.imei ?? null,
      unit.mac ?? null,
      unit.clientId ?? null,
      unit.label ?? null,
      JSON.stringify(unit.variables),
      "listed",
      trail.at,
      1,
      "{}",
      (unit.mac ?? unit.imei) === undefined ? 0 : 1,
      "[]",
      0,
    ]),
  );
  yield* insertAll(
    "identities",
    ["kind", "value", "unit"],
    added.flatMap(unit => identitiesOf(unit).map(([kind, value]) => [kind, value, unit.serial])),
  );
  yield* append(
    trail,
    ...added.map(unit => ({
      station: "",
      unit: unit.serial,
      event: "listed",
      data: { file, line: String(unit.line), profile, imei: unit.imei, mac: unit.mac },
    })),
  );
  return { added: added.length, known: units.length - added.length };
}
