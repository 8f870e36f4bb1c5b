import type { AuditEvent } from "./ledger.js";

/** One event as a line of JSON, with everything that its hash needs: docs/ledger.md. */
export function eventLine(event: AuditEvent): string {
  const { sequence, at, station, unit, event: name, data, previous, hash } = event;
  return JSON.stringify({ sequence, at: at.toISOString(), station, unit, event: name, data, previous, hash });
}
