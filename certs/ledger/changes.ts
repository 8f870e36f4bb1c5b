import { createHash } from "node:crypto";
import { digestOf, later, lockClaimed, save, type Setting } from "./claims.js";
import { claimLost, conflict, order } from "./faults.js";
import type { Advance, Claim, Draft, Hardware, UnitRecord, UnitState } from "./ledger.js";
import { certificateRecord, numberIn, textIn, unclaimed, withoutAbsent, type StoredUnit } from "./rows.js";
import { refuseSecretBytes, refuseSecrets } from "./secrets.js";
import { checkFollows, RESTARTABLE } from "./states.js";
import { query, type Step } from "./step.js";
import { append, openTrail, wellFormed, type Trail } from "./trail.js";

type NewCertificate = NonNullable<Advance["certificate"]>;

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Bytes and times as text, so that the same changes have the same digest. */
function plain(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}

function isHash(text: string): boolean {
  return /^[\da-f]{64}$/.test(text);
}

/** What must come with a state, and what must not. */
function checkChanges(unit: UnitRecord, to: UnitState, changes: Advance): void {
  const { serial } = unit;
  const has = (name: "keySha256" | "request" | "draft" | "certificate"): boolean =>
    changes[name] !== undefined;
  const only = (name: "keySha256" | "draft" | "certificate", state: UnitState): void => {
    if (has(name) && to !== state) throw order(`unit ${serial}: ${name} comes with ${state}, not with ${to}`);
    if (!has(name) && to === state) throw order(`unit ${serial} cannot be ${state} without ${name}`);
  };
  only("keySha256", "keyed");
  // A key that is made on the host can sign only while it is in memory: its request comes with it.
  if (has("request") && to !== "keyed" && to !== "requested")
    throw order(`unit ${serial}: request comes with keyed or requested, not with ${to}`);
  if (to === "requested" && !has("request") && unit.request === undefined)
    throw order(`unit ${serial} cannot be requested without request`);
  only("draft", "issuing");
  only("certificate", "issued");
  const { keySha256, request, draft, certificate } = changes;
  if (keySha256 !== undefined && !isHash(keySha256)) throw order(`unit ${serial}: keySha256 is no SHA-256`);
  if (request !== undefined) refuseSecretBytes(request, "request");
  if (draft !== undefined) {
    refuseSecretBytes(draft.publicKey, "public key");
    checkSerialNumber(serial, draft.serialNumber);
    if (sha256(draft.publicKey) !== unit.keySha256)
      throw conflict(`unit ${serial}: the draft is for another key than the unit's`);
  }
  if (certificate !== undefined) checkCertificate(unit, certificate);
}

function checkSerialNumber(serial: string, text: string): void {
  if (!/^[\da-f]{1,40}$/.test(text))
    throw order(`unit ${serial}: ${text} is no serial number in small letters`);
}

function sameAsDraft(certificate: NewCertificate, draft: Draft): boolean {
  return (
    certificate.serialNumber === draft.serialNumber &&
    certificate.issuer === draft.issuer &&
    certificate.notBefore.getTime() === draft.notBefore.getTime() &&
    certificate.notAfter.getTime() === draft.notAfter.getTime()
  );
}

function checkCertificate(unit: UnitRecord, certificate: NewCertificate): void {
  const { serial } = unit;
  refuseSecretBytes(certificate.der, "certificate");
  checkSerialNumber(serial, certificate.serialNumber);
  if (sha256(certificate.der) !== certificate.sha256)
    throw order(`unit ${serial}: the certificate's SHA-256 is not that of its DER`);
  if (!isHash(certificate.issuer)) throw order(`unit ${serial}: issuer is no SHA-256`);
  if (certificate.keySha256 !== unit.keySha256)
    throw conflict(`unit ${serial}: the certificate is for another key than the unit's`);
  if (unit.draft !== undefined && !sameAsDraft(certificate, unit.draft))
    throw conflict(`unit ${serial}: the certificate is not the one that was drafted`);
}

/** A key belongs to one unit and one generation, for ever. */
function* takeKey(unit: UnitRecord, keySha256: string): Step<void> {
  const [known] = yield* query("SELECT unit, generation FROM keys WHERE sha256 = $1", keySha256);
  if (known === undefined) {
    yield* query(
      "INSERT INTO keys (sha256, unit, generation) VALUES ($1, $2, $3)",
      keySha256,
      unit.serial,
      unit.generation,
    );
    return;
  }
  const owner = textIn(known, "unit");
  if (owner !== unit.serial) throw conflict(`unit ${unit.serial} has the key of unit ${owner}`);
  if (numberIn(known, "generation") !== unit.generation)
    throw conflict(`unit ${unit.serial} has the key that it had before its replacement`);
}

function* takeCertificate(unit: UnitRecord, certificate: NewCertificate, at: string): Step<void> {
  const [same] = yield* query(
    "SELECT * FROM certificates WHERE sha256 = $1 OR (issuer = $2 AND serial_number = $3)",
    certificate.sha256,
    certificate.issuer,
    certificate.serialNumber,
  );
  if (same !== undefined) {
    const { unit: owner, sha256: known, fate } = certificateRecord(same);
    const what =
      known === certificate.sha256 ? "the certificate" : "a certificate with the serial number of one";
    throw conflict(`unit ${unit.serial} was given ${what} of unit ${owner} (${fate})`);
  }
  const [last] = yield* query("SELECT coalesce(max(number), 0) AS number FROM certificates");
  yield* query(
    `INSERT INTO certificates (number, sha256, serial_number, unit, der, issuer, key_sha256, not_before, not_after, fate, fate_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'issued', $10)`,
    last === undefined ? 1 : numberIn(last, "number") + 1,
    certificate.sha256,
    certificate.serialNumber,
    unit.serial,
    certificate.der,
    certificate.issuer,
    certificate.keySha256,
    certificate.notBefore.toISOString(),
    certificate.notAfter.toISOString(),
    at,
  );
}

/** Binds what was found to the unit, in place of what was bound before. */
function* bindHardware(unit: UnitRecord, hardware: Hardware): Step<void> {
  const { serial } = unit;
  for (const [name, found, listed] of [
    ["mac", hardware.mac, unit.mac],
    ["imei", hardware.imei, unit.imei],
  ] as const) {
    if (found !== undefined && listed !== undefined && found !== listed)
      throw conflict(`unit ${serial} is listed with ${name} ${listed}, and has ${found}`);
    if (listed === undefined)
      yield* query("DELETE FROM identities WHERE unit = $1 AND kind = $2", serial, name);
    if (found === undefined || listed !== undefined) continue;
    const [owner] = yield* query("SELECT unit FROM identities WHERE kind = $1 AND value = $2", name, found);
    if (owner !== undefined)
      throw conflict(`unit ${serial} has the ${name} ${found} of unit ${textIn(owner, "unit")}`);
    yield* query("INSERT INTO identities (kind, value, unit) VALUES ($1, $2, $3)", name, found, serial);
  }
}

/** Its certificate is in use from now on, and what it had before is not. */
function* activate(unit: UnitRecord, at: string): Step<void> {
  yield* query(
    "UPDATE certificates SET fate = 'superseded', fate_at = $2 WHERE unit = $1 AND fate = 'active' AND sha256 <> $3",
    unit.serial,
    at,
    unit.certificate ?? "",
  );
  yield* query(
    "UPDATE certificates SET fate = 'active', fate_at = $2 WHERE sha256 = $1 AND fate = 'issued'",
    unit.certificate ?? "",
    at,
  );
}

/** Facts of a change that stand in the audit trail by themselves. */
function factsOf(
  to: UnitState,
  unit: UnitRecord,
  changes: Advance,
): Readonly<Record<string, string | undefined>> {
  const { certificate, draft, hardware } = changes;
  return {
    key: changes.keySha256,
    request: changes.request === undefined ? undefined : sha256(changes.request),
    serialNumber: certificate?.serialNumber ?? draft?.serialNumber,
    issuer: certificate?.issuer ?? draft?.issuer,
    certificate: certificate?.sha256 ?? (to === "used" || to === "done" ? unit.certificate : undefined),
    notBefore: (certificate ?? draft)?.notBefore.toISOString(),
    notAfter: (certificate ?? draft)?.notAfter.toISOString(),
    mac: hardware?.mac,
    imei: hardware?.imei,
    module: hardware?.module,
    firmware: hardware?.firmware,
    proof: changes.proof,
    generation: to === "begun" || to === "done" ? String(unit.generation) : undefined,
  };
}

function withoutUndefined(data: Readonly<Record<string, string | undefined>>): typeof data {
  return Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined));
}

function wellFormedHardware(hardware: Hardware): Hardware {
  return Object.fromEntries(
    Object.entries(hardware).map(([name, value]: [string, string | undefined]) => {
      if (value !== undefined) refuseSecrets(value, name);
      return [name, value === undefined ? undefined : wellFormed(value)];
    }),
  );
}

/** The record with a state and what changes with it. */
function changed(unit: UnitRecord, to: UnitState, changes: Advance, at: string): UnitRecord {
  const { keySha256, request, draft, certificate, hardware, proof } = changes;
  const ended = to === "done" || to === "requested";
  return {
    ...unit,
    state: to,
    stateAt: new Date(at),
    keySha256: "keySha256" in changes ? keySha256 : unit.keySha256,
    request: request ?? unit.request,
    draft: to === "issued" ? undefined : "draft" in changes ? draft : unit.draft,
    certificate: certificate?.sha256 ?? unit.certificate,
    hardware: "hardware" in changes ? wellFormedHardware(hardware ?? {}) : unit.hardware,
    proofs: proof === undefined || unit.proofs.includes(proof) ? unit.proofs : [...unit.proofs, proof],
    // Waiting for somebody else's certificate is a success too.
    failure: ended ? undefined : unit.failure,
  };
}

export function* advanceUnit(setting: Setting, claim: Claim, to: UnitState, changes: Advance): Step<Claim> {
  const { dialect, claimMs } = setting;
  const stored = yield* lockClaimed(dialect, claim);
  const { record: unit } = stored;
  const digest = digestOf("advance", claim.token, to, JSON.stringify(changes, plain));
  // It had happened, and the answer was lost: the caller still knows the state before.
  if (unit.state === to && claim.unit.state !== to && stored.lastChange === digest) return { ...claim, unit };
  if (stored.token !== claim.token) throw claimLost(unit.serial);
  checkFollows(unit.serial, unit.state, to);
  checkChanges(unit, to, changes);
  const trail = yield* openTrail(dialect);
  if (changes.keySha256 !== undefined) yield* takeKey(unit, changes.keySha256);
  if (changes.certificate !== undefined) yield* takeCertificate(unit, changes.certificate, trail.at);
  const next = changed(unit, to, changes, trail.at);
  if ("hardware" in changes) yield* bindHardware(unit, next.hardware);
  // Nobody sees an image being used: it counts as used when it is done.
  if (to === "used" || to === "done") yield* activate(next, trail.at);
  const record = withoutAbsent(
    to === "done"
      ? unclaimed(next)
      : { ...next, claim: { station: claim.station, port: claim.port, until: later(trail.at, claimMs) } },
  );
  yield* save({ record, token: to === "done" ? undefined : claim.token, lastChange: digest });
  yield* append(trail, {
    station: claim.station,
    unit: unit.serial,
    event: to,
    // The facts go before: the tables are held against them (replay.ts).
    data: { ...changes.data, ...withoutUndefined(factsOf(to, record, changes)) },
  });
  return { ...claim, unit: record };
}

/** Its certificate was for nothing. */
function* abandon(unit: StoredUnit, trail: Trail, station: string, why: string): Step<void> {
  const { serial, certificate } = unit.record;
  if (certificate === undefined) return;
  yield* query(
    "UPDATE certificates SET fate = 'abandoned', fate_at = $2 WHERE sha256 = $1 AND fate <> 'revoked'",
    certificate,
    trail.at,
  );
  yield* append(trail, { station, unit: serial, event: "certificate-abandoned", data: { certificate, why } });
}

export function* restartUnit({ dialect, claimMs }: Setting, claim: Claim, why: string): Step<Claim> {
  const stored = yield* lockClaimed(dialect, claim);
  const { record: unit } = stored;
  const digest = digestOf("restart", claim.token, why);
  if (stored.token !== claim.token) throw claimLost(unit.serial);
  const isKnown = claim.unit.state === "begun" && claim.unit.stateAt.getTime() === unit.stateAt.getTime();
  if (unit.state === "begun" && stored.lastChange === digest && !isKnown) return { ...claim, unit };
  if (!RESTARTABLE.includes(unit.state))
    throw order(`unit ${unit.serial} cannot begin again from ${unit.state}`);
  const trail = yield* openTrail(dialect);
  yield* abandon(stored, trail, claim.station, why);
  const record = withoutAbsent({
    ...unit,
    state: "begun",
    stateAt: new Date(trail.at),
    keySha256: undefined,
    request: undefined,
    draft: undefined,
    certificate: undefined,
    proofs: [],
    claim: { station: claim.station, port: claim.port, until: later(trail.at, claimMs) },
  });
  yield* save({ record, token: claim.token, lastChange: digest });
  yield* append(trail, {
    station: claim.station,
    unit: unit.serial,
    event: "begun",
    data: { restarted: why, from: unit.state, generation: String(unit.generation) },
  });
  return { ...claim, unit: record };
}
