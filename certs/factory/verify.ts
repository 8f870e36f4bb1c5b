import type { X509Certificate } from "node:crypto";
import type { CredentialRole } from "../../modules/io/credentials.js";
import type { CertificateRecord, Ledger, UnitRecord } from "../ledger/ledger.js";
import { unknownSerial } from "./faults.js";
import { sha256 } from "./host-key.js";
import { recognize } from "./recognize.js";
import type { Present, Target } from "./target.js";

/** `unknown`: the unit has no way to tell. */
export type Verdict = "ok" | "differs" | "unknown";

/** What is compared, in the order that it is told. */
export type Point =
  /** The hardware's addresses are those of the ledger. */
  | "hardware"
  /** Of an image alone: it has the size of the partition, its entries are whole, nothing is behind them. */
  | "image"
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
  /** The unit that it is instead, when the ledger knows it by its key or an address. */
  readonly found?: string | undefined;
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

function short(hash: string): string {
  return `${hash.slice(0, 16)}...`;
}

function hardware(unit: UnitRecord, present: Present): VerifiedPoint {
  const point = "hardware";
  const told = (["mac", "imei"] as const).flatMap(name => {
    const found = present[name];
    const kept = unit[name] ?? unit.hardware[name];
    return found === undefined ? [] : [{ name, found, kept }];
  });
  const wrong = told.find(({ found, kept }) => kept !== undefined && kept !== found);
  if (wrong !== undefined)
    return {
      point,
      verdict: "differs",
      text: `${wrong.name} ${wrong.found}; the ledger has ${String(wrong.kept)}`,
    };
  if (told.length === 0) return { point, verdict: "unknown", text: "the unit tells neither MAC nor IMEI" };
  const shown = told.map(({ name, found }) => `${name} ${found}`).join(", ");
  return told.some(({ kept }) => kept !== undefined)
    ? { point, verdict: "ok", text: shown }
    : { point, verdict: "unknown", text: `${shown}; the ledger has none to compare with` };
}

function image({ flaws }: Present): readonly VerifiedPoint[] {
  if (flaws === undefined) return [];
  const { whole, ...roles } = flaws;
  const wrong = whole ?? (Object.keys(roles).length > 0 ? "what it holds is not whole" : undefined);
  return [
    wrong === undefined
      ? { point: "image", verdict: "ok", text: "whole, and nothing else is in it" }
      : { point: "image", verdict: "differs", text: wrong },
  ];
}

/** What a point is about, and what the unit and the ledger have of it. */
interface Compared {
  readonly point: Point & CredentialRole;
  readonly name: string;
  readonly found: Uint8Array | undefined;
  /** SHA-256. */
  readonly kept: string | undefined;
}

function compared(present: Present, { point, name, found, kept }: Compared): VerifiedPoint {
  if (kept === undefined)
    return { point, verdict: "differs", text: `the ledger has no ${name} for this unit` };
  // A BC66 that holds everything tells as much as one that holds nothing.
  if (present.tells === false)
    return { point, verdict: "unknown", text: `a unit of this kind does not tell which ${name} it holds` };
  const flaw = present.flaws?.[point];
  if (flaw !== undefined) return { point, verdict: "differs", text: `the ${name} ${flaw}` };
  if (found === undefined)
    return {
      point,
      verdict: "differs",
      text: present.flaws?.whole === undefined ? `the unit holds no ${name}` : `no ${name} can be read`,
    };
  const hash = sha256(found);
  return hash === kept
    ? { point, verdict: "ok", text: `${name} ${short(hash)}` }
    : { point, verdict: "differs", text: `${name} ${short(hash)}; it should be ${short(kept)}` };
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
  return compared(present, {
    point: "ca",
    name: "CA certificate",
    found: present.used.ca,
    kept: sha256(wanted.raw),
  });
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
    ...image(present),
    compared(present, {
      point: "certificate",
      name: "certificate",
      found: used.certificate,
      kept: unit.certificate,
    }),
    compared(present, { point: "key", name: "public key", found: used.key, kept: unit.keySha256 }),
    await possession(target, present),
    ca(present, options.brokerCa),
    fate(record),
    dates(record, options.now),
    { point: "lock", verdict: "ok", text: present.locked ? "locked" : "not locked" },
  ];
  const other = (await recognize(ledger, present))?.unit.serial;
  const found = other === unit.serial ? undefined : other;
  const ok = found === undefined && points.every(one => one.verdict !== "differs");
  const data = Object.fromEntries(points.map(one => [one.point, one.verdict]));
  await ledger.record(unit.serial, station, "verified", {
    ok: String(ok),
    ...data,
    ...(found === undefined ? undefined : { found }),
  });
  return { serial: unit.serial, ok, found, points };
}
