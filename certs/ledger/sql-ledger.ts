import { advanceUnit, restartUnit } from "./changes.js";
import { claimUnit, failUnit, releaseUnit, renewClaim, type Place, type Setting } from "./claims.js";
import { order, unknownUnit } from "./faults.js";
import { FactoryError } from "../factory-error.js";
import {
  UNIT_STATES,
  type Advance,
  type AuditEvent,
  type CertificateRecord,
  type Claim,
  type EventQuery,
  type Identity,
  type Ledger,
  type Listing,
  type Summary,
  type UnitQuery,
  type UnitRecord,
  type UnitState,
  type Wanted,
} from "./ledger.js";
import { listUnits, tryListUnits } from "./listing.js";
import {
  certificateByHash,
  certificatesPage,
  eventsPage,
  identifyUnit,
  PAGE,
  summarize,
  unitBySerial,
  unitsPage,
} from "./lookups.js";
import { revokeUnit, type RevokeOptions } from "./revocation.js";
import { auditEvent, numberIn } from "./rows.js";
import type { Backend, Step } from "./step.js";
import { replayPage, replayStrangers, type ReplayPage } from "./replay.js";
import { append, openTrail } from "./trail.js";
import { chainEnds, ChainCheck, type ChainResult } from "./verify.js";
import type { Unit } from "../units/unit.js";

/** Events that only the ledger itself writes. */
const OWN_EVENTS: readonly string[] = [
  ...UNIT_STATES,
  "claimed",
  "taken-over",
  "failed",
  "released",
  "certificate-abandoned",
];

function* recordFact(
  { dialect }: Setting,
  serial: string,
  station: string,
  event: string,
  data: Readonly<Record<string, string>>,
): Step<void> {
  if (OWN_EVENTS.includes(event) || !/^[a-z][a-z0-9-]{0,63}$/.test(event))
    throw order(`${JSON.stringify(event.slice(0, 64))} is no event that is recorded by itself`);
  const trail = yield* openTrail(dialect);
  if (serial !== "" && (yield* unitBySerial(serial)) === undefined) throw unknownUnit(serial);
  yield* append(trail, { station, unit: serial, event, data });
}

/** The ledger in an SQL database. What it does is the same in all; see {@link Backend} for what is not. */
export class SqlLedger implements Ledger {
  readonly #backend: Backend;
  readonly #setting: Setting;

  constructor(backend: Backend, claimMs: number) {
    this.#backend = backend;
    this.#setting = { dialect: backend.dialect, claimMs };
  }

  list(units: readonly Unit[], profile: string, file: string): Promise<Listing> {
    return this.#backend.write(() => listUnits(this.#setting.dialect, units, profile, file));
  }

  tryList(units: readonly Unit[], profile: string, file: string): Promise<Listing> {
    return this.#backend.read(() => tryListUnits(units, profile, file));
  }

  claim(wanted: Wanted, at: Place): Promise<Claim | undefined> {
    return this.#backend.write(() => claimUnit(this.#setting, wanted, at));
  }

  renew(claim: Claim): Promise<void> {
    return this.#backend.write(() => renewClaim(this.#setting, claim));
  }

  advance(claim: Claim, to: UnitState, changes: Advance = {}): Promise<Claim> {
    return this.#backend.write(() => advanceUnit(this.#setting, claim, to, changes));
  }

  restart(claim: Claim, why: string): Promise<Claim> {
    return this.#backend.write(() => restartUnit(this.#setting, claim, why));
  }

  fail(claim: Claim, failure: { readonly code: string; readonly what: string }): Promise<void> {
    return this.#backend.write(() => failUnit(this.#setting, claim, failure));
  }

  release(claim: Claim): Promise<void> {
    return this.#backend.write(() => releaseUnit(this.#setting, claim));
  }

  async revoke(serial: string, options: RevokeOptions): Promise<CertificateRecord | undefined> {
    const result = await this.#backend.write(() => revokeUnit(this.#setting, serial, options));
    if ("claimed" in result) throw result.claimed;
    return result.certificate;
  }

  record(
    serial: string,
    station: string,
    event: string,
    data: Readonly<Record<string, string>>,
  ): Promise<void> {
    return this.#backend.write(() => recordFact(this.#setting, serial, station, event, data));
  }

  unit(serial: string): Promise<UnitRecord | undefined> {
    return this.#backend.read(() => unitBySerial(serial));
  }

  async *units(query: UnitQuery = {}): AsyncGenerator<UnitRecord> {
    let after = 0;
    for (;;) {
      const page = await this.#backend.read(() => unitsPage(query, after));
      yield* page;
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return;
      after = last.position;
    }
  }

  identify(identity: Identity): Promise<UnitRecord | undefined> {
    return this.#backend.read(() => identifyUnit(identity));
  }

  certificate(sha256: string): Promise<CertificateRecord | undefined> {
    return this.#backend.read(() => certificateByHash(sha256));
  }

  async *certificates(serial?: string): AsyncGenerator<CertificateRecord> {
    let after = { position: 0, number: 0 };
    for (;;) {
      const { records, mark } = await this.#backend.read(() => certificatesPage(serial, after));
      yield* records;
      if (records.length < PAGE) return;
      after = mark;
    }
  }

  async *events(query: EventQuery = {}): AsyncGenerator<AuditEvent> {
    let after = query.after ?? 0;
    for (;;) {
      const page = await this.#backend.read(() => eventsPage(query, after));
      yield* page.map(auditEvent);
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return;
      after = numberIn(last, "sequence");
    }
  }

  summary(profile?: string): Promise<Summary> {
    return this.#backend.read(() => summarize(profile));
  }

  async verifyChain({ last }: { readonly last?: number | undefined } = {}): Promise<ChainResult> {
    const result = await this.#followChain(last);
    if (last !== undefined) return result;
    const fault = result.fault ?? (await this.#replay());
    return fault === undefined ? result : { ...result, fault };
  }

  async #followChain(most = Infinity): Promise<ChainResult> {
    // What is written after this moment is not looked at.
    const ends = await this.#backend.read(() => chainEnds());
    const before = Math.max(0, ends.sequence - most);
    const check = new ChainCheck(before);
    // From the beginning: what was put before the first one, too.
    let after = before > 0 ? before : -1;
    for (;;) {
      const page = await this.#backend.read(() => eventsPage({}, after));
      for (const row of page) {
        const sequence = numberIn(row, "sequence");
        if (sequence > ends.last) return check.end(ends);
        const fault = check.take(row);
        if (fault !== undefined) return check.stopped(fault);
        after = sequence;
      }
      if (page.length < PAGE) return check.end(ends);
    }
  }

  /** The tables against what the events say; the first difference, in words. */
  async #replay(): Promise<string | undefined> {
    try {
      for (let after: number | undefined = 0; after !== undefined;) {
        const page: ReplayPage = await this.#backend.read(() => replayPage(after ?? 0));
        if (page.fault !== undefined) return page.fault;
        after = page.after;
      }
      return await this.#backend.read(() => replayStrangers());
    } catch (error) {
      if (error instanceof FactoryError && error.code === "ledger-damaged") return error.what;
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#backend.close();
  }
}
