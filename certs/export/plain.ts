import type { AuditEvent, CertificateRecord, Ledger, UnitQuery, UnitRecord } from "../ledger/ledger.js";
import { toPem } from "../pem-text.js";
import { csvLine } from "./csv.js";
import { registered, type Selection } from "./registered.js";

/** Columns of {@link exportUnitsCsv}, in their order; the profile's variables follow. */
export const UNIT_COLUMNS = [
  "serial",
  "profile",
  "position",
  "state",
  "state_at",
  "generation",
  "client_id",
  "label",
  "imei",
  "mac",
  "module",
  "firmware",
  "certificate_sha256",
  "certificate_serial",
  "not_before",
  "not_after",
  "fate",
  "issuer_sha256",
  "key_sha256",
  "proofs",
  "attempts",
  "failure_code",
  "failure",
  "failure_at",
] as const;
export type UnitColumn = (typeof UNIT_COLUMNS)[number];

/** A unit's members by column; absent ones are left out. MAC and IMEI as they were found, else as listed. */
function columnsOf(
  unit: UnitRecord,
  certificate: CertificateRecord | undefined,
): Readonly<Record<UnitColumn, string | number | undefined>> {
  return {
    serial: unit.serial,
    profile: unit.profile,
    position: unit.position,
    state: unit.state,
    state_at: unit.stateAt.toISOString(),
    generation: unit.generation,
    client_id: unit.clientId,
    label: unit.label,
    imei: unit.hardware.imei ?? unit.imei,
    mac: unit.hardware.mac ?? unit.mac,
    module: unit.hardware.module,
    firmware: unit.hardware.firmware,
    certificate_sha256: unit.certificate,
    certificate_serial: certificate?.serialNumber,
    not_before: certificate?.notBefore.toISOString(),
    not_after: certificate?.notAfter.toISOString(),
    fate: certificate?.fate,
    issuer_sha256: certificate?.issuer,
    key_sha256: unit.keySha256,
    proofs: unit.proofs.join(" "),
    attempts: unit.attempts,
    failure_code: unit.failure?.code,
    failure: unit.failure?.what,
    failure_at: unit.failure?.at.toISOString(),
  };
}

async function* unitsWithCertificates(
  ledger: Ledger,
  query: UnitQuery,
): AsyncGenerator<{ unit: UnitRecord; certificate: CertificateRecord | undefined }> {
  for await (const unit of ledger.units(query)) {
    const certificate =
      unit.certificate === undefined ? undefined : await ledger.certificate(unit.certificate);
    yield { unit, certificate };
  }
}

export interface UnitsCsvOptions extends UnitQuery {
  /** Variables of the profile that get a column each, in this order. */
  readonly variables?: readonly string[] | undefined;
}

/** All units, whatever their state, as CSV (RFC 4180, CRLF, a header); see `csvCell` for what a spreadsheet would act on. */
export async function* exportUnitsCsv(ledger: Ledger, options: UnitsCsvOptions = {}): AsyncGenerator<string> {
  const { variables = [], ...query } = options;
  yield csvLine([...UNIT_COLUMNS, ...variables]);
  for await (const { unit, certificate } of unitsWithCertificates(ledger, query)) {
    const columns = columnsOf(unit, certificate);
    yield csvLine([
      ...UNIT_COLUMNS.map(name => String(columns[name] ?? "")),
      ...variables.map(name => (Object.hasOwn(unit.variables, name) ? (unit.variables[name] ?? "") : "")),
    ]);
  }
}

/** All units, whatever their state, one JSON object a line: the columns of the CSV and `variables`; values are exact. */
export async function* exportUnitsJson(ledger: Ledger, query: UnitQuery = {}): AsyncGenerator<string> {
  for await (const { unit, certificate } of unitsWithCertificates(ledger, query))
    yield `${JSON.stringify({
      ...columnsOf(unit, certificate),
      proofs: unit.proofs,
      variables: unit.variables,
    })}\n`;
}

/** Certificates in use as a PEM bundle; before each a line with serial and SHA-256, which readers of PEM skip (RFC 7468 §2). */
export async function* exportCertificates(ledger: Ledger, options: Selection = {}): AsyncGenerator<string> {
  for await (const { unit, certificate } of registered(ledger, options))
    yield `# ${unit.serial} ${certificate.sha256}\n${toPem(certificate.der, "CERTIFICATE")}`;
}

/** Names of an event's data, sorted as the hash takes them. */
function sortedData(event: AuditEvent): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(event.data).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/**
 * The audit trail, one JSON object a line: everything that the chain's hash covers, and the hash. Who has the file
 * alone can compute the chain again: `hash` is the SHA-256 of the JSON array [sequence, at, station, unit, event,
 * data, previous] without blanks. With `unit` alone the chain cannot be followed, each hash still can be computed.
 */
export async function* exportEvents(
  ledger: Ledger,
  query: { readonly unit?: string; readonly after?: number } = {},
): AsyncGenerator<string> {
  for await (const event of ledger.events(query)) {
    const { sequence, at, station, unit, event: name, previous, hash } = event;
    yield `${JSON.stringify({ sequence, at: at.toISOString(), station, unit, event: name, data: sortedData(event), previous, hash })}\n`;
  }
}
