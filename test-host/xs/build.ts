import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { EngineError } from "./errors.js";
import { withLock } from "./lock.js";
import { defaultRoot } from "./modules.js";

/**
 * Builds the host program from C: XS's sources out of the npm package `@agoric/xsnap` (or `dist/xs`
 * of the installed package) and `host/`. Once per set of sources and compiler.
 */

const run = promisify(execFile);

/** Parts of XS that the host does without, or compiles as a part of its own files (`host/memory.c`, `host/trace.c`). */
const LEFT_OUT = new Set(["xsMemory.c", "xsDefaults.c", "xsSnapshot.c"]);
const PARALLEL_COMPILES = 2;

const FLAGS = [
  "-O1",
  "-w",
  "-fno-common",
  "-DINCLUDE_XSPLATFORM",
  '-DXSPLATFORM="platform.h"',
  "-DmxParse=1",
  "-DmxRun=1",
  "-DmxSloppy=1",
  "-DmxLockdown=1",
  "-DmxMetering=1",
  "-DmxInstrument=1",
  "-DmxBoundsCheck=1",
  "-DmxMinusZero=1",
  "-DmxNoConsole=1",
];

export interface CFolders {
  /** `xs` of the Moddable SDK: `includes`, `platforms`, `sources`. */
  readonly xs: string;
  /** Our C files. */
  readonly host: string;
}

/** Where the C sources lie: in a checkout, or in the installed package. */
export function findSources(root: string = defaultRoot): CFolders {
  const installed = { xs: join(root, "xs", "engine"), host: join(root, "xs", "host") };
  if (existsSync(installed.xs)) return installed;
  const host = join(root, "test-host", "xs", "host");
  for (let folder = root; ; folder = dirname(folder)) {
    const xs = join(folder, "node_modules", "@agoric", "xsnap", "moddable", "xs");
    if (existsSync(xs)) return { xs, host };
    if (folder === dirname(folder)) break;
  }
  throw new EngineError("no sources", `the XS sources are missing: run "npm install" in ${root}`);
}

/** `.cache/xs` of a checkout; for the installed package a folder of the user's cache. */
export function defaultCacheFolder(root: string = defaultRoot): string {
  if (existsSync(join(root, "tsconfig.json"))) return join(root, ".cache", "xs");
  const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return join(cache, "xs-cellular");
}

async function compilerVersion(compiler: string): Promise<string> {
  try {
    return (await run(compiler, ["--version"])).stdout;
  } catch {
    throw new EngineError(
      "no compiler",
      `no C compiler ("${compiler}") was found, which the XS engine needs, once. ` +
        `Install one (Debian, Ubuntu: "apt install gcc libc6-dev"; Fedora: "dnf install gcc"; Alpine: "apk add gcc musl-dev"; ` +
        `macOS: "xcode-select --install"), or run the firmware in Node with "--engine node".`,
    );
  }
}

async function filesOf(folder: string, pattern: RegExp): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter(name => pattern.test(name))
    .sort()
    .map(name => join(folder, name));
}

/** Changes with every byte of the sources, with the flags and with the compiler. */
export async function buildKey(folders: CFolders, version: string): Promise<string> {
  const hash = createHash("sha256").update(
    `${process.arch} ${process.platform}\n${version}\n${FLAGS.join(" ")}`,
  );
  const parts = [folders.host, ...["sources", "includes", "platforms"].map(name => join(folders.xs, name))];
  for (const folder of parts) {
    for (const path of await filesOf(folder, /\.[ch]$/)) {
      hash.update(`\0${basename(path)}\0`);
      hash.update(await readFile(path));
    }
  }
  return hash.digest("hex").slice(0, 24);
}

async function compileAll(compiler: string, folders: CFolders, objects: string): Promise<string[]> {
  const sources = [
    ...(await filesOf(join(folders.xs, "sources"), /\.c$/)).filter(path => !LEFT_OUT.has(basename(path))),
    ...(await filesOf(folders.host, /\.c$/)),
  ];
  const includes = [
    folders.host,
    ...["includes", "platforms", "sources"].map(name => join(folders.xs, name)),
  ];
  const args = [...FLAGS, ...includes.map(folder => `-I${folder}`)];
  const queue = sources.map((source, index) => ({ source, object: join(objects, `${index}.o`) }));
  const made = queue.map(item => item.object);
  const work = async (): Promise<void> => {
    for (let item = queue.shift(); item; item = queue.shift())
      await run(compiler, [...args, "-c", item.source, "-o", item.object]);
  };
  await Promise.all(Array.from({ length: PARALLEL_COMPILES }, work));
  return made;
}

function buildFailure(error: unknown): EngineError {
  const text = error instanceof Error && "stderr" in error ? String(error.stderr) : String(error);
  return new EngineError("build failed", `the XS host could not be built:\n${text.slice(-2000)}`);
}

async function build(compiler: string, folders: CFolders, binary: string): Promise<void> {
  const objects = `${binary}.${process.pid}.build`;
  await mkdir(objects, { recursive: true });
  try {
    const linked = join(objects, "xs-host");
    const made = await compileAll(compiler, folders, objects);
    await run(compiler, ["-o", linked, ...made, "-lm", "-lpthread"]);
    await rename(linked, binary);
  } catch (error) {
    throw buildFailure(error);
  } finally {
    await rm(objects, { recursive: true, force: true });
  }
}

export interface BuildOptions {
  readonly root?: string | undefined;
  readonly cacheFolder?: string | undefined;
  readonly onNotice?: ((text: string) => void) | undefined;
}

const built = new Map<string, Promise<string>>();

async function buildOnce(options: BuildOptions): Promise<string> {
  const folders = findSources(options.root);
  const compiler = process.env["CC"] || "cc";
  const cacheFolder = options.cacheFolder ?? defaultCacheFolder(options.root);
  const key = await buildKey(folders, await compilerVersion(compiler));
  const binary = join(cacheFolder, `xs-host-${key}`);
  if (existsSync(binary)) return binary;
  try {
    await mkdir(cacheFolder, { recursive: true });
  } catch (error) {
    throw buildFailure(error);
  }
  await withLock(`${binary}.lock`, async () => {
    if (existsSync(binary)) return;
    options.onNotice?.("Building the XS engine's host program, once; this takes about 10 seconds.");
    await build(compiler, folders, binary);
  });
  return binary;
}

/** Path of the host program, which is built first when need be. Rejects with an {@link EngineError}. */
export function hostProgram(options: BuildOptions = {}): Promise<string> {
  const id = JSON.stringify([options.root, options.cacheFolder, process.env["CC"], process.env["PATH"]]);
  let promise = built.get(id);
  if (!promise) {
    promise = buildOnce(options);
    built.set(id, promise);
    promise.catch(() => built.delete(id));
  }
  return promise;
}
