import { existsSync, lstatSync, mkdirSync, readlinkSync, statSync, type Stats } from "node:fs";
import { dirname, resolve } from "node:path";
import { InputError } from "../input-error.js";
import { fileFault } from "./file-fault.js";

export interface PlaceOptions {
  /** Take the place of a file that is there. */
  readonly force?: boolean | undefined;
  /** Only the owner may read it. */
  readonly secret?: boolean | undefined;
}

/** Where contents go that are meant for a path. */
export interface Place {
  /** The path, or what its symbolic links lead to. */
  readonly path: string;
  /** A terminal, `/dev/null`, a pipe: it is written into, where a file gets another one in its place. */
  readonly isStream: boolean;
}

/** As many as Linux follows. */
const LINKS_MOST = 40;

/** What the links of a path lead to; there need not be anything. */
function followed(path: string): string {
  let at = path;
  for (let links = 0; links < LINKS_MOST; links++) {
    if (lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return at;
    // Those of /proc name what cannot be found by its name: pipe:[1234].
    if (statSync(at, { throwIfNoEntry: false })?.isFile() === false) return at;
    at = resolve(dirname(at), readlinkSync(at));
  }
  // The system says what is wrong with it.
  return path;
}

function refuse(path: string, found: Stats, { force, secret }: PlaceOptions): void {
  if (found.isDirectory())
    throw new InputError({
      what: `${path} is a folder`,
      why: "A file is to be written; nothing was written.",
      fix: "Name a file.",
      file: path,
    });
  const isStream = !found.isFile() && !found.isBlockDevice();
  if (isStream && secret === true)
    throw new InputError({
      what: `${path} is no file`,
      why: "A private key is written to a file that its owner alone can read; nothing was written.",
      fix: "Name a file.",
      file: path,
    });
  if (isStream || force === true) return;
  throw new InputError({
    what: `${path} is there already`,
    why: "What is in it would be lost; nothing was written.",
    fix: "Name another place, or add --force when it may be lost.",
    file: path,
  });
}

/**
 * @throws InputError when a file is there and `force` was not asked for, and for a folder; FactoryError of the
 * environment when that cannot be told.
 */
export function placeOf(path: string, options: PlaceOptions): Place {
  let place: string;
  let found: Stats | undefined;
  try {
    place = followed(path);
    found = statSync(place, { throwIfNoEntry: false });
  } catch (error) {
    throw fileFault(path, error);
  }
  if (found !== undefined) refuse(path, found, options);
  return { path: place, isStream: found !== undefined && !found.isFile() };
}

/** The path itself, or what of it is there. */
export function nearestFolder(path: string): string {
  let at = resolve(path);
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return at;
}

/**
 * Makes a folder and those above it that are missing. (`mkdirSync` with `recursive` never returns where the system
 * denies a folder its existence, as below `/proc`.)
 * @throws FactoryError of the environment.
 */
export function makeFolder(path: string): void {
  const missing: string[] = [];
  for (let at = resolve(path); !existsSync(at) && dirname(at) !== at; at = dirname(at)) missing.unshift(at);
  try {
    for (const folder of missing)
      try {
        mkdirSync(folder);
      } catch (error) {
        // Another process has made it in this moment.
        if (!existsSync(folder)) throw error;
      }
  } catch (error) {
    throw fileFault(path, error);
  }
}
