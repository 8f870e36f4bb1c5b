import type { Pool, PoolClient } from "pg";
import { FactoryError } from "../factory-error.js";
import { absent, library, newer, noLedger, readOnly, unreachable } from "./faults.js";
import { isConnectionLost, ServerFault, told } from "./postgres-errors.js";
import { POSTGRES_TRIGGERS, SCHEMA_VERSION, tables } from "./schema.js";
import type { Access } from "./sqlite.js";
import type { Backend, Dialect, Query, Row, Step } from "./step.js";

export interface PostgresOptions {
  readonly access: Access;
  /** How long to wait for a lock of somebody else. */
  readonly busyMs: number;
  /** Absent: the server's clock, which all stations share. */
  readonly now?: (() => Date) | undefined;
  /**
   * A station that loses its power in the middle of a transaction holds its locks, the end of the trail among them;
   * the server takes them away after this time. Default: 10,000.
   */
  readonly idleMs?: number | undefined;
}

/** Everything of the ledger is in this schema; `version` in it says what is there. */
const SCHEMA = "xs_cellular";

/** Of the advisory lock that is held while the tables are made. */
const CREATION_LOCK = 0x5853434c;

/** A server that says nothing for so long is not there. */
const SILENCE_MS = 30_000;

const IDLE_MS = 10_000;

const CONNECT_MS = 10_000;

/** The server's clock; stations whose own clocks differ agree on claims. */
const SERVER_CLOCK = `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at`;

/** Statements that every transaction begins with; settings hold for it alone, so that a pooler between does no harm. */
function beginning(mode: string, { busyMs, idleMs = IDLE_MS }: PostgresOptions): string {
  return [
    `BEGIN ${mode}`,
    `SET LOCAL search_path = ${SCHEMA}, pg_temp`,
    `SET LOCAL lock_timeout = ${busyMs}`,
    `SET LOCAL statement_timeout = ${SILENCE_MS}`,
    `SET LOCAL idle_in_transaction_session_timeout = ${idleMs}`,
    // Even where the server's configuration says otherwise: a change counts when it is on the disk.
    ...(mode.includes("READ ONLY") ? [] : ["SET LOCAL synchronous_commit = on"]),
  ].join("; ");
}

class PostgresBackend implements Backend {
  readonly dialect: Dialect;
  readonly #pool: Pool;
  readonly #where: string;
  readonly #options: PostgresOptions;

  constructor(pool: Pool, where: string, options: PostgresOptions) {
    this.#pool = pool;
    this.#where = where;
    this.#options = options;
    this.dialect = {
      forUpdate: "FOR UPDATE",
      skipLocked: "FOR UPDATE SKIP LOCKED",
      clock: options.now ?? SERVER_CLOCK,
    };
  }

  write<T>(work: () => Step<T>): Promise<T> {
    if (this.#options.access === "read") return Promise.reject(readOnly(this.#where));
    return this.#transaction("ISOLATION LEVEL READ COMMITTED", work);
  }

  read<T>(work: () => Step<T>): Promise<T> {
    return this.#transaction("ISOLATION LEVEL REPEATABLE READ READ ONLY", work);
  }

  close(): Promise<void> {
    return this.#pool.ended ? Promise.resolve() : this.#pool.end();
  }

  async #transaction<T>(mode: string, work: () => Step<T>): Promise<T> {
    const client = await this.#begin(mode);
    try {
      const result = await run(client, work());
      await answer(client, { sql: "COMMIT", values: [] });
      client.release();
      return result;
    } catch (error) {
      const fault = error instanceof ServerFault ? told(this.#where, error.error) : error;
      if (error instanceof ServerFault && isConnectionLost(error.error)) client.release(true);
      else
        await client.query("ROLLBACK").then(
          () => client.release(),
          () => client.release(true),
        );
      throw fault;
    }
  }

  /** A connection inside a transaction. One that has died since its last use is replaced: nothing has happened on it. */
  async #begin(mode: string): Promise<PoolClient> {
    for (let attempt = 1; ; attempt++) {
      let client: PoolClient | undefined;
      try {
        client = await this.#pool.connect();
        await client.query(beginning(mode, this.#options));
        return client;
      } catch (error) {
        client?.release(true);
        if (client === undefined || attempt === 2 || !isConnectionLost(error)) throw told(this.#where, error);
      }
    }
  }
}

async function answer(client: PoolClient, { sql, values }: Query): Promise<readonly Row[]> {
  try {
    return (await client.query<Row>(sql, [...values])).rows;
  } catch (error) {
    throw new ServerFault(error);
  }
}

async function run<T>(client: PoolClient, step: Step<T>): Promise<T> {
  let turn = step.next([]);
  while (turn.done !== true) turn = step.next(await answer(client, turn.value));
  return turn.value;
}

/** Tells what is there; makes the tables where there are none and that is wanted. */
async function prepare(client: PoolClient, where: string, access: Access): Promise<void> {
  await client.query(`BEGIN; SET LOCAL lock_timeout = ${SILENCE_MS}`);
  try {
    // Stations that start at once: one makes the tables.
    if (access === "create") await client.query("SELECT pg_advisory_xact_lock($1)", [CREATION_LOCK]);
    const { rows: schemas } = await client.query<Row>(
      "SELECT to_regclass($1)::text AS version, to_regclass($2)::text AS events FROM pg_namespace WHERE nspname = $3",
      [`${SCHEMA}.version`, `${SCHEMA}.events`, SCHEMA],
    );
    const [schema] = schemas;
    if (schema !== undefined && (schema["version"] === null) !== (schema["events"] === null))
      throw noLedger(where, `has a schema ${SCHEMA} that is no ledger`);
    if (schema === undefined || schema["version"] === null) {
      if (access !== "create") throw absent(where);
      await create(client, schema === undefined);
    }
    const { rows } = await client.query<Row>(`SELECT version FROM ${SCHEMA}.version`);
    const version = rows[0]?.["version"];
    if (typeof version !== "number") throw noLedger(where, `has a schema ${SCHEMA} that is no ledger`);
    if (version > SCHEMA_VERSION) throw newer(where, version, SCHEMA_VERSION);
    await client.query("COMMIT");
  } catch (error) {
    if (error instanceof FactoryError || !isConnectionLost(error)) await client.query("ROLLBACK");
    throw error;
  }
}

async function create(client: PoolClient, isNew: boolean): Promise<void> {
  // A schema that an administrator has made for a user who may make none is taken as it is.
  if (isNew) await client.query(`CREATE SCHEMA ${SCHEMA}`);
  await client.query(`SET LOCAL search_path = ${SCHEMA}, pg_temp`);
  for (const sql of [...tables({ blob: "BYTEA", end: "" }), ...POSTGRES_TRIGGERS]) await client.query(sql);
  await client.query("CREATE TABLE version (version INTEGER NOT NULL)");
  await client.query("INSERT INTO version (version) VALUES ($1)", [SCHEMA_VERSION]);
}

/** The server as people may see it: without user and password. */
function shownName(url: URL): string {
  const host = url.searchParams.get("host") ?? (url.hostname === "" ? "the local server" : url.host);
  return `the ledger ${decodeURIComponent(url.pathname.slice(1)) || "database"} on ${decodeURIComponent(host)}`;
}

function parse(location: string): URL {
  try {
    return new URL(location);
  } catch {
    // Without the text: there may be a password in it.
    throw noLedger("the ledger's URL", "cannot be read: postgres://USER@HOST:PORT/DATABASE is expected");
  }
}

/**
 * Opens a database by its URL (`postgres://USER:PASSWORD@HOST:PORT/DATABASE`, `?host=/FOLDER` for a socket,
 * `?sslmode=...`; the password also from PGPASSWORD or PGPASSFILE). Rejects with a FactoryError, which never holds the
 * password.
 */
export async function openPostgres(location: string, options: PostgresOptions): Promise<Backend> {
  const url = parse(location);
  const where = shownName(url);
  const pg = await import("pg").then(
    module => module.default,
    (error: unknown) => {
      throw library("pg", error);
    },
  );
  let pool: Pool;
  try {
    pool = new pg.Pool({
      connectionString: location,
      application_name: "xs-cellular",
      max: 4,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: SILENCE_MS + 5_000,
      keepAlive: true,
      // A process whose work is done ends without waiting for idle connections.
      allowExitOnIdle: true,
    });
  } catch {
    throw unreachable(where, "its URL or the files that it names cannot be read");
  }
  // An idle connection that breaks is replaced by the next call; without a listener it would end the process.
  pool.on("error", () => undefined);
  // Nor does one that breaks between two statements: the next of them tells.
  pool.on("connect", client => {
    client.on("error", () => undefined);
  });
  try {
    const client = await pool.connect();
    try {
      await prepare(client, where, options.access);
      client.release();
    } catch (error) {
      client.release(true);
      throw error;
    }
  } catch (error) {
    await pool.end();
    throw error instanceof FactoryError ? error : told(where, error);
  }
  return new PostgresBackend(pool, where, options);
}
