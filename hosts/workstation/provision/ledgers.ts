import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Ledger } from "../../../certs/ledger/ledger.js";
import { isLedgerFile } from "./common.js";

export interface OpenedLedger {
  readonly ledger: Ledger;
  close(): Promise<void>;
}

/** Gives the ledger to a verb and closes it whatever happens. */
export async function withLedger<Result>(
  location: string,
  access: "create" | "existing",
  use: (ledger: Ledger) => Promise<Result>,
): Promise<Result> {
  // Not before it is needed: a mistake in the options is told sooner.
  const { openLedger } = await import("../../../certs/ledger/open.js");
  const ledger = await openLedger(location, { access });
  try {
    return await use(ledger);
  } finally {
    await ledger.close();
  }
}

/**
 * A ledger to look into, without leaving a trace of that: SQLite would put two files beside one that nobody has open,
 * so a copy is looked into then. `undefined`: there is none yet.
 */
async function openToLook(location: string): Promise<OpenedLedger | undefined> {
  const { openLedger } = await import("../../../certs/ledger/open.js");
  if (!isLedgerFile(location) || existsSync(`${location}-shm`)) {
    const ledger = await openLedger(location, { access: "read" });
    return { ledger, close: () => ledger.close() };
  }
  if (!existsSync(location)) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "xs-cellular-"));
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const copy = join(folder, "ledger.db");
    copyFileSync(location, copy);
    // What a killed station has committed and SQLite has not moved yet.
    if (existsSync(`${location}-wal`)) copyFileSync(`${location}-wal`, `${copy}-wal`);
    const ledger = await openLedger(copy, { access: "read" });
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
