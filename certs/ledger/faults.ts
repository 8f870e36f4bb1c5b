import { FactoryError } from "../factory-error.js";

/** Another process has been writing for too long. */
export const busy = (where: string, cause?: unknown): FactoryError =>
  new FactoryError(
    {
      code: "ledger-busy",
      side: "environment",
      what: `${where} is busy`,
      why: "Somebody else has been writing to the ledger all the time; nothing was changed.",
      fix: "Run again. If it stays so, look for a program that holds it open, a shell of the database for example.",
    },
    { cause },
  );

export const full = (where: string, cause?: unknown): FactoryError =>
  new FactoryError(
    {
      code: "ledger-full",
      side: "environment",
      what: `there is no room left for ${where}`,
      why: "A change of state counts only when it is on the disk; this one was not made, and nothing half.",
      fix: "Make room on that disk and run again: it continues where it was.",
    },
    { cause },
  );

/** `detail`: never a URL: there may be a password in it. */
export const unreachable = (where: string, detail: string, cause?: unknown): FactoryError =>
  new FactoryError(
    {
      code: "ledger-unreachable",
      side: "environment",
      what: `${where} cannot be reached: ${detail}`,
      why: "Nothing is done to a unit that is not recorded.",
      fix: "Check that the ledger's disk or server is there and lets this station in, and run again: it continues where it was.",
    },
    { cause },
  );

/** The code of an error; empty: it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** Whether a ledger could not be opened since this user, or this disk, must not be written to. */
export function isUnwritable(error: unknown): boolean {
  const cause = error instanceof Error && codeOf(error) === "ledger-unreachable" ? error.cause : undefined;
  return /^(SQLITE_(READONLY|CANTOPEN)|EACCES|EPERM|EROFS)/.test(codeOf(cause));
}

export const noLedger = (where: string, detail: string): FactoryError =>
  new FactoryError({
    code: "ledger-foreign",
    side: "input",
    what: `${where} ${detail}`,
    why: "Nothing is written into what is not a ledger of this program.",
    fix: "Check the path or URL; a new ledger is made where there is nothing yet.",
  });

export const newer = (where: string, found: number, known: number): FactoryError =>
  new FactoryError({
    code: "ledger-newer",
    side: "input",
    what: `${where} is a ledger of version ${found}; this program knows version ${known}`,
    why: "A newer program made it, and an older one could damage it.",
    fix: "Use the newer program at this station too.",
  });

export const absent = (where: string): FactoryError =>
  new FactoryError({
    code: "ledger-absent",
    side: "input",
    what: `there is no ledger at ${where}`,
    why: "A ledger is only made by a run, never by a look.",
    fix: "Check the path or URL.",
  });

/** A part of better-sqlite3 or pg cannot be loaded. */
export const library = (name: string, cause: unknown): FactoryError =>
  new FactoryError(
    {
      code: "ledger-library",
      side: "environment",
      what: `the library ${name} cannot be loaded`,
      why: "The ledger lies in a database, which is reached through it.",
      fix: `Install it anew: npm rebuild ${name}, or npm ci with install scripts allowed for ${name}.`,
    },
    { cause },
  );

export const readOnly = (where: string): FactoryError =>
  new FactoryError({
    code: "ledger-read-only",
    side: "environment",
    what: `${where} was opened to be read`,
    why: "This command changes nothing.",
    fix: "This is a fault of the program: report it.",
  });

/** A row that this program cannot have written, or a file that cannot be read. */
export const damaged = (what: string, cause?: unknown): FactoryError =>
  new FactoryError(
    {
      code: "ledger-damaged",
      side: "environment",
      what: `the ledger is damaged: ${what}`,
      why: "It was changed by something else than this program, or by the disk.",
      fix: "Take the last good copy of it, and compare both.",
    },
    { cause },
  );

/** The end of the audit trail does not fit together. */
export const trailBroken = (fault: string): FactoryError =>
  new FactoryError({
    code: "ledger-trail",
    side: "environment",
    what: `the ledger's audit trail is broken: ${fault}`,
    why: "It was changed by something else than this program; what is recorded behind that would prove nothing.",
    fix: "Look with status, and take the last good copy of the ledger; go on when you know why.",
  });

/** A fault of the program. */
export const order = (what: string): FactoryError =>
  new FactoryError({
    code: "order",
    side: "environment",
    what,
    why: "States follow each other in one order, so that what is recorded has happened.",
    fix: "This is a fault of the program: report it.",
  });

export const conflict = (what: string): FactoryError =>
  new FactoryError({
    code: "conflict",
    side: "input",
    what,
    why: "No two units may ever share a key, a certificate or an address.",
    fix: "Find out where it came from before anything else is made: look both up with status.",
  });

export const claimLost = (serial: string): FactoryError =>
  new FactoryError({
    code: "claim-lost",
    side: "environment",
    what: `unit ${serial} is no longer this station's`,
    why: "Its claim ran out and another station took it, or another station has proved that it has the unit itself.",
    fix: "Leave it to that station, or run again with the unit at this port.",
  });

export const unknownUnit = (serial: string): FactoryError =>
  new FactoryError({
    code: "unknown-unit",
    side: "input",
    what: `the ledger knows no unit ${serial}`,
    why: "Units come into it by a list.",
    fix: "Check the serial, and that this is the right ledger.",
  });
