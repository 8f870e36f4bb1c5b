import { constants, copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf, isUnwritable, trailBroken, unreachable } from "../../../certs/ledger/faults.js";
import type { Ledger } from "../../../certs/ledger/ledger.js";
import { isLedgerFile } from "./common.js";
import { environmentFault } from "./machine.js";

export interface OpenedLedger {
  readonly ledger: Ledger;
  close(): Promise<void>;
}

/** How a verb opens a ledger: `look`: it must be there, and who may only read it may look all the same. */
export type LedgerUse = "create" | "existing" | "look";

/** Events at the end of the trail that are looked at before units are touched: milliseconds, however long the trail is. */
const TRAIL_LAST = 1_000;

async function openFor(location: string, use: LedgerUse): Promise<OpenedLedger> {
  // Not before it is needed: a mistake in the options is told sooner.
  const { openLedger } = await import("../../../certs/ledger/open.js");
  try {
    const ledger = await openLedger(location, { access: use === "look" ? "existing" : use });
    return { ledger, close: () => ledger.close() };
  } catch (error) {
    if (use !== "look" || !isUnwritable(error)) throw error;
    const opened = await openToLook(location);
    if (opened === undefined) throw error;
    return opened;
  }
}

/** Gives the ledger to a verb and closes it whatever happens. */
export async function withLedger<Result>(
  location: string,
  access: LedgerUse,
  use: (ledger: Ledger) => Promise<Result>,
): Promise<Result> {
  const opened = await openFor(location, access);
  try {
    return await use(opened.ledger);
  } finally {
    await opened.close();
  }
}

/**
 * Before units are touched: nothing is recorded behind a trail that does not fit together. Its end alone is looked at;
 * `status` computes all of it.
 * @throws FactoryError `ledger-trail`.
 */
export async function checkTrail(ledger: Ledger): Promise<void> {
  const { fault } = await ledger.verifyChain({ last: TRAIL_LAST });
  if (fault !== undefined) throw trailBroken(fault);
}

/** A copy with what a killed station has committed and SQLite has not moved yet. */
function copied(location: string, copy: string): void {
  for (const suffix of ["", "-wal"]) {
    const from = `${location}${suffix}`;
    if (suffix !== "" && !existsSync(from)) continue;
    try {
      copyFileSync(from, `${copy}${suffix}`, constants.COPYFILE_FICLONE);
    } catch (error) {
      if (/^(EACCES|EPERM)$/.test(codeOf(error))) throw unreachable(location, "it must not be read", error);
      throw environmentFault(copy, error);
    }
  }
}

async function openCopy(location: string): Promise<OpenedLedger> {
  const { openLedger } = await import("../../../certs/ledger/open.js");
  const folder = mkdtempSync(join(tmpdir(), "xs-cellular-"));
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const copy = join(folder, "ledger.db");
    copied(location, copy);
    const ledger = await openLedger(copy, { access: "read", shownAs: location });
    return {
      ledger,
      close: async () => {
        await ledger.close();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/**
 * A ledger to look into, without leaving a trace of that: SQLite would put two files beside one that nobody has open,
 * so a copy is looked into then. `undefined`: there is none yet, or the empty file of a run that was killed at once.
 */
async function openToLook(location: string): Promise<OpenedLedger | undefined> {
  const isFile = isLedgerFile(location);
  if (isFile && !existsSync(location)) return undefined;
  try {
    if (isFile && !existsSync(`${location}-shm`)) return await openCopy(location);
    const { openLedger } = await import("../../../certs/ledger/open.js");
    const ledger = await openLedger(location, { access: "read" });
    return { ledger, close: () => ledger.close() };
  } catch (error) {
    if (!isFile) throw error;
    if (codeOf(error) === "ledger-absent") return undefined;
    // What a killed station has left beside it cannot be put right by who only reads.
    if (isUnwritable(error) && existsSync(`${location}-shm`)) return await openCopy(location);
    throw error;
  }
}

/** Looks into a ledger, if there is one, and changes nothing: neither in it nor beside it. */
export async function lookInto<Result>(
  location: string,
  use: (ledger: Ledger | undefined) => Promise<Result>,
): Promise<Result> {
  const opened = await openToLook(location);
  try {
    return await use(opened?.ledger);
  } finally {
    await opened?.close();
  }
}
