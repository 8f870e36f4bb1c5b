import { existsSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { graphOf } from "./graph.js";
import { merge, modulePath, nameOfPath, ownIncludes, readManifest, type Manifest } from "./manifest.js";
import { CHOSEN, isPreloadable, PLATFORMS, plansOf, PRODUCTS, type Plan } from "./plan.js";

/** Gives a manifest by its path in the project. */
export type ReadManifest = (path: string) => Manifest;

/** Which manifest of Moddable's SDK brings a module; `undefined`: the base manifest does. */
const SDK = "$(MODDABLE)/";
const PROVIDERS: readonly (readonly [modules: RegExp, include: string])[] = [
  [/^embedded:io\/serial$/, `${SDK}modules/io/serial/manifest.json`],
  [/^embedded:io\/digital$/, `${SDK}modules/io/digital/manifest.json`],
  [/^embedded:storage\/flash$/, `${SDK}modules/io/flash/manifest.json`],
  [/^embedded:storage\/files$/, `${SDK}modules/io/files/manifest.json`],
  [/^flash$/, `${SDK}modules/files/flash/manifest.json`],
  [/^(ssl\/|crypt$|pkcs|curve$|ecdsa$|ecp$|rsa$|rng$)/, `${SDK}modules/crypt/tls_419.json`],
];

/** What every build starts from. */
const BASE = `${SDK}examples/manifest_base.json`;

/** Paths of a manifest, and whether each leads somewhere. */
function pathFaults(root: string, path: string, manifest: Manifest): string[] {
  const faults: string[] = [];
  const parts = [manifest, ...Object.values(manifest.platforms ?? {})];
  for (const part of parts) {
    for (const include of part.include ?? [])
      if (!include.startsWith("$(") && !existsSync(join(root, posix.join(posix.dirname(path), include))))
        faults.push(`${path}: includes ${include}, which does not exist`);
    for (const [name, source] of Object.entries(part.modules ?? {})) {
      const file = join(root, nameOfPath(path, source));
      const isThere = [".ts", ".js", ".c", ".d.ts"].some(extension => existsSync(file + extension));
      if (!isThere) faults.push(`${path}: ${name} is ${source}.ts, which does not exist`);
    }
  }
  return faults;
}

/** A manifest's lists against what they should be. */
function listFaults(plan: Plan, manifest: Manifest): string[] {
  const faults: string[] = [];
  const { path, renamed } = plan;
  for (const [platform, names] of plan.modules) {
    const part = platform === "" ? manifest : manifest.platforms?.[platform];
    const place = platform === "" ? path : `${path} (${platform})`;
    const listed = part?.modules ?? {};
    const preloaded = new Set(part?.preload ?? []);
    for (const name of names) {
      const source = listed[name];
      const wanted = modulePath(path, renamed?.[name] ?? name);
      if (source === undefined) faults.push(`${place}: ${name} is imported but not listed`);
      else if (source !== wanted)
        faults.push(`${place}: ${name} is ${source}: the name does not mirror the folder`);
      if (isPreloadable(name) && !preloaded.has(name)) faults.push(`${place}: ${name} is not preloaded`);
    }
    for (const name of Object.keys(listed))
      if (!names.includes(name) && /^(modules|drivers|hosts)\//.test(name) && platform === "")
        faults.push(`${place}: ${name} is listed but nothing needs it`);
    for (const name of preloaded) {
      if (listed[name] === undefined) faults.push(`${place}: ${name} is preloaded but not listed`);
      if (!isPreloadable(name))
        faults.push(`${place}: ${name} runs native code when it is loaded and cannot be preloaded`);
    }
  }
  return faults;
}

/** Every include of a build, of this project and of the SDK. */
function includesOf(read: ReadManifest, path: string, platform: string): ReadonlySet<string> {
  const found = new Set<string>();
  const take = (at: string): void => {
    if (found.has(at)) return;
    found.add(at);
    const manifest = read(at);
    const part = manifest.platforms?.[platform];
    for (const one of [...(manifest.include ?? []), ...(part?.include ?? [])])
      if (one.startsWith("$(")) found.add(one);
    ownIncludes(manifest, at, platform).forEach(take);
  };
  take(path);
  return found;
}

/** A whole build: application and product, on a platform. */
function buildFaults(
  root: string,
  read: ReadManifest,
  platform: string,
  main: string,
  product: string,
): string[] {
  const faults: string[] = [];
  const paths = ["hosts/firmware/application.json", `hosts/firmware/products/${product}.json`];
  const place = `${product} on ${platform}`;
  const merged = paths.map(path => merge(read, path, platform));
  const files = new Map<string, string>();
  for (const { modules } of merged)
    for (const [name, listed] of modules)
      for (const { file, manifest } of listed) {
        const other = files.get(name);
        if (other !== undefined && other !== file)
          faults.push(`${place}: ${name} is ${other} and, in ${manifest}, ${file}`);
        files.set(name, file);
      }
  const productFile = product === "everything" ? CHOSEN : `hosts/firmware/products/${product}`;
  const needed = graphOf(root, [main, productFile], product === "everything" ? [] : [CHOSEN]);
  for (const name of needed.modules)
    if (!files.has(name === productFile ? CHOSEN : name))
      faults.push(`${place}: ${name} is imported but not in the build`);
  if (merged[0]?.main !== main)
    faults.push(`${place}: creation.main is ${merged[0]?.main ?? "not set"}, not ${main}`);
  const includes = new Set(paths.flatMap(path => [...includesOf(read, path, platform)]));
  if (!includes.has(BASE)) faults.push(`${place}: ${BASE} is not included`);
  for (const specifier of needed.platform)
    for (const [modules, include] of PROVIDERS)
      if (modules.test(specifier) && !includes.has(include))
        faults.push(`${place}: ${specifier} is imported but ${include} is not included`);
  return faults;
}

/** The npm package: what travels, and that `mcpack` finds no application in it. */
function packageFaults(root: string, plans: readonly Plan[]): string[] {
  const faults: string[] = [];
  const { files = [] } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { files?: string[] };
  const travels = (path: string): boolean => files.some(one => path === one || path.startsWith(`${one}/`));
  for (const { path, modules } of plans) {
    if (!travels(path)) faults.push(`package.json: ${path} does not travel in the package`);
    for (const name of [...modules.values()].flat())
      if (!travels(`${name}.ts`)) faults.push(`package.json: ${name} does not travel in the package`);
  }
  // mcpack includes that file of a package before it looks at anything else.
  if (travels("manifest.json"))
    faults.push(
      "package.json: manifest.json, an application, would become part of every application that mcpack builds",
    );
  return faults;
}

/** What is wrong with the project's manifests, in sentences; empty when all is well. */
export function manifestFaults(
  root: string,
  read: ReadManifest = path => readManifest(root, path),
): readonly string[] {
  const faults: string[] = [];
  const plans = plansOf(root);
  const paths = [...plans.map(({ path }) => path), "manifest.json"];
  for (const path of paths) {
    if (!existsSync(join(root, path))) faults.push(`${path} does not exist`);
    else faults.push(...pathFaults(root, path, read(path)));
  }
  if (faults.length > 0) return faults;
  for (const plan of plans) faults.push(...listFaults(plan, read(plan.path)));
  for (const [platform, main] of Object.entries(PLATFORMS))
    for (const product of PRODUCTS) faults.push(...buildFaults(root, read, platform, main, product));
  faults.push(...packageFaults(root, plans));
  return faults;
}

/** Folders that a manifest's build needs and git does not see: its credentials. */
export function credentialFolders(manifest: Manifest, path: string): readonly string[] {
  return [
    ...new Set((manifest.data?.["*"] ?? []).map(file => dirname(posix.join(posix.dirname(path), file)))),
  ];
}
