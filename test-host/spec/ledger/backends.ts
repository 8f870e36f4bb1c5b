import Database from "better-sqlite3";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Ledger } from "../../../certs/ledger/ledger.js";
import { openLedger, type OpenLedgerOptions } from "../../../certs/ledger/open.js";
import { PostgresServer, rawQuery } from "./postgres-server.js";

export type RawRows = readonly Readonly<Record<string, unknown>>[];

/** A kind of database that the suite runs against. */
export interface Bench {
  /** A place where there is no ledger yet. */
  place(): Promise<string>;
  /** A ledger; closed after the test. */
  open(location: string, options?: OpenLedgerOptions): Promise<Ledger>;
  /** Raw SQL with the ledger's tables in the search path. */
  raw(location: string, sql: string): Promise<RawRows>;
  /** SQL of somebody who may do everything and takes the triggers away. */
  readonly disarm: string;
}

function sqliteRaw(location: string, sql: string): RawRows {
  const database = new Database(location);
  try {
    // Several statements in one text are run without rows.
    if (!/^\s*SELECT/i.test(sql)) {
      database.exec(sql);
      return [];
    }
    return database.prepare<[], Record<string, unknown>>(sql).all();
  } finally {
    database.close();
  }
}

/** Declares the suite once for SQLite and once for PostgreSQL. */
export function onBoth(title: string, suite: (bench: Bench) => void): void {
  const opened: Ledger[] = [];
  const open = async (location: string, options?: OpenLedgerOptions): Promise<Ledger> => {
    const ledger = await openLedger(location, options);
    opened.push(ledger);
    return ledger;
  };
  const closeAll = async (): Promise<void> => {
    for (const ledger of opened.splice(0)) await ledger.close();
  };

  describe(`${title} (SQLite)`, () => {
    let folder = "";
    let count = 0;
    before(() => {
      folder = mkdtempSync(join(tmpdir(), "xs-ledger-"));
    });
    afterEach(closeAll);
    after(() => rmSync(folder, { recursive: true, force: true }));
    suite({
      place: () => Promise.resolve(join(folder, `${++count}.db`)),
      open,
      raw: (location, sql) => Promise.resolve().then(() => sqliteRaw(location, sql)),
      disarm: "DROP TRIGGER events_no_update; DROP TRIGGER events_no_delete; DROP TRIGGER events_at_end;",
    });
  });

  describe(`${title} (PostgreSQL)`, () => {
    let server: PostgresServer | undefined;
    before(async function () {
      this.timeout(60_000);
      server = await PostgresServer.start(this);
    });
    afterEach(closeAll);
    after(() => server?.remove());
    suite({
      place: () => (server === undefined ? Promise.reject(new Error("no server")) : server.database()),
      open,
      raw: (location, sql) => rawQuery(location, sql),
      disarm: "ALTER TABLE events DISABLE TRIGGER ALL;",
    });
  });
}
