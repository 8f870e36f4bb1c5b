import type { Command } from "commander";
import type { CertificateRecord, Ledger, Summary, UnitRecord } from "../../../certs/ledger/ledger.js";
import { UNIT_STATES } from "../../../certs/ledger/ledger.js";
import { unknownSerial } from "../../../certs/factory/faults.js";
import { readProfile } from "../../../certs/profile/profile.js";
import { addCommon, commonOf, shownLedger, type RawCommon } from "./common.js";
import { withLedger } from "./ledgers.js";
import { act, type Output } from "./output.js";
import { count, day, moment, proofWords } from "./words.js";

interface RawStatus extends RawCommon {
  readonly serial?: string;
  readonly failed?: boolean;
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

async function status(out: Output, raw: RawStatus): Promise<number> {
  const common = commonOf(raw, process.env);
  const profile = common.isProfileGiven ? readProfile(common.profile).name : undefined;
  return await withLedger(common.ledger, "existing", async ledger => {
    const where = shownLedger(common.ledger);
    if (raw.serial !== undefined) await one(out, ledger, raw.serial);
    const summary = await ledger.summary(profile);
    if (raw.serial === undefined) tellSummary(out, where, summary);
    if (raw.failed === true) await failures(out, ledger, profile);
    const chain = await ledger.verifyChain();
    out.line(chainLine(chain));
    return out.summary(chain.fault === undefined ? 0 : BROKEN, {
      ledger: where,
      ...summary,
      chain: { whole: chain.fault === undefined, ...chain },
    });
  });
}

/** `provision status`: what the ledger knows, of all units or of one. */
export function addStatus(provision: Command, done: (exitCode: number) => void): void {
  addCommon(
    provision
      .command("status")
      .description("tell what the ledger knows, and whether its audit trail is whole")
      .option("--serial <serial>", "one unit: its state, certificates and history")
      .option("--failed", "list the units whose last attempt failed"),
  ).action((raw: RawStatus) => act(raw.json ?? false, done, out => status(out, raw)));
}
