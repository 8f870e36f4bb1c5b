import { closeSync, constants, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { makeFolder, placeOf } from "../../../certs/files/place.js";
import { besideOf } from "../../../certs/files/write.js";
import { outputFaults } from "../output-faults.js";
import { environmentFault } from "./machine.js";

/** Writes all of a piece: a pipe takes less at a time. */
function writeAll(file: number, piece: string | Uint8Array): void {
  const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
}

/** Rejects with the fault of stdout, whose `drain` does not come then. */
async function writeOut(piece: string): Promise<void> {
  if (!process.stdout.write(piece))
    await new Promise<void>(resolve => {
      const deafen = outputFaults.listen(go);
      process.stdout.once("drain", go);
      function go(): void {
        deafen();
        process.stdout.off("drain", go);
        resolve();
      }
    });
  if (outputFaults.fault !== undefined) throw outputFaults.fault;
}

/**
 * Writes pieces as they come into a file that is there whole or not at all; `-` is stdout. Memory holds one piece.
 * @throws InputError when something is there already and `force` was not asked for; FactoryError of the environment.
 */
export async function writePieces(
  path: string,
  pieces: AsyncIterable<string> | Iterable<string>,
  force: boolean,
): Promise<void> {
  if (path === "-") {
    for await (const piece of pieces) await writeOut(piece);
    return;
  }
  const place = placeOf(path, { force });
  try {
    if (place.isStream) await fill(openSync(place.path, constants.O_WRONLY), pieces);
    else await replace(place.path, pieces);
  } catch (error) {
    throw environmentFault(path, error);
  }
}

async function fill(file: number, pieces: AsyncIterable<string> | Iterable<string>): Promise<void> {
  try {
    for await (const piece of pieces) writeAll(file, piece);
  } finally {
    closeSync(file);
  }
}

async function replace(path: string, pieces: AsyncIterable<string> | Iterable<string>): Promise<void> {
  makeFolder(dirname(path));
  const beside = besideOf(path);
  try {
    await fill(openSync(beside, "wx", 0o644), pieces);
    const file = openSync(beside, "r");
    fsyncSync(file);
    closeSync(file);
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}
