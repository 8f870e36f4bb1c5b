import type BetterSqlite3 from "better-sqlite3";
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { FactoryError } from "../factory-error.js";
import {
  absent,
  busy,
  codeOf,
  conflict,
  damaged,
  full,
  library,
  newer,
  noLedger,
  readOnly,
  unreachable,
} from "./faults.js";
import { SCHEMA_VERSION, SQLITE_TRIGGERS, tables } from "./schema.js";
import type { Backend, Dialect, Query, Row, Step } from "./step.js";

/** `XSCL`: in the file's header, so that no other program's database is taken for a ledger. */
const APPLICATION_ID = 0x5853434c;

/** How the file is opened. */
export type Access =
  /** Made where there is none. */
  | "create"
  /** It must be there. */
  | "existing"
  /** It must be there, and nothing can be changed. */
  | "read";

export interface SqliteOptions {
  readonly access: Access;
  readonly now: () => Date;
  /** The file as messages name it, when another one stands for it. */
  readonly shownAs?: string | undefined;
  /** How long to wait for another process that writes. */
  readonly busyMs: number;
  /** The file does not grow beyond it; whoever needs more gets `ledger-full`. */
  readonly mostBytes?: number | undefined;
}

/** An error of SQLite as the ledger tells it. */
function told(where: string, error: unknown): Error {
  const code = codeOf(error);
  if (error instanceof FactoryError || !code.startsWith("SQLITE_"))
    return error instanceof Error ? error : new Error(String(error));
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return busy(where, error);
  // Shared memory grows on the same disk.
  if (/^SQLITE_(FULL|IOERR_SHM(SIZE|MAP))$/.test(code)) return full(where, error);
  if (code.startsWith("SQLITE_CONSTRAINT_"))
    return conflict(`${where} refuses what is there already (${code})`);
  // A table or column that every ledger has is not there, or its description cannot be read.
  const isIncomplete =
    code === "SQLITE_ERROR" &&
    error instanceof Error &&
    /no such (table|column)|malformed/.test(error.message);
  if (isIncomplete || /^SQLITE_(NOTADB|CORRUPT|IOERR_SHORT_READ)/.test(code))
    return damaged(`${where} cannot be read (${code})`, error);
  if (code.startsWith("SQLITE_READONLY")) return unreachable(where, "it must not be written", error);
  return unreachable(where, code, error);
}

/** One file, one connection. Every transaction runs in one turn: those of several ports never mix. */
class SqliteBackend implements Backend {
  readonly dialect: Dialect;
  readonly #database: BetterSqlite3.Database;
  readonly #where: string;
  readonly #options: SqliteOptions;
  readonly #statements = new Map<string, BetterSqlite3.Statement<unknown[], Row>>();

  constructor(database: BetterSqlite3.Database, where: string, options: SqliteOptions) {
    this.#database = database;
    this.#where = where;
    this.#options = options;
    const { now } = options;
    this.dialect = {
      // The whole file is locked by a transaction that writes.
      forUpdate: "",
      skipLocked: "",
      clock: now,
    };
  }

  /** Waits for other processes by timers: SQLite's own waiting would hold up the ports. */
  async write<T>(work: () => Step<T>): Promise<T> {
    if (this.#options.access === "read") throw readOnly(this.#where);
    const end = performance.now() + this.#options.busyMs;
    for (let pause = 1; ; pause = Math.min(2 * pause, 50)) {
      // In one turn from begin to end: others of this process use the same connection.
      if (this.#isBegun(performance.now() >= end)) return this.#finish(work);
      await wait(pause * (0.5 + Math.random()));
    }
  }

  read<T>(work: () => Step<T>): Promise<T> {
    return new Promise(resolve => {
      try {
        this.#database.exec("BEGIN");
        const result = this.#run(work());
        this.#database.exec("COMMIT");
        resolve(result);
      } catch (error) {
        this.#giveUp();
        throw told(this.#where, error);
      }
    });
  }

  close(): Promise<void> {
    this.#statements.clear();
    this.#database.close();
    return Promise.resolve();
  }

  #isBegun(isLast: boolean): boolean {
    try {
      this.#database.exec("BEGIN IMMEDIATE");
      return true;
    } catch (error) {
      if (!isLast && codeOf(error).startsWith("SQLITE_BUSY")) return false;
      throw told(this.#where, error);
    }
  }

  #finish<T>(work: () => Step<T>): T {
    try {
      const result = this.#run(work());
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      this.#giveUp();
      throw told(this.#where, error);
    }
  }

  #giveUp(): void {
    try {
      // SQLite has rolled back by itself after some errors.
      if (this.#database.inTransaction) this.#database.exec("ROLLBACK");
    } catch {
      // In a damaged file that fails too; what has failed first is told.
    }
  }

  #run<T>(step: Step<T>): T {
    let turn = step.next([]);
    while (turn.done !== true) turn = step.next(this.#answer(turn.value));
    return turn.value;
  }

  #answer({ sql, values }: Query): readonly Row[] {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare<unknown[], Row>(sql);
      this.#statements.set(sql, statement);
    }
    const bound = Object.fromEntries(values.map((value, index) => [String(index + 1), value]));
    if (statement.reader) return values.length === 0 ? statement.all() : statement.all(bound);
    if (values.length === 0) statement.run();
    else statement.run(bound);
    return [];
  }
}

async function load(): Promise<typeof BetterSqlite3> {
  try {
    return (await import("better-sqlite3")).default;
  } catch (error) {
    throw library("better-sqlite3", error);
  }
}

/** One number that a pragma answers with. */
function pragma(database: BetterSqlite3.Database, name: string): number {
  const value: unknown = database.pragma(name, { simple: true });
  return typeof value === "number" ? value : 0;
}

function isEmpty(database: BetterSqlite3.Database): boolean {
  return database.prepare("SELECT 1 FROM sqlite_master LIMIT 1").get() === undefined;
}

function checkKind(database: BetterSqlite3.Database, path: string): void {
  if (pragma(database, "application_id") !== APPLICATION_ID)
    throw noLedger(path, "is a database of another program");
  const version = pragma(database, "user_version");
  if (version > SCHEMA_VERSION) throw newer(path, version, SCHEMA_VERSION);
}

/** All tables or none: a process that is killed here leaves an empty file, which is filled the next time. */
function create(database: BetterSqlite3.Database): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    if (isEmpty(database)) {
      for (const sql of [...tables({ blob: "BLOB", end: " STRICT" }), ...SQLITE_TRIGGERS]) database.exec(sql);
      database.pragma(`application_id = ${APPLICATION_ID}`);
      database.pragma(`user_version = ${SCHEMA_VERSION}`);
    }
    database.exec("COMMIT");
  } finally {
    if (database.inTransaction) database.exec("ROLLBACK");
  }
}

/** SQLite's file format, 1.3: a text at the beginning, the application's number at 68. */
const MAGIC = "SQLite format 3\0";
const HEADER = 100;

/** Whether a file that cannot be read was a ledger; 0: its number had not come out of the write-ahead log yet. */
function wasLedger(path: string): boolean {
  const header = Buffer.alloc(HEADER);
  const file = openSync(path, "r");
  try {
    readSync(file, header, 0, HEADER, 0);
  } finally {
    closeSync(file);
  }
  return header.toString("latin1", 0, 16) === MAGIC && [0, APPLICATION_ID].includes(header.readUInt32BE(68));
}

function checkPath(path: string, where: string, access: Access): void {
  if (!existsSync(dirname(path))) throw noLedger(where, "cannot be made: its folder does not exist");
  if (!existsSync(path)) {
    if (access !== "create") throw absent(where);
    // Before SQLite makes it readable for everybody; its other files take their mode from this one.
    closeSync(openSync(path, "a", 0o600));
    return;
  }
  if (!statSync(path).isFile()) throw noLedger(where, "is no file");
}

/** Opens the file `location`. Rejects with a FactoryError. */
export async function openSqlite(location: string, options: SqliteOptions): Promise<Backend> {
  const Database = await load();
  // SQLite has names with a meaning of their own, `:memory:`, which would keep nothing.
  const path = /^(:|file:|$)/.test(location) ? resolve(location) : location;
  const { access, busyMs, mostBytes, shownAs: where = path } = options;
  let database: BetterSqlite3.Database | undefined;
  try {
    checkPath(path, where, access);
    try {
      database = new Database(path, { readonly: access === "read", timeout: busyMs });
    } catch (error) {
      // The native part is loaded by the first database.
      if (!codeOf(error).startsWith("SQLITE_")) throw library("better-sqlite3", error);
      throw error;
    }
    if (isEmpty(database)) {
      if (access !== "create") throw absent(where);
    } else checkKind(database, where);
    if (access !== "read") {
      // Not before it is known to be a ledger: the mode stays in the file.
      database.pragma("journal_mode = WAL");
      database.pragma("synchronous = FULL");
      database.pragma("foreign_keys = ON");
      if (mostBytes !== undefined)
        database.pragma(`max_page_count = ${Math.floor(mostBytes / pragma(database, "page_size"))}`);
      if (isEmpty(database)) create(database);
      // What another process made between is looked at too.
      checkKind(database, where);
    }
    // From here on waiting is done by timers.
    database.pragma("busy_timeout = 20");
    return new SqliteBackend(database, where, options);
  } catch (error) {
    database?.close();
    if (codeOf(error) === "EACCES" || codeOf(error) === "EROFS")
      throw unreachable(where, "it must not be written", error);
    if (codeOf(error) === "ENOSPC") throw full(where, error);
    if (/^SQLITE_(NOTADB|CORRUPT)/.test(codeOf(error)) && !wasLedger(path))
      throw noLedger(where, "is no ledger, or nothing of its beginning is left");
    throw told(where, error);
  }
}
