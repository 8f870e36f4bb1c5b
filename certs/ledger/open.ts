import type { Ledger, LedgerOptions } from "./ledger.js";
import { openPostgres } from "./postgres.js";
import { openSqlite, type Access } from "./sqlite.js";
import { SqlLedger } from "./sql-ledger.js";

export interface OpenLedgerOptions extends LedgerOptions {
  /** `create` (default): made where there is none; `existing`: must be there; `read`: and is not changed. */
  readonly access?: Access;
  /** SQLite: the file as messages name it, when another one stands for it. Default: its path. */
  readonly shownAs?: string;
  /** How long to wait for somebody else who writes, until `ledger-busy`. Default: 5,000. */
  readonly busyMs?: number;
  /** SQLite: the file does not grow beyond it. Default: as far as the disk goes. */
  readonly mostBytes?: number;
}

/** How long a claim holds without being renewed, by default. */
export const CLAIM_MS = 60_000;

/**
 * Opens a ledger: `postgres://` or `postgresql://` is a database of PostgreSQL, anything else the path of an SQLite
 * file. Rejects with a FactoryError: `ledger-absent`, `ledger-foreign`, `ledger-newer`, `ledger-library`,
 * `ledger-full`, `ledger-busy`, `ledger-unreachable`, `ledger-damaged`.
 */
export async function openLedger(location: string, options: OpenLedgerOptions = {}): Promise<Ledger> {
  const { access = "create", busyMs = 5_000, claimMs = CLAIM_MS, mostBytes, shownAs } = options;
  if (/^postgres(ql)?:\/\//i.test(location)) {
    return new SqlLedger(await openPostgres(location, { access, busyMs, now: options.now }), claimMs);
  }
  const now = options.now ?? (() => new Date());
  return new SqlLedger(await openSqlite(location, { access, busyMs, now, mostBytes, shownAs }), claimMs);
}
