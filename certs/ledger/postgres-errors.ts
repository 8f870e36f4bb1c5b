import type { FactoryError } from "../factory-error.js";
import { busy, conflict, full, unreachable } from "./faults.js";

/** SQLSTATE of the server, or Node's code of a socket. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** Sentences by SQLSTATE, where a fault is not what the class says (PostgreSQL 15, appendix A). */
const REFUSED: Readonly<Record<string, string>> = {
  "28000": "the server does not let this user in",
  "28P01": "the server does not take this password",
  "3D000": "there is no such database",
  "3F000": "the ledger's schema is not there",
  "42501": "this user may not do that in the database",
  "53300": "the server has too many connections",
  "57P01": "the server was shut down",
  "57P02": "the server was stopped",
  "57P03": "the server is starting",
};

/** What the driver or the server said; everything else that a transaction throws is the ledger's own. */
export class ServerFault extends Error {
  readonly error: unknown;

  constructor(error: unknown) {
    super("the server");
    this.error = error;
  }
}

/** Whether the connection is of no use any more, so that what was under way may have happened or not. */
export function isConnectionLost(error: unknown): boolean {
  const code = codeOf(error);
  // Five characters are the server's answer: it was there. It ends the connection with 57P0x and 25P03.
  if (/^[\dA-Z]{5}$/.test(code)) return /^(08|57P0|25P03)/.test(code);
  return true;
}

/**
 * An error of pg as the ledger tells it. The text of pg's own errors is not shown: a URL, and with it a password, may
 * stand in it.
 */
export function told(where: string, error: unknown): FactoryError {
  const code = codeOf(error);
  // Lock waited for too long, statement too long, deadlock, two that cannot be one after the other.
  if (/^(55P03|57014|40P01|40001)$/.test(code)) return busy(where);
  if (/^(53100|58030)$/.test(code)) return full(where);
  if (code.startsWith("23")) return conflict(`${where} refuses what is there already (${code})`);
  const detail = REFUSED[code] ?? (code === "" ? "the connection was lost" : `code ${code}`);
  return unreachable(where, detail);
}
