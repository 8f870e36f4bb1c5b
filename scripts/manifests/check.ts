import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { applicationFaults, libraryFaults } from "./check-build.js";
import { configFaults } from "./check-config.js";
import {
  isForeign,
  listOf,
  modulePath,
  nameOfPath,
  readManifest,
  type Manifest,
  type ManifestPart,
  type ReadManifest,
} from "./manifest.js";
import {
  APPLICATION,
  fileOf,
  isPreloadable,
  nativeParts,
  PLATFORMS,
  plansOf,
  productManifest,
  PRODUCTS,
  type NativePart,
  type Plan,
  type Platform,
} from "./plan.js";

const FOLDERS = ["modules", "drivers", "hosts", "examples"] as const;
const platforms = Object.keys(PLATFORMS) as readonly Platform[];

/** What `mcconfig` understands in a manifest, as far as anybody here uses it. */
const MEMBERS: readonly string[] = [
  "build",
  "config",
  "creation",
  "data",
  "defines",
  "dependency",
  "error",
  "include",
  "modules",
  "platforms",
  "preload",
  "resources",
  "strip",
  "typescript",
  "warning",
];

/** Manifests of applications: that at the root, and the examples'. */
function applicationsOf(root: string): readonly string[] {
  const examples = readdirSync(join(root, "examples"))
    .map(name => `examples/${name}/manifest.json`)
    .filter(path => existsSync(join(root, path)));
  return ["manifest.json", ...examples];
}

/** Every manifest there is, whoever wrote it. */
function found(root: string): readonly string[] {
  return FOLDERS.flatMap(folder =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter(name => /(^|\/)manifest[^/]*\.json$/.test(name))
      .map(name => `${folder}/${name}`),
  );
}

/** Paths that `build` gives: only those that begin with `./` are relative to the manifest. */
function buildPathFaults(root: string, path: string, { build = {} }: ManifestPart): string[] {
  const faults: string[] = [];
  for (const [name, value] of Object.entries(build)) {
    if (isForeign(value)) continue;
    if (!value.startsWith("./"))
      faults.push(`${path}: ${name} is ${value}, which mcconfig does not look for beside the manifest`);
    else if (!existsSync(join(root, nameOfPath(path, value))))
      faults.push(`${path}: ${name} is ${value}, which does not exist`);
  }
  return faults;
}

/** Files that a manifest names, and whether they are there. */
function pathFaults(root: string, path: string, manifest: Manifest): string[] {
  const faults: string[] = [];
  const parts = [manifest, ...Object.values(manifest.platforms ?? {})];
  for (const part of parts) {
    for (const member of Object.keys(part))
      if (!MEMBERS.includes(member)) faults.push(`${path}: mcconfig knows no member ${member}`);
    for (const include of part.include ?? [])
      if (!isForeign(include) && !existsSync(join(root, nameOfPath(path, include))))
        faults.push(`${path}: includes ${include}, which does not exist`);
    faults.push(...buildPathFaults(root, path, part));
    for (const [name, paths] of Object.entries(part.modules ?? {}))
      for (const source of listOf(paths).filter(one => !isForeign(one))) {
        const file = join(root, nameOfPath(path, source));
        const isThere = [".ts", ".js", ".c", ".d.ts"].some(ending => existsSync(file + ending));
        if (!isThere) faults.push(`${path}: ${name} is ${source}.ts, which does not exist`);
        // A module can be JSON; only those called manifest... are left out.
        if (existsSync(`${file}.json`) && !posix.basename(source).startsWith("manifest"))
          faults.push(`${path}: ${name} is ${source}.ts and ${source}.json, and mcconfig takes both`);
      }
  }
  return faults;
}

/** A manifest's lists against what they should be. */
function listFaults(plan: Plan, manifest: Manifest): string[] {
  const faults: string[] = [];
  const { path, natives } = plan;
  for (const [platform, names] of plan.modules) {
    const part = platform === "" ? manifest : manifest.platforms?.[platform];
    const place = platform === "" ? path : `${path} (${platform})`;
    const listed = part?.modules ?? {};
    const preloaded = new Set(part?.preload ?? []);
    for (const name of names) {
      const [source] = listOf(listed[name]);
      const wanted = modulePath(path, fileOf(plan, platform, name));
      if (source === undefined) faults.push(`${place}: ${name} is imported but not listed`);
      else if (source !== wanted)
        faults.push(`${place}: ${name} is ${source}: the name does not mirror the folder`);
      if (isPreloadable(name) && !preloaded.has(name)) faults.push(`${place}: ${name} is not preloaded`);
    }
    for (const name of Object.keys(listed))
      if (!names.includes(name)) faults.push(`${place}: ${name} is listed but nothing needs it`);
    for (const name of preloaded)
      if (listed[name] === undefined) faults.push(`${place}: ${name} is preloaded but not listed`);
    for (const native of natives?.get(platform) ?? []) {
      const include = modulePath(path, native);
      if (!(part?.include ?? []).includes(include)) faults.push(`${place}: ${include} is not included`);
    }
  }
  return faults;
}

/** A manifest that is written by hand, of a class in C. */
function nativeFaults(root: string, { path, modules }: NativePart, manifest: Manifest): string[] {
  const faults: string[] = [];
  for (const name of modules) {
    const [source] = listOf(manifest.modules?.[name]);
    if (source === undefined) faults.push(`${path}: ${name} is there but not listed`);
    else if (nameOfPath(path, source) !== name)
      faults.push(`${path}: ${name} is ${source}: the name does not mirror the folder`);
    if (!(manifest.preload ?? []).includes(name)) faults.push(`${path}: ${name} is not preloaded`);
    if (!existsSync(join(root, `${name}.c`))) faults.push(`${path}: ${name} has no C file beside it`);
  }
  if (manifest.platforms?.["..."]?.error === undefined)
    faults.push(`${path}: other platforms than its own are not refused`);
  return faults;
}

/** The npm package: what travels, and that `mcpack` finds no application in it. */
function packageFaults(root: string, files: readonly string[], paths: readonly string[]): string[] {
  const faults: string[] = [];
  const travels = (path: string): boolean => files.some(one => path === one || path.startsWith(`${one}/`));
  for (const path of paths) {
    if (!travels(path)) faults.push(`package.json: ${path} does not travel in the package`);
    const manifest = readManifest(root, path);
    for (const { modules = {}, build = {} } of [manifest, ...Object.values(manifest.platforms ?? {})])
      for (const one of [...Object.values(modules).flatMap(listOf), ...Object.values(build)])
        if (!isForeign(one) && !travels(nameOfPath(path, one)))
          faults.push(`package.json: ${nameOfPath(path, one)} does not travel in the package`);
  }
  // mcpack includes that file of a package before it looks at anything else.
  if (travels("manifest.json"))
    faults.push(
      "package.json: manifest.json, an application, would become part of every application that mcpack builds",
    );
  return faults;
}

function filesOf(root: string): readonly string[] {
  const { files = [] } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { files?: string[] };
  return files;
}

export interface CheckOptions {
  /** Gives a manifest by its path in the project. */
  readonly read?: ReadManifest;
  /** What travels in the npm package; default: as package.json says. */
  readonly files?: readonly string[];
}

/** What is wrong with the project's manifests, in sentences; empty when all is well. */
export function manifestFaults(root: string, options: CheckOptions = {}): readonly string[] {
  const { read = (path: string) => readManifest(root, path), files = filesOf(root) } = options;
  const plans = plansOf(root);
  const natives = nativeParts(root);
  const applications = applicationsOf(root);
  const libraries = [...plans, ...natives].map(({ path }) => path);
  const faults: string[] = [];
  for (const path of found(root))
    if (!libraries.includes(path) && !applications.includes(path))
      faults.push(`${path}: no rule says what it should list`);
  const readable: string[] = [];
  for (const path of [...libraries, ...applications])
    try {
      faults.push(...pathFaults(root, path, read(path)));
      readable.push(path);
    } catch (error) {
      faults.push(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
  // What is included has to be there before it can be put together.
  if (faults.length > 0) return faults;
  for (const plan of plans) faults.push(...listFaults(plan, read(plan.path)));
  for (const part of natives) faults.push(...nativeFaults(root, part, read(part.path)));
  const parts = new Set([
    APPLICATION,
    "hosts/firmware/manifest_reports.json",
    ...PRODUCTS.map(productManifest),
  ]);
  for (const { path, modules } of plans.filter(plan => !parts.has(plan.path)))
    for (const platform of platforms.filter(one => one === "lin" || modules.has(one))) {
      const place = modules.has(platform) ? `${path} on ${platform}` : path;
      faults.push(...libraryFaults(root, read, { path, place, platform }));
    }
  for (const platform of platforms) {
    for (const product of PRODUCTS) {
      const path = `${product}.json`;
      const include = [`./${APPLICATION}`, `./${productManifest(product)}`];
      const both: ReadManifest = at => (at === path ? { include } : read(at));
      const build = { path, place: `${product} on ${platform}`, platform };
      faults.push(...applicationFaults(root, both, build, true));
    }
    for (const path of applications) {
      const place = `${path} on ${platform}`;
      faults.push(...applicationFaults(root, read, { path, place, platform }, false));
      faults.push(...configFaults(read, path, platform).map(fault => `${place}: ${fault}`));
    }
  }
  faults.push(...packageFaults(root, files, libraries));
  return [...new Set(faults)];
}
