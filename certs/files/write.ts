import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { InputError } from "../input-error.js";

export interface WriteOptions {
  /** Take the place of a file that is there. */
  readonly force?: boolean;
  /** Only the owner may read it. */
  readonly secret?: boolean;
}

/**
 * Writes a file whole or not at all: beside its place first, on the disk, then under its name.
 * @throws InputError when something is there already and `force` was not asked for.
 */
export function writeWhole(path: string, contents: string | Uint8Array, options: WriteOptions = {}): void {
  refuseExisting(path, options);
  mkdirSync(dirname(path), { recursive: true });
  const beside = join(dirname(path), `.${String(process.pid)}-${Date.now().toString(36)}.part`);
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
