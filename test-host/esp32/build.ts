import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { defaultCacheFolder, findSources } from "../xs/build.js";
import { withLock } from "../xs/lock.js";
import { defaultRoot } from "../xs/modules.js";

/**
 * Builds the program that runs the C files of `hosts/esp32` in XS: they and the stand-ins of the chip
 * (`host/`) with every warning an error and with the compiler's checks of addresses and of undefined
 * behaviour, XS itself without. Each once per set of sources.
 */

const execute = promisify(execFile);

const HOST = join(defaultRoot, "test-host", "esp32", "host");
/** Each folder holds one native class: C, its JavaScript face, its declaration. */
const NATIVES = ["serial", "entropy", "system"].map(name => join(defaultRoot, "hosts", "esp32", name));
/** Files of the XS host that serve here too. */
const SHARED = ["bytes.c", "engine.c", "loader.c"];
const PARALLEL_COMPILES = 2;

const DEFINES = [
  "-fno-common",
  "-DINCLUDE_XSPLATFORM",
  '-DXSPLATFORM="platform.h"',
  "-DmxParse=1",
  "-DmxRun=1",
  "-DmxSloppy=1",
  "-DmxLockdown=1",
  "-DmxMetering=1",
  "-DmxBoundsCheck=1",
  "-DmxMinusZero=1",
  "-DmxNoConsole=1",
  "-DmxUseDefaultChunkAllocation=1",
  "-DmxUseDefaultSlotAllocation=1",
];
const ENGINE_FLAGS = ["-O1", "-w", ...DEFINES];
const CHECKED_FLAGS = ["-O1", "-g", "-Wall", "-Wextra", "-Werror", ...DEFINES];
const SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

async function run(command: string, args: readonly string[]): Promise<string> {
  try {
    return (await execute(command, args)).stdout;
  } catch (error) {
    const words = error instanceof Error && "stderr" in error ? String(error.stderr) : String(error);
    throw new Error(`${command} failed:\n${words.slice(0, 4000)}`, { cause: error });
  }
}

async function filesOf(folder: string, pattern: RegExp): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names
    .filter(name => pattern.test(name))
    .sort()
    .map(name => join(folder, name));
}

async function keyOf(files: readonly string[], ...settings: readonly string[]): Promise<string> {
  const hash = createHash("sha256").update(`${process.arch} ${settings.join(" ")}`);
  for (const path of files) {
    hash.update(`\0${basename(path)}\0`);
    hash.update(await readFile(path));
  }
  return hash.digest("hex").slice(0, 24);
}

/** Makes `path` with `work`, which is given another name for it; once, whoever else wants it too. */
async function once(path: string, work: (path: string, scratch: string) => Promise<void>): Promise<string> {
  await withLock(`${path}.lock`, async () => {
    if (existsSync(path)) return;
    const scratch = `${path}.${process.pid}.build`;
    await mkdir(scratch, { recursive: true });
    try {
      const made = join(scratch, basename(path));
      await work(made, scratch);
      await rename(made, path);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  });
  return path;
}

async function compileAll(
  compiler: string,
  flags: readonly string[],
  sources: readonly string[],
  scratch: string,
): Promise<string[]> {
  const queue = sources.map((source, index) => ({ source, object: join(scratch, `${index}.o`) }));
  const made = queue.map(item => item.object);
  const work = async (): Promise<void> => {
    for (let item = queue.shift(); item; item = queue.shift())
      await run(compiler, [...flags, "-c", item.source, "-o", item.object]);
  };
  await Promise.all(Array.from({ length: PARALLEL_COMPILES }, work));
  return made;
}

/** The sanitizers where the compiler has their libraries, which musl's has not. */
async function sanitizers(compiler: string, scratch: string): Promise<readonly string[]> {
  try {
    await run(compiler, [...SANITIZERS, "-x", "c", "/dev/null", "-shared", "-o", join(scratch, "probe")]);
    return SANITIZERS;
  } catch {
    return [];
  }
}

const compiler = process.env["CC"] || "cc";

function headersOf(xs: string): string[] {
  return ["includes", "platforms", "sources"].map(name => join(xs, name));
}

/** What the checked files are compiled with. */
function checkedFlags(xs: string, xsHost: string): string[] {
  return [
    ...CHECKED_FLAGS,
    ...[join(HOST, "include"), HOST, xsHost].map(folder => `-I${folder}`),
    ...headersOf(xs)
      .slice(0, 2)
      .flatMap(folder => ["-isystem", folder]),
  ];
}

async function build(): Promise<string> {
  const version = await run(compiler, ["--version"]);
  const { xs, host: xsHost } = findSources();
  const cache = join(defaultCacheFolder(), "..", "esp32");
  await mkdir(cache, { recursive: true });

  const engineSources = [
    ...(await filesOf(join(xs, "sources"), /\.c$/)).filter(path => basename(path) !== "xsSnapshot.c"),
    ...SHARED.map(name => join(xsHost, name)),
  ];
  const engineFlags = [...ENGINE_FLAGS, ...[xsHost, ...headersOf(xs)].map(folder => `-I${folder}`)];
  const shared = await filesOf(xsHost, /^(host|platform)\.h$/);
  const engineKey = await keyOf([...engineSources, ...shared], version, ...ENGINE_FLAGS);
  const engine = await once(join(cache, `xs-${engineKey}.a`), async (path, scratch) => {
    const objects = await compileAll(compiler, engineFlags, engineSources, scratch);
    await run("ar", ["crs", path, ...objects]);
  });

  const own = (await Promise.all([HOST, ...NATIVES].map(folder => filesOf(folder, /\.[ch]$/)))).flat();
  const flags = checkedFlags(xs, xsHost);
  const key = await keyOf(own, engineKey, ...CHECKED_FLAGS, ...SANITIZERS);
  return once(join(cache, `esp32-${key}`), async (path, scratch) => {
    const checks = await sanitizers(compiler, scratch);
    const sources = own.filter(name => name.endsWith(".c"));
    const objects = await compileAll(compiler, [...flags, ...checks], sources, scratch);
    await run(compiler, [...checks, "-o", path, ...objects, engine, "-lm", "-lpthread"]);
  });
}

/** Compiles one of the device's C files with a setting of the stand-ins' build; rejects with the compiler's words. */
export async function compileWith(file: string, define: string): Promise<void> {
  const { xs, host } = findSources();
  await run(compiler, [...checkedFlags(xs, host), `-D${define}`, "-fsyntax-only", join(defaultRoot, file)]);
}

let built: Promise<string> | undefined;

/** Path of the program, which is built first when need be. Rejects with the compiler's words. */
export function deviceProgram(): Promise<string> {
  built ??= build();
  return built;
}
