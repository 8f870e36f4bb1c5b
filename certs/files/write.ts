import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { InputError } from "../input-error.js";

export interface WriteOptions {
  /** Take the place of a file that is there. */
  readonly force?: boolean;
  /** Only the owner may read it. */
  readonly secret?: boolean;
}

/** Of this computer: a folder may be shared with others, whose processes cannot be seen from here. */
const HERE = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);

function isAlive(pid: number): boolean {
  // Files are written in one turn: one with this process's own number is of an earlier process.
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

/** Folders that were looked through: each once in a process, as there may be thousands of files in it. */
const swept = new Set<string>();

/**
 * Removes what processes of this computer that were killed while they wrote have left in a folder: there may be a
 * private key in it.
 */
function sweep(folder: string): void {
  if (swept.has(folder)) return;
  swept.add(folder);
  for (const name of readdirSync(folder)) {
    const [, host, pid] = /^\.([\da-f]{8})-(\d+)-[\da-z]+\.part$/.exec(name) ?? [];
    if (host === HERE && !isAlive(Number(pid))) rmSync(join(folder, name), { force: true });
  }
}

/**
 * Writes a file whole or not at all: beside its place first, on the disk, then under its name. What processes that were
 * killed between have left in the folder is removed.
 * @throws InputError when something is there already and `force` was not asked for.
 */
export function writeWhole(path: string, contents: string | Uint8Array, options: WriteOptions = {}): void {
  refuseExisting(path, options);
  mkdirSync(dirname(path), { recursive: true });
  sweep(resolve(dirname(path)));
  const beside = join(dirname(path), `.${HERE}-${String(process.pid)}-${Date.now().toString(36)}.part`);
  const file = openSync(beside, "wx", options.secret ? 0o600 : 0o644);
  try {
    const bytes = typeof contents === "string" ? Buffer.from(contents) : contents;
    let written = 0;
    while (written < bytes.length) written += writeSync(file, bytes, written);
    fsyncSync(file);
    closeSync(file);
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
  // The name is on the disk when its folder is.
  const folder = openSync(dirname(path), "r");
  fsyncSync(folder);
  closeSync(folder);
}

/** @throws InputError when something is there already and `force` was not asked for. */
export function refuseExisting(path: string, options: WriteOptions): void {
  if (options.force || !existsSync(path)) return;
  throw new InputError({
    what: `${path} is there already`,
    why: "What is in it would be lost; nothing was written.",
    fix: "Name another place, or add --force when it may be lost.",
    file: path,
  });
}
