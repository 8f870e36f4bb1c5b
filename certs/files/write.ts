import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileFault } from "./file-fault.js";
import { makeFolder, nearestFolder, placeOf, type PlaceOptions } from "./place.js";

export type WriteOptions = PlaceOptions;

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

function writeAll(path: string, flags: "wx" | number, mode: number, bytes: Uint8Array): void {
  const file = openSync(path, flags, mode);
  try {
    let written = 0;
    while (written < bytes.length) written += writeSync(file, bytes, written);
    // What is no file cannot be brought to a disk.
    if (flags === "wx") fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** A name beside a path that nobody else takes. */
export function besideOf(path: string): string {
  return join(dirname(path), `.${HERE}-${String(process.pid)}-${Date.now().toString(36)}.part`);
}

/**
 * Writes a file whole or not at all: beside its place first, on the disk, then under its name. What processes that were
 * killed between have left in the folder is removed. A symbolic link stays one; a pipe or a device is written into.
 * @throws InputError when something is there already and `force` was not asked for, and for a folder; FactoryError of the
 * environment (`disk-full`, `file`) when the place cannot be written.
 */
export function writeWhole(path: string, contents: string | Uint8Array, options: WriteOptions = {}): void {
  const place = placeOf(path, options);
  const bytes = typeof contents === "string" ? Buffer.from(contents) : contents;
  try {
    if (place.isStream) writeAll(place.path, constants.O_WRONLY, 0, bytes);
    else replace(place.path, bytes, options.secret ? 0o600 : 0o644);
  } catch (error) {
    throw fileFault(path, error);
  }
}

function replace(path: string, bytes: Uint8Array, mode: number): void {
  makeFolder(dirname(path));
  sweep(resolve(dirname(path)));
  const beside = besideOf(path);
  try {
    writeAll(beside, "wx", mode, bytes);
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

/** @throws as `writeWhole`, when something is there that may not be replaced. */
export function refuseExisting(path: string, options: WriteOptions): void {
  placeOf(path, options);
}

/** A page of a disk: a full one may still take an empty file. */
const TRIAL = new Uint8Array(4_096);

/**
 * Whether a file could be written there, tried with another one beside it; nothing is left behind.
 * @throws as `writeWhole`.
 */
export function tryWriting(path: string, options: WriteOptions): void {
  const place = placeOf(path, options);
  try {
    if (place.isStream) {
      accessSync(place.path, constants.W_OK);
      return;
    }
    const beside = besideOf(join(nearestFolder(dirname(place.path)), "x"));
    try {
      writeAll(beside, "wx", 0o600, TRIAL);
    } finally {
      rmSync(beside, { force: true });
    }
  } catch (error) {
    throw fileFault(path, error);
  }
}
