import type { X509Certificate } from "node:crypto";
import type { CertificateRecord, Ledger, UnitRecord } from "../ledger/ledger.js";
import { unknownSerial } from "./faults.js";
import { sha256 } from "./host-key.js";
import type { Present, Target } from "./target.js";

/** `unknown`: the unit has no way to tell. */
export type Verdict = "ok" | "differs" | "unknown";

/** What is compared, in the order that it is told. */
export type Point =
  /** The hardware's addresses are those of the ledger. */
  | "hardware"
  /** The certificate in use is the one of the ledger, byte by byte. */
  | "certificate"
  /** The key's public half is the certificate's. */
  | "key"
  /** The unit has signed a fresh nonce with the key. */
  | "possession"
  /** The CA that it verifies the broker with is the profile's. */
  | "ca"
  /** The ledger says that the certificate is in use: not revoked, not superseded. */
  | "fate"
  /** It is valid today. */
  | "dates"
  /** Locked, or open for writing: told, never wrong. */
  | "lock";

export interface VerifiedPoint {
  readonly point: Point;
  readonly verdict: Verdict;
  /** In words: what was found, and what should be. */
  readonly text: string;
}

export interface Verified {
  readonly serial: string;
  /** Nothing differs. */
  readonly ok: boolean;
  readonly points: readonly VerifiedPoint[];
}

export interface VerifyOptions {
  readonly ledger: Ledger;
  readonly station: string;
  readonly serial: string;
  /** Of the profile; absent: the CA is not compared. */
  readonly brokerCa?: X509Certificate | undefined;
  readonly now: Date;
}

function short(hash: string | undefined): string {
  return hash === undefined ? "none" : `${hash.slice(0, 16)}...`;
}

function hardware(unit: UnitRecord, present: Present): VerifiedPoint {
  const names = ["mac", "imei"] as const;
  const told = names.filter(name => present[name] !== undefined);
  const wrong = names.find(name => {
    const kept = unit[name] ?? unit.hardware[name];
    return kept !== undefined && present[name] !== undefined && kept !== present[name];
  });
  if (wrong !== undefined)
    return {
      point: "hardware",
      verdict: "differs",
      text: `${wrong} ${String(present[wrong])}; the ledger has ${String(unit[wrong] ?? unit.hardware[wrong])}`,
    };
  const shown = told.map(name => `${name} ${String(present[name])}`).join(", ");
  return {
    point: "hardware",
    verdict: told.length === 0 ? "unknown" : "ok",
    text: told.length === 0 ? "the unit tells neither MAC nor IMEI" : shown,
  };
}

function compared(
  point: Point,
  found: string | undefined,
  kept: string | undefined,
  name: string,
): VerifiedPoint {
  if (kept === undefined)
    return { point, verdict: "differs", text: `the ledger has no ${name} for this unit` };
  if (found === undefined) return { point, verdict: "differs", text: `the unit holds no ${name}` };
  return found === kept
    ? { point, verdict: "ok", text: `${name} ${short(found)}` }
    : { point, verdict: "differs", text: `${name} ${short(found)}; it should be ${short(kept)}` };
}

async function possession(target: Target, present: Present): Promise<VerifiedPoint> {
  const { key } = present.used;
  if (target.prove === undefined || !present.proves)
    return { point: "possession", verdict: "unknown", text: "nothing of this kind can sign a nonce" };
  if (key === undefined) return { point: "possession", verdict: "differs", text: "there is no key" };
  try {
    await target.prove("used", key);
    return { point: "possession", verdict: "ok", text: "a fresh nonce was signed" };
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "proof")) throw error;
    return { point: "possession", verdict: "differs", text: error.message };
  }
}

function ca(present: Present, wanted: X509Certificate | undefined): VerifiedPoint {
  if (wanted === undefined) return { point: "ca", verdict: "unknown", text: "no profile was given" };
  const found = present.used.ca && sha256(present.used.ca);
  return compared("ca", found, sha256(wanted.raw), "CA certificate");
}

function fate(record: CertificateRecord | undefined): VerifiedPoint {
  if (record === undefined)
    return { point: "fate", verdict: "differs", text: "the ledger has no certificate for this unit" };
  const since = record.fateAt.toISOString().slice(0, 10);
  return {
    point: "fate",
    verdict: record.fate === "active" ? "ok" : "differs",
    text: `${record.fate} since ${since}${record.reason === undefined ? "" : ` (${record.reason})`}`,
  };
}

function dates(record: CertificateRecord | undefined, now: Date): VerifiedPoint {
  if (record === undefined) return { point: "dates", verdict: "unknown", text: "there is no certificate" };
  const isValid = now >= record.notBefore && now <= record.notAfter;
  const day = (date: Date): string => date.toISOString().slice(0, 10);
  return {
    point: "dates",
    verdict: isValid ? "ok" : "differs",
    text: `valid from ${day(record.notBefore)} to ${day(record.notAfter)}${isValid ? "" : `; it is ${day(now)}`}`,
  };
}

/**
 * Holds what a unit tells and proves against the ledger, which gets a `verified` line. Changes nothing else.
 * @throws FactoryError when the unit does not answer, or the ledger does not know the serial.
 */
export async function verifyUnit(target: Target, options: VerifyOptions): Promise<Verified> {
  const { ledger, serial, station } = options;
  const unit = await ledger.unit(serial);
  if (unit === undefined) throw unknownSerial(serial);
  const present = await target.connect();
  const { used } = present;
  const record = unit.certificate === undefined ? undefined : await ledger.certificate(unit.certificate);
  const points: VerifiedPoint[] = [
    hardware(unit, present),
    compared("certificate", used.certificate && sha256(used.certificate), unit.certificate, "certificate"),
    compared("key", used.key && sha256(used.key), unit.keySha256, "public key"),
    await possession(target, present),
    ca(present, options.brokerCa),
    fate(record),
    dates(record, options.now),
    { point: "lock", verdict: "ok", text: present.locked ? "locked" : "not locked" },
  ];
  const ok = points.every(one => one.verdict !== "differs");
  const data = Object.fromEntries(points.map(one => [one.point, one.verdict]));
  await ledger.record(unit.serial, station, "verified", { ok: String(ok), ...data });
  return { serial: unit.serial, ok, points };
}
