import { createHash } from "node:crypto";
import { damaged } from "./faults.js";
import { insertAll, query, timeBy, type Dialect, type Step } from "./step.js";
import type { AuditEvent } from "./ledger.js";
import { refuseSecrets } from "./secrets.js";
import { numberIn, textIn } from "./rows.js";
import { FactoryError } from "../factory-error.js";

/** `previous` of the first event. */
export const FIRST_PREVIOUS = "0".repeat(64);

/** Longest value of an event's data, in characters. */
const VALUE_MOST = 4096;

/** An event before it has its place. */
export interface Entry {
  readonly station: string;
  readonly unit: string;
  readonly event: string;
  readonly data: Readonly<Record<string, string | undefined>>;
}

/** The end of the trail, held by this transaction. */
export interface Trail {
  sequence: number;
  hash: string;
  /** The time, ISO 8601. */
  readonly at: string;
}

/** Data with its names in order, and only what a chain can hold. */
function orderedData(data: Entry["data"]): Readonly<Record<string, string>> {
  const ordered: Record<string, string> = {};
  // Names in ASCII: every language sorts them alike.
  for (const name of Object.keys(data).sort()) {
    const value = data[name];
    if (value === undefined) continue;
    if (!/^[a-zA-Z][\w.-]{0,63}$/.test(name) || value.length > VALUE_MOST)
      throw new FactoryError({
        code: "order",
        side: "environment",
        what: `an event cannot hold ${JSON.stringify(name.slice(0, 64))} with ${value.length} characters`,
        why: `Names are up to 64 letters, digits, _ . -, values up to ${VALUE_MOST} characters.`,
        fix: "This is a fault of the program: report it.",
      });
    refuseSecrets(value, `data ${name}`);
    ordered[name] = wellFormed(value);
  }
  return ordered;
}

/** Without what no database or reader of UTF-8 takes: NUL and halves of pairs. */
export function wellFormed(text: string): string {
  return text.replace(/\0|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD");
}

/** The text whose SHA-256 is an event's hash: docs/ledger.md. */
export function canonicalEvent(event: Omit<AuditEvent, "hash" | "at"> & { readonly at: string }): string {
  const data = Object.fromEntries(
    Object.keys(event.data)
      .sort()
      .map(name => [name, event.data[name]]),
  );
  return JSON.stringify([
    event.sequence,
    event.at,
    event.station,
    event.unit,
    event.event,
    data,
    event.previous,
  ]);
}

export function hashEvent(event: Parameters<typeof canonicalEvent>[0]): string {
  return createHash("sha256").update(canonicalEvent(event), "utf8").digest("hex");
}

/** Takes the end of the trail for this transaction: others wait until it ends. Locks of units come before, never after. */
export function* openTrail(dialect: Dialect): Step<Trail> {
  const [row] = yield* query(`SELECT sequence, hash FROM trail ${dialect.forUpdate}`);
  if (row === undefined) throw damaged("the end of its audit trail is not there");
  const at = yield* timeBy(dialect);
  return { sequence: numberIn(row, "sequence"), hash: textIn(row, "hash"), at };
}

const COLUMNS = ["sequence", "at", "station", "unit", "event", "data", "previous", "hash"] as const;

/** Adds events to the end of the trail. */
export function* append(trail: Trail, ...entries: readonly Entry[]): Step<void> {
  const rows = entries.map(entry => {
    refuseSecrets(entry.station, "station");
    const event = {
      sequence: trail.sequence + 1,
      at: trail.at,
      station: wellFormed(entry.station),
      unit: entry.unit,
      event: entry.event,
      data: orderedData(entry.data),
      previous: trail.hash,
    };
    const hash = hashEvent(event);
    trail.sequence = event.sequence;
    trail.hash = hash;
    const { sequence, at, station, unit, event: name, data, previous } = event;
    return [sequence, at, station, unit, name, JSON.stringify(data), previous, hash];
  });
  yield* insertAll("events", COLUMNS, rows);
  yield* query("UPDATE trail SET sequence = $1, hash = $2", trail.sequence, trail.hash);
}
