import { createHash } from "node:crypto";
import type { AuditEvent, CertificateRecord, UnitRecord } from "./ledger.js";
import { PAGE } from "./lookups.js";
import { auditEvent, certificateRecord, numberIn, storedUnit, textIn } from "./rows.js";
import { isUnitState } from "./states.js";
import { query, queryIn, type Step } from "./step.js";

/** What the events say of a certificate. */
interface ToldCertificate {
  readonly sha256: string;
  readonly serialNumber: string | undefined;
  readonly issuer: string | undefined;
  readonly key: string | undefined;
  fate: string;
  fateAt: string;
  reason: string | undefined;
}

/** What the events say of a unit: each of them is done again, as the ledger has done it. */
class Told {
  state = "";
  generation = "";
  key: string | undefined;
  certificate: string | undefined;
  readonly certificates = new Map<string, ToldCertificate>();

  take({ event, at, data }: AuditEvent): void {
    const when = at.toISOString();
    if (event === "listed" || event === "begun") {
      if (event === "listed") this.generation = data["generation"] ?? "1";
      // It begins from nothing, the first time and again.
      this.key = undefined;
      this.certificate = undefined;
    } else if (event === "keyed") this.key = data["key"];
    else if (event === "issued") this.#issue(data, when);
    else if (event === "used" || event === "done") this.#activate(when);
    else if (event === "certificate-abandoned") this.#end(data["certificate"], "abandoned", when);
    else if (event === "revoked") this.#end(data["certificate"], "revoked", when, data["reason"]);
    if (isUnitState(event)) this.state = event;
  }

  #issue(data: AuditEvent["data"], when: string): void {
    const { certificate = "", serialNumber, issuer } = data;
    this.certificate = certificate;
    const told = { sha256: certificate, serialNumber, issuer, key: this.key };
    this.certificates.set(certificate, { ...told, fate: "issued", fateAt: when, reason: undefined });
  }

  #activate(when: string): void {
    for (const one of this.certificates.values()) {
      const isOwn = one.sha256 === this.certificate;
      if (one.fate !== (isOwn ? "issued" : "active")) continue;
      one.fate = isOwn ? "active" : "superseded";
      one.fateAt = when;
    }
  }

  #end(sha256: string | undefined, fate: "abandoned" | "revoked", when: string, reason?: string): void {
    const one = this.certificates.get(sha256 ?? "");
    if (one === undefined || one.fate === "revoked") return;
    one.fate = fate;
    one.fateAt = when;
    one.reason = reason;
  }
}

type Pair = readonly [what: string, is: string | undefined, told: string | undefined];

/** The first of what the tables have that the events do not say. */
function difference(subject: string, pairs: readonly Pair[]): string | undefined {
  const found = pairs.find(([, is, told]) => is !== told);
  if (found === undefined) return undefined;
  const [what, is = "none", told = "none"] = found;
  return `${subject} was changed beside the audit trail: its ${what} is ${is}, by its events it is ${told}`;
}

function unitDifference(unit: UnitRecord, told: Told): string | undefined {
  return difference(`unit ${unit.serial}`, [
    ["state", unit.state, told.state],
    ["generation", String(unit.generation), told.generation],
    ["key", unit.keySha256, told.key],
    ["certificate", unit.certificate, told.certificate],
  ]);
}

function certificateDifference(
  unit: string,
  known: readonly CertificateRecord[],
  { certificates }: Told,
): string | undefined {
  const left = new Map(certificates);
  for (const one of known) {
    const told = left.get(one.sha256);
    if (told === undefined)
      return `certificate ${one.sha256} of unit ${unit} was inserted: no event of the unit has issued it`;
    left.delete(one.sha256);
    const found = difference(`certificate ${one.sha256} of unit ${unit}`, [
      ["fate", one.fate, told.fate],
      ["reason", one.reason, told.reason],
      ["time of this fate", one.fateAt.toISOString(), told.fateAt],
      ["serial number", one.serialNumber, told.serialNumber],
      ["issuer", one.issuer, told.issuer],
      ["key", one.keySha256, told.key],
      ["DER's SHA-256", createHash("sha256").update(one.der).digest("hex"), one.sha256],
    ]);
    if (found !== undefined) return found;
  }
  const [removed] = left.keys();
  return removed === undefined ? undefined : `certificate ${removed} of unit ${unit} was removed`;
}

/** Rows by what one column says. */
function gathered<T>(items: readonly T[], unitOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(unitOf(item));
    if (group === undefined) groups.set(unitOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

export interface ReplayPage {
  /** The first difference, in words. */
  readonly fault?: string | undefined;
  /** Position of the last unit; `undefined`: there are no more. */
  readonly after?: number | undefined;
}

/** Units after a position, with their certificates and events: on one state of the database, so that others may write between pages. */
export function* replayPage(after: number): Step<ReplayPage> {
  const rows = yield* query(`SELECT * FROM units WHERE position > $1 ORDER BY position LIMIT ${PAGE}`, after);
  const serials = rows.map(row => textIn(row, "serial"));
  const events = (yield* queryIn("SELECT * FROM events WHERE unit", serials)).map(auditEvent);
  const certificates = yield* queryIn("SELECT * FROM certificates WHERE unit", serials);
  const eventsOf = gathered(
    events.sort((a, b) => a.sequence - b.sequence),
    ({ unit }) => unit,
  );
  const certificatesOf = gathered(certificates.map(certificateRecord), ({ unit }) => unit);
  for (const row of rows) {
    const { record } = storedUnit(row);
    const { serial } = record;
    const told = new Told();
    for (const event of eventsOf.get(serial) ?? []) told.take(event);
    if (told.state === "") return { fault: `unit ${serial} was inserted: no event has listed it` };
    const fault =
      unitDifference(record, told) ?? certificateDifference(serial, certificatesOf.get(serial) ?? [], told);
    if (fault !== undefined) return { fault };
  }
  const last = rows.at(-1);
  return { after: last === undefined || rows.length < PAGE ? undefined : numberIn(last, "position") };
}

/** What belongs to units that are not there. */
export function* replayStrangers(): Step<string | undefined> {
  const [event] = yield* query(
    `SELECT unit FROM events WHERE unit <> '' AND NOT EXISTS (SELECT 1 FROM units WHERE serial = unit)
      ORDER BY sequence LIMIT 1`,
  );
  if (event !== undefined) return `unit ${textIn(event, "unit")} was removed: its events are there`;
  const [certificate] = yield* query(
    `SELECT sha256 FROM certificates WHERE NOT EXISTS (SELECT 1 FROM units WHERE serial = unit)
      ORDER BY number LIMIT 1`,
  );
  return certificate === undefined
    ? undefined
    : `certificate ${textIn(certificate, "sha256")} belongs to a unit that is not there`;
}
