import type { Command } from "commander";
import type { CertificateRecord, Ledger, Summary, UnitRecord } from "../../../certs/ledger/ledger.js";
import { UNIT_STATES } from "../../../certs/ledger/ledger.js";
import { FactoryError } from "../../../certs/factory-error.js";
import { unknownSerial } from "../../../certs/factory/faults.js";
import { InputError } from "../../../certs/input-error.js";
import { readProfile } from "../../../certs/profile/profile.js";
import { EXIT_OF } from "../guarded.js";
import { addCommon, commonOf, shownLedger, type RawCommon } from "./common.js";
import { withLedger } from "./ledgers.js";
import { act, failureFacts, sentences, type Output } from "./output.js";
import { count, day, moment, proofWords } from "./words.js";

interface RawStatus extends RawCommon {
  readonly serial?: string;
  readonly failed?: boolean;
  readonly head?: string;
}

/** The audit trail does not fit together: whoever keeps the ledger has to look, no unit. */
const BROKEN = 3;

interface Chain {
  readonly events: number;
  readonly head: string;
  readonly fault?: string;
}

function row(name: string, text: string): string {
  return `${name.padEnd(13)} ${text}`;
}

function chainLine({ events, head, fault }: Chain): string {
  return fault === undefined
    ? row("audit trail", `${count(events, "event")}, whole; head ${head}`)
    : row("audit trail", `BROKEN: ${fault}`);
}

function tellSummary(out: Output, where: string, summary: Summary): void {
  const { units, byState, failed, byFailure, certificates } = summary;
  out.line(row("ledger", where));
  out.line(row("units", units.toLocaleString("en")));
  for (const state of UNIT_STATES) {
    const number = byState[state];
    if (number !== undefined && number > 0) out.line(row(`  ${state}`, number.toLocaleString("en")));
  }
  if (failed > 0) out.line(row("failed", `${failed.toLocaleString("en")} at the last attempt`));
  for (const [code, number] of Object.entries(byFailure).sort(([, a], [, b]) => b - a))
    out.line(row(`  ${code}`, number.toLocaleString("en")));
  const fates = Object.entries(certificates).filter(([, number]) => number > 0);
  const shown = fates.map(([fate, number]) => `${number.toLocaleString("en")} ${fate}`).join(", ");
  out.line(row("certificates", shown === "" ? "none" : shown));
}

function certificateFacts(record: CertificateRecord): Readonly<Record<string, unknown>> {
  const { sha256, serialNumber, fate, fateAt, reason, notBefore, notAfter, issuer, keySha256 } = record;
  return { sha256, serialNumber, fate, fateAt, reason, notBefore, notAfter, issuer, keySha256 };
}

function unitFacts(unit: UnitRecord): Readonly<Record<string, unknown>> {
  const { request, draft, ...facts } = unit;
  return { ...facts, requested: request !== undefined, drafted: draft !== undefined };
}

function tellUnit(out: Output, unit: UnitRecord): void {
  const { hardware } = unit;
  out.line(row("unit", `${unit.serial}${unit.label === undefined ? "" : ` (${unit.label})`}`));
  out.line(row("profile", `${unit.profile}, number ${unit.position} of its lists`));
  out.line(row("state", `${unit.state} since ${moment(unit.stateAt)}`));
  if (unit.generation > 1) out.line(row("generation", `${unit.generation}: its credentials were replaced`));
  const names = [
    hardware.module,
    hardware.firmware,
    (unit.mac ?? hardware.mac) && `MAC ${unit.mac ?? hardware.mac ?? ""}`,
    (unit.imei ?? hardware.imei) && `IMEI ${unit.imei ?? hardware.imei ?? ""}`,
  ].filter(name => name !== undefined);
  if (names.length > 0) out.line(row("hardware", names.join(", ")));
  if (unit.keySha256 !== undefined) out.line(row("key", `SHA-256 of its public half ${unit.keySha256}`));
  out.line(row("proofs", unit.proofs.length === 0 ? "none" : proofWords(unit.proofs)));
  out.line(row("attempts", String(unit.attempts)));
  if (unit.failure !== undefined)
    out.line(row("failed", `${unit.failure.code}: ${unit.failure.what} (${moment(unit.failure.at)})`));
  if (unit.claim !== undefined)
    out.line(
      row("at work", `${unit.claim.station}, ${unit.claim.port}, claimed until ${moment(unit.claim.until)}`),
    );
}

async function one(out: Output, ledger: Ledger, serial: string): Promise<void> {
  const unit = await ledger.unit(serial);
  if (unit === undefined) throw unknownSerial(serial);
  out.event("unit", { unit: unitFacts(unit) });
  tellUnit(out, unit);
  for await (const record of ledger.certificates(unit.serial)) {
    out.event("certificate", { certificate: certificateFacts(record) });
    const why = record.reason === undefined ? "" : ` (${record.reason})`;
    out.line(
      row(
        "certificate",
        `${record.sha256.slice(0, 16)}  ${record.fate}${why} since ${moment(record.fateAt)}; valid ${day(record.notBefore)} to ${day(record.notAfter)}`,
      ),
    );
  }
  out.line("history");
  for await (const event of ledger.events({ unit: unit.serial })) {
    out.event("history", { history: event });
    const data = Object.entries(event.data).map(([name, value]) => `${name}=${value}`);
    out.line(
      `  ${String(event.sequence).padStart(6)}  ${moment(event.at)}  ${event.station === "" ? "-" : event.station}  ${event.event}${data.length === 0 ? "" : `  ${data.join(" ")}`}`,
    );
  }
}

async function failures(out: Output, ledger: Ledger, profile: string | undefined): Promise<void> {
  for await (const unit of ledger.units({ profile, failed: true })) {
    out.event("unit", { unit: unitFacts(unit) });
    const { failure } = unit;
    out.line(`  ${unit.serial}  ${unit.state}  ${failure?.code ?? ""}: ${failure?.what ?? ""}`);
  }
}

/** What `head` is in an empty ledger. */
const NO_EVENT = "0".repeat(64);

function headOf(given: string | undefined): string | undefined {
  const head = given?.trim().toLowerCase();
  if (head === undefined || /^[\da-f]{64}$/.test(head)) return head;
  throw new InputError({
    what: "--head is no hash of an event",
    why: "A hash is 64 hexadecimal digits, as an earlier status told it.",
    fix: "Give the whole one: --head $(cat head.txt)",
    file: "--head",
  });
}

/**
 * Sequence of the event that was the last one when somebody kept its hash. The chain was computed before: whoever is in
 * it stands where it stood, and nothing before it was changed.
 * @throws FactoryError `head-gone`
 */
async function placeOf(ledger: Ledger, head: string, chain: Chain): Promise<number> {
  if (head === NO_EVENT) return 0;
  for await (const { sequence, hash } of ledger.events({ hash: head }))
    if (hash === head && sequence <= chain.events) return sequence;
  throw new FactoryError({
    code: "head-gone",
    side: "unit",
    what: `the event whose hash was kept (${head.slice(0, 16)}) is not in this ledger's audit trail`,
    why: "What was recorded before it was changed, the trail's end was cut off, an older copy took the ledger's place, or the hash is another ledger's.",
    fix: "Compare this ledger with its copies; trust nothing in it until you know why.",
  });
}

async function status(out: Output, raw: RawStatus): Promise<number> {
  const head = headOf(raw.head);
  const common = commonOf(raw, process.env);
  const profile = common.isProfileGiven ? readProfile(common.profile).name : undefined;
  return await withLedger(common.ledger, "look", async ledger => {
    const where = shownLedger(common.ledger);
    if (raw.serial !== undefined) await one(out, ledger, raw.serial);
    const summary = await ledger.summary(profile);
    if (raw.serial === undefined) tellSummary(out, where, summary);
    if (raw.failed === true) await failures(out, ledger, profile);
    const chain = await ledger.verifyChain();
    out.line(chainLine(chain));
    const facts = { ledger: where, ...summary, chain: { whole: chain.fault === undefined, ...chain } };
    const exitCode = chain.fault === undefined ? 0 : BROKEN;
    if (head === undefined) return out.summary(exitCode, facts);
    try {
      const sequence = await placeOf(ledger, head, chain);
      out.line(row("head", `event ${sequence} is where it was: nothing up to it was changed`));
      return out.summary(exitCode, { ...facts, kept: { sequence } });
    } catch (error) {
      if (!(error instanceof FactoryError)) throw error;
      process.stderr.write(sentences(error));
      const code = chain.fault === undefined && error.side === "unit" ? EXIT_OF.unit : BROKEN;
      return out.summary(code, { ...facts, failure: failureFacts(error) });
    }
  });
}

/** `provision status`: what the ledger knows, of all units or of one. */
export function addStatus(provision: Command, done: (exitCode: number) => void): void {
  addCommon(
    provision
      .command("status")
      .description("tell what the ledger knows, and whether its audit trail is whole")
      .option("--serial <serial>", "one unit: its state, certificates and history")
      .option("--failed", "list the units whose last attempt failed")
      .option("--head <hash>", "last hash of an earlier status: whether that event is still where it was"),
  ).action((raw: RawStatus) => act(raw.json ?? false, done, out => status(out, raw)));
}
