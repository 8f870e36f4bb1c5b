import { damaged } from "./faults.js";
import {
  REVOCATION_REASONS,
  type AuditEvent,
  type CertificateRecord,
  type Draft,
  type Fate,
  type Hardware,
  type RevocationReason,
  type UnitRecord,
} from "./ledger.js";
import { isUnitState } from "./states.js";
import type { Row, SqlValue } from "./step.js";

export function textIn(row: Row, name: string): string {
  const value = row[name];
  if (typeof value !== "string") throw damaged(`${name} is no text`);
  return value;
}

export function numberIn(row: Row, name: string): number {
  const value = row[name];
  if (typeof value !== "number") throw damaged(`${name} is no number`);
  return value;
}

export function optionalTextIn(row: Row, name: string): string | undefined {
  return row[name] === null ? undefined : textIn(row, name);
}

function bytesIn(row: Row, name: string): Uint8Array {
  const value = row[name];
  if (!(value instanceof Uint8Array)) throw damaged(`${name} is no bytes`);
  // Not a Buffer of a pool, whose memory is others' too.
  return new Uint8Array(value);
}

function dateIn(row: Row, name: string): Date {
  const date = new Date(textIn(row, name));
  if (Number.isNaN(date.getTime())) throw damaged(`${name} is no time`);
  return date;
}

function parsed(row: Row, name: string): unknown {
  try {
    return JSON.parse(textIn(row, name));
  } catch {
    throw damaged(`${name} is no JSON`);
  }
}

function recordIn(row: Row, name: string): Record<string, string> {
  const value = parsed(row, name);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw damaged(`${name} is no object`);
  return Object.fromEntries(
    Object.entries(value).map(([key, one]: [string, unknown]) => {
      if (typeof one !== "string") throw damaged(`${name} holds what is no text`);
      return [key, one];
    }),
  );
}

function textsIn(row: Row, name: string): readonly string[] {
  const value = parsed(row, name);
  if (!Array.isArray(value)) throw damaged(`${name} is no list`);
  return value.map((one: unknown) => {
    if (typeof one !== "string") throw damaged(`${name} holds what is no text`);
    return one;
  });
}

/** A unit as it is stored: the record, with what only the ledger itself needs. */
export interface StoredUnit {
  record: UnitRecord;
  token: string | undefined;
  /** Digest of the last change, to know one whose answer was lost. */
  lastChange: string | undefined;
}

function draftIn(row: Row): Draft {
  const { serialNumber, notBefore, notAfter, publicKey, issuer } = recordIn(row, "draft");
  if (
    serialNumber === undefined ||
    notBefore === undefined ||
    notAfter === undefined ||
    publicKey === undefined ||
    issuer === undefined
  )
    throw damaged("draft is not whole");
  return {
    serialNumber,
    notBefore: new Date(notBefore),
    notAfter: new Date(notAfter),
    publicKey: new Uint8Array(Buffer.from(publicKey, "base64")),
    issuer,
  };
}

export function storedUnit(row: Row): StoredUnit {
  const state = textIn(row, "state");
  if (!isUnitState(state)) throw damaged(`unit ${textIn(row, "serial")} has the state ${state}`);
  const imei = optionalTextIn(row, "imei");
  const mac = optionalTextIn(row, "mac");
  const clientId = optionalTextIn(row, "client_id");
  const label = optionalTextIn(row, "label");
  const keySha256 = optionalTextIn(row, "key_sha256");
  const certificate = optionalTextIn(row, "certificate");
  const token = optionalTextIn(row, "claim_token");
  const record: UnitRecord = {
    serial: textIn(row, "serial"),
    ...(imei === undefined ? undefined : { imei }),
    ...(mac === undefined ? undefined : { mac }),
    ...(clientId === undefined ? undefined : { clientId }),
    ...(label === undefined ? undefined : { label }),
    variables: recordIn(row, "variables"),
    profile: textIn(row, "profile"),
    position: numberIn(row, "position"),
    state,
    stateAt: dateIn(row, "state_at"),
    generation: numberIn(row, "generation"),
    ...(keySha256 === undefined ? undefined : { keySha256 }),
    ...(row["request"] === null ? undefined : { request: bytesIn(row, "request") }),
    ...(row["draft"] === null ? undefined : { draft: draftIn(row) }),
    ...(certificate === undefined ? undefined : { certificate }),
    hardware: recordIn(row, "hardware"),
    proofs: textsIn(row, "proofs"),
    ...(row["failure_code"] === null
      ? undefined
      : {
          failure: {
            code: textIn(row, "failure_code"),
            what: textIn(row, "failure_what"),
            at: dateIn(row, "failure_at"),
          },
        }),
    attempts: numberIn(row, "attempts"),
    ...(token === undefined
      ? undefined
      : {
          claim: {
            station: textIn(row, "claim_station"),
            port: textIn(row, "claim_port"),
            until: dateIn(row, "claim_until"),
          },
        }),
  };
  return { record, token, lastChange: optionalTextIn(row, "last_change") };
}

/** A record whose absent members are not there at all. */
export function withoutAbsent(unit: UnitRecord): UnitRecord {
  const { keySha256, request, draft, certificate, failure, claim, ...rest } = unit;
  return {
    ...rest,
    ...(keySha256 === undefined ? undefined : { keySha256 }),
    ...(request === undefined ? undefined : { request }),
    ...(draft === undefined ? undefined : { draft }),
    ...(certificate === undefined ? undefined : { certificate }),
    ...(failure === undefined ? undefined : { failure }),
    ...(claim === undefined ? undefined : { claim }),
  };
}

export function unclaimed(unit: UnitRecord): UnitRecord {
  return withoutAbsent({ ...unit, claim: undefined });
}

const orNull = (value: string | undefined): string | null => value ?? null;

/** Columns of a unit that change, in the order of {@link changingValues}. */
export const CHANGING_COLUMNS = [
  "state",
  "state_at",
  "generation",
  "key_sha256",
  "request",
  "draft",
  "certificate",
  "hardware",
  "bound",
  "proofs",
  "failure_code",
  "failure_what",
  "failure_at",
  "attempts",
  "claim_station",
  "claim_port",
  "claim_token",
  "claim_until",
  "last_change",
] as const;

function draftText({ serialNumber, notBefore, notAfter, publicKey, issuer }: Draft): string {
  return JSON.stringify({
    serialNumber,
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
    publicKey: Buffer.from(publicKey).toString("base64"),
    issuer,
  });
}

/** Hardware that tells a unit from others is bound to this one. */
export function isBound(unit: Pick<UnitRecord, "mac" | "imei" | "hardware">): boolean {
  const { mac, imei, hardware } = unit;
  return (mac ?? imei ?? hardware.mac ?? hardware.imei) !== undefined;
}

function hardwareText({ mac, imei, module, firmware }: Hardware): string {
  return JSON.stringify({ mac, imei, module, firmware });
}

export function changingValues({ record, token, lastChange }: StoredUnit): readonly SqlValue[] {
  const { failure, claim } = record;
  return [
    record.state,
    record.stateAt.toISOString(),
    record.generation,
    orNull(record.keySha256),
    record.request ?? null,
    record.draft === undefined ? null : draftText(record.draft),
    orNull(record.certificate),
    hardwareText(record.hardware),
    isBound(record) ? 1 : 0,
    JSON.stringify(record.proofs),
    orNull(failure?.code),
    orNull(failure?.what),
    orNull(failure?.at.toISOString()),
    record.attempts,
    orNull(claim?.station),
    orNull(claim?.port),
    claim === undefined ? null : orNull(token),
    orNull(claim?.until.toISOString()),
    orNull(lastChange),
  ];
}

const FATES: readonly Fate[] = ["issued", "active", "abandoned", "superseded", "revoked"];

export function fateOf(text: string): Fate {
  const fate = FATES.find(one => one === text);
  if (fate === undefined) throw damaged(`a certificate has the fate ${text}`);
  return fate;
}

function reasonOf(text: string): RevocationReason {
  const reason = REVOCATION_REASONS.find(one => one === text);
  if (reason === undefined) throw damaged(`a certificate was revoked for ${text}`);
  return reason;
}

export function certificateRecord(row: Row): CertificateRecord {
  const reason = optionalTextIn(row, "reason");
  return {
    sha256: textIn(row, "sha256"),
    serialNumber: textIn(row, "serial_number"),
    unit: textIn(row, "unit"),
    der: bytesIn(row, "der"),
    issuer: textIn(row, "issuer"),
    keySha256: textIn(row, "key_sha256"),
    notBefore: dateIn(row, "not_before"),
    notAfter: dateIn(row, "not_after"),
    fate: fateOf(textIn(row, "fate")),
    fateAt: dateIn(row, "fate_at"),
    ...(reason === undefined ? undefined : { reason: reasonOf(reason) }),
  };
}

export function auditEvent(row: Row): AuditEvent {
  return {
    sequence: numberIn(row, "sequence"),
    at: dateIn(row, "at"),
    station: textIn(row, "station"),
    unit: textIn(row, "unit"),
    event: textIn(row, "event"),
    data: recordIn(row, "data"),
    previous: textIn(row, "previous"),
    hash: textIn(row, "hash"),
  };
}
