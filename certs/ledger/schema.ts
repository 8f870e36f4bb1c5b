/** Changes whenever tables change. */
export const SCHEMA_VERSION = 1;

/** Names of types and endings that differ. */
export interface TableWords {
  readonly blob: string;
  readonly end: string;
}

/**
 * Tables of both databases. Times are ISO 8601 in UTC with milliseconds, so that texts sort by time.
 * `identities`: everything that may belong to one unit only, folded where people do not tell capitals apart.
 * `keys`: every public key that any unit ever had.
 */
export function tables({ blob, end }: TableWords): readonly string[] {
  return [
    `CREATE TABLE units (
      serial TEXT PRIMARY KEY,
      position INTEGER NOT NULL UNIQUE,
      profile TEXT NOT NULL,
      imei TEXT, mac TEXT, client_id TEXT, label TEXT,
      variables TEXT NOT NULL,
      state TEXT NOT NULL,
      state_at TEXT NOT NULL,
      generation INTEGER NOT NULL,
      key_sha256 TEXT, request ${blob}, draft TEXT, certificate TEXT,
      hardware TEXT NOT NULL,
      bound INTEGER NOT NULL,
      proofs TEXT NOT NULL,
      failure_code TEXT, failure_what TEXT, failure_at TEXT,
      attempts INTEGER NOT NULL,
      claim_station TEXT, claim_port TEXT, claim_token TEXT, claim_until TEXT,
      last_change TEXT
    )${end}`,
    "CREATE INDEX units_next ON units (profile, position) WHERE state IN ('listed', 'begun') AND bound = 0",
    "CREATE INDEX units_claim ON units (claim_station, claim_port) WHERE claim_token IS NOT NULL",
    `CREATE TABLE identities (
      kind TEXT NOT NULL, value TEXT NOT NULL,
      unit TEXT NOT NULL REFERENCES units (serial),
      PRIMARY KEY (kind, value)
    )${end}`,
    "CREATE INDEX identities_unit ON identities (unit)",
    `CREATE TABLE keys (
      sha256 TEXT PRIMARY KEY,
      unit TEXT NOT NULL REFERENCES units (serial),
      generation INTEGER NOT NULL
    )${end}`,
    `CREATE TABLE certificates (
      number INTEGER PRIMARY KEY,
      sha256 TEXT NOT NULL UNIQUE,
      serial_number TEXT NOT NULL,
      unit TEXT NOT NULL REFERENCES units (serial),
      der ${blob} NOT NULL,
      issuer TEXT NOT NULL,
      key_sha256 TEXT NOT NULL REFERENCES keys (sha256),
      not_before TEXT NOT NULL, not_after TEXT NOT NULL,
      fate TEXT NOT NULL, fate_at TEXT NOT NULL, reason TEXT,
      UNIQUE (issuer, serial_number)
    )${end}`,
    "CREATE INDEX certificates_unit ON certificates (unit, number)",
    `CREATE TABLE events (
      sequence INTEGER PRIMARY KEY,
      at TEXT NOT NULL, station TEXT NOT NULL, unit TEXT NOT NULL, event TEXT NOT NULL,
      data TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL UNIQUE
    )${end}`,
    "CREATE INDEX events_unit ON events (unit, sequence)",
    `CREATE TABLE trail (
      one INTEGER PRIMARY KEY CHECK (one = 1),
      sequence INTEGER NOT NULL, hash TEXT NOT NULL
    )${end}`,
    `INSERT INTO trail (one, sequence, hash) VALUES (1, 0, '${"0".repeat(64)}')`,
  ];
}

const NEVER = "the audit trail is append-only";

export const SQLITE_TRIGGERS: readonly string[] = [
  `CREATE TRIGGER events_no_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, '${NEVER}'); END`,
  `CREATE TRIGGER events_no_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, '${NEVER}'); END`,
  // Also holds INSERT OR REPLACE back, which deletes without a trigger.
  `CREATE TRIGGER events_at_end BEFORE INSERT ON events
    WHEN NEW.sequence IS NOT (SELECT coalesce(max(sequence), 0) + 1 FROM events)
      OR NEW.previous IS NOT coalesce((SELECT hash FROM events ORDER BY sequence DESC LIMIT 1), '${"0".repeat(64)}')
    BEGIN SELECT RAISE(ABORT, '${NEVER}'); END`,
];

export const POSTGRES_TRIGGERS: readonly string[] = [
  `CREATE FUNCTION events_never() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '${NEVER}'; END $$`,
  `CREATE FUNCTION events_at_end() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    DECLARE final record;
    BEGIN
      SELECT sequence, hash INTO final FROM events ORDER BY sequence DESC LIMIT 1;
      IF NEW.sequence <> coalesce(final.sequence, 0) + 1 OR NEW.previous <> coalesce(final.hash, '${"0".repeat(64)}')
      THEN RAISE EXCEPTION '${NEVER}'; END IF;
      RETURN NEW;
    END $$`,
  "CREATE TRIGGER events_no_change BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION events_never()",
  "CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION events_never()",
  "CREATE TRIGGER events_at_end BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION events_at_end()",
];
