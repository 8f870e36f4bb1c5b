/** What SQL takes as a parameter on both sides. */
export type SqlValue = string | number | null | Uint8Array;

/** One row of a result, by column. */
export type Row = Readonly<Record<string, unknown>>;

/** A statement with `$1`, `$2`, ... in it. */
export interface Query {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/**
 * Work inside one transaction: yields statements, is given their rows. The same work runs on SQLite, which answers
 * at once, and on PostgreSQL, which answers later; it may be begun anew from the start.
 */
export type Step<T> = Generator<Query, T, readonly Row[]>;

/** Runs one statement. */
export function* query(sql: string, ...values: readonly SqlValue[]): Step<readonly Row[]> {
  return yield { sql, values };
}

/** `$3, $4, $5` for three values from the third. */
export function places(count: number, from = 1): string {
  return Array.from({ length: count }, (_, index) => `$${index + from}`).join(", ");
}

/** Rows of one statement. More would be slower to prepare than to run. */
const BATCH = 200;

/** Inserts many rows with few statements. */
export function* insertAll(
  table: string,
  columns: readonly string[],
  rows: readonly (readonly SqlValue[])[],
): Step<void> {
  for (let at = 0; at < rows.length; at += BATCH) {
    const batch = rows.slice(at, at + BATCH);
    const values = batch.map((_, index) => `(${places(columns.length, index * columns.length + 1)})`);
    yield* query(`INSERT INTO ${table} (${columns.join(", ")}) VALUES ${values.join(", ")}`, ...batch.flat());
  }
}

/** Rows whose column is one of many values: `sql` ends with the column's name. */
export function* queryIn(sql: string, among: readonly string[]): Step<readonly Row[]> {
  const found: Row[] = [];
  for (let at = 0; at < among.length; at += BATCH) {
    const batch = among.slice(at, at + BATCH);
    found.push(...(yield* query(`${sql} IN (${places(batch.length)})`, ...batch)));
  }
  return found;
}

/** What the two databases do not say in the same words. */
export interface Dialect {
  /** Locks what a SELECT found until the transaction ends; waits for others. */
  readonly forUpdate: string;
  /** The same, passing over what others have locked. */
  readonly skipLocked: string;
  /** The time, or the statement that asks the server for it (column `at`): ISO 8601 in UTC with milliseconds. */
  readonly clock: string | (() => Date);
}

/** The time by the ledger's clock, ISO 8601 in UTC with milliseconds. */
export function* timeBy({ clock }: Dialect): Step<string> {
  if (typeof clock !== "string") return clock().toISOString();
  const [row] = yield* query(clock);
  return String(row?.["at"]);
}

/** A database that a ledger lies in. */
export interface Backend {
  readonly dialect: Dialect;
  /** In one transaction, on the disk when it resolves; nothing of it happened when it rejects, but see `ledger-unreachable`. */
  write<T>(work: () => Step<T>): Promise<T>;
  /** On one state of the database. */
  read<T>(work: () => Step<T>): Promise<T>;
  close(): Promise<void>;
}
