import { importedName, moduleFile, runtimeImports } from "./graph.js";
import { isForeign, merge, type Merged, type ReadManifest } from "./manifest.js";
import { isPreloadable, PLATFORMS, type Platform } from "./plan.js";

/** Where in the SDK the manifests stand. */
const SDK = "$(MODDABLE)/";

/** What every build starts from, and what that brings. */
const BASE = `${SDK}examples/manifest_base.json`;
const BASE_MODULES = /^(timer|time|Resource|mc\/config|instrumentation)$/;

/** Which manifest of the SDK brings a module; any of several will do. */
const PROVIDERS: readonly (readonly [modules: RegExp, ...includes: string[]])[] = [
  [BASE_MODULES, BASE],
  [/^crypt$/, `${SDK}modules/crypt/digest/manifest.json`, `${SDK}modules/crypt/tls_419.json`],
  [/^embedded:io\/serial$/, `${SDK}modules/io/serial/manifest.json`],
  [/^embedded:io\/digital$/, `${SDK}modules/io/digital/manifest.json`],
  [/^embedded:io\/analog$/, `${SDK}modules/io/analog/manifest.json`],
  [/^embedded:storage\/flash$/, `${SDK}modules/io/flash/manifest.json`],
  [/^embedded:storage\/files$/, `${SDK}modules/io/files/manifest.json`],
  [/^modules$/, `${SDK}modules/base/modules/manifest.json`],
  [/^flash$/, `${SDK}modules/files/flash/manifest.json`],
  [/^(ssl\/.+|pkcs\w+|curve|ecdsa|ecp|rsa|rng)$/, `${SDK}modules/crypt/tls_419.json`],
];

/** A manifest with all that it includes, on a platform, and how it is called in sentences. */
export interface Build {
  readonly path: string;
  readonly place: string;
  readonly platform: Platform;
}

/** Names that mean one thing here and another there: `mcconfig` takes the first, without a word. */
function clashes(place: string, { modules }: Merged): string[] {
  const faults: string[] = [];
  for (const [name, [first, ...others]] of modules) {
    const other = others.find(({ file }) => file !== first?.file);
    if (first !== undefined && other !== undefined)
      faults.push(
        `${place}: ${name} is ${first.file} in ${first.manifest} and ${other.file} in ${other.manifest}`,
      );
  }
  return faults;
}

/** Imports that lead nowhere: XS looks for names, and finds out at run time. */
function importFaults(root: string, place: string, { modules, foreign }: Merged): string[] {
  const faults = new Set<string>();
  const missing = new Set<string>();
  for (const [name, [listed]] of modules) {
    const file = listed === undefined || isForeign(listed.file) ? undefined : moduleFile(root, listed.file);
    if (file === undefined) continue;
    for (const specifier of runtimeImports(file)) {
      const imported = importedName(name, specifier);
      if (modules.has(imported)) continue;
      const [, ...includes] = PROVIDERS.find(([known]) => known.test(imported)) ?? [BASE_MODULES];
      const [include] = includes;
      if (include === undefined)
        faults.add(`${place}: ${name} imports ${imported}, which nothing lists or includes`);
      else if (!includes.some(one => foreign.has(one)) && !missing.has(include)) {
        // One sentence for each, however many modules would miss it.
        missing.add(include);
        faults.add(`${place}: ${name} imports ${imported}, but ${include} is not included`);
      }
    }
  }
  return [...faults];
}

function preloadFaults(place: string, { modules, preload, foreign }: Merged): string[] {
  const faults: string[] = [];
  for (const [name, listed] of modules)
    if (listed.some(({ file }) => !isForeign(file)) && isPreloadable(name) && !preload.has(name))
      faults.push(`${place}: ${name} is not preloaded`);
  for (const name of preload) {
    if (!modules.has(name) && foreign.size === 0)
      faults.push(`${place}: ${name} is preloaded but not listed`);
    if (!isPreloadable(name))
      faults.push(`${place}: ${name} runs native code when it is loaded and cannot be preloaded`);
  }
  return faults;
}

/** What is wrong when a manifest is built, or included by somebody: in the lists of all of it together. */
export function libraryFaults(root: string, read: ReadManifest, { path, place, platform }: Build): string[] {
  const merged = merge(read, path, platform);
  return [
    ...merged.errors.map(error => `${place}: ${error}`),
    ...clashes(place, merged),
    ...importFaults(root, place, merged),
    ...preloadFaults(place, merged),
  ];
}

/** Names that run in a build, from its main module on. */
function reached(root: string, { modules }: Merged, main: string): ReadonlySet<string> {
  const names = new Set<string>();
  const take = (name: string): void => {
    const [listed] = modules.get(name) ?? [];
    const file = listed === undefined ? undefined : moduleFile(root, listed.file);
    if (file === undefined || names.has(name)) return;
    names.add(name);
    for (const specifier of runtimeImports(file)) take(importedName(name, specifier));
  };
  take(main);
  return names;
}

/** The same for an application, which also has a main module. `exact`: nothing may be there in vain. */
export function applicationFaults(root: string, read: ReadManifest, build: Build, exact: boolean): string[] {
  const { path, place, platform } = build;
  const merged = merge(read, path, platform);
  const main = PLATFORMS[platform];
  const faults = libraryFaults(root, read, build);
  if (merged.main !== main)
    faults.push(`${place}: creation.main is ${merged.main ?? "not set"}, not ${main}`);
  if (!merged.foreign.has(BASE)) faults.push(`${place}: ${BASE} is not included`);
  const needed = reached(root, merged, main);
  if (exact)
    for (const name of merged.modules.keys())
      if (!needed.has(name)) faults.push(`${place}: ${name} is in the build but nothing imports it`);
  return faults;
}
