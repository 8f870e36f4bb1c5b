import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript";
import { graphOf } from "./graph.js";
import { ownIncludes, readManifest, type Manifest } from "./manifest.js";

/** The module that a product's manifest puts its own in the place of. */
export const CHOSEN = "hosts/firmware/products/chosen";

export const PRODUCTS = [
  "everything",
  "bg95-module-tls",
  "bg95-host-tls",
  "bg95-module-mqtt",
  "bc66-module-tls",
  "bc66-host-tls",
  "bc66-module-mqtt",
] as const;

/** Platforms of the application, with their main modules. */
export const PLATFORMS = { esp32: "hosts/esp32/main", lin: "hosts/linux/main" } as const;
export type Platform = keyof typeof PLATFORMS;

/** Modules beside the main ones that run native code when they are loaded: the linker cannot do that. */
const NATIVE: readonly string[] = ["hosts/linux/entropy"];

/** Whether a module can be preloaded into flash. */
export function isPreloadable(name: string): boolean {
  return !NATIVE.includes(name) && !Object.values<string>(PLATFORMS).includes(name);
}

/** What a manifest lists, as it should be. */
export interface Plan {
  readonly path: string;
  /** Names by the platform that has them; the empty name: all of them. */
  readonly modules: ReadonlyMap<string, readonly string[]>;
  /** Modules that stand under another name than their own: a product's. */
  readonly renamed?: Readonly<Record<string, string>>;
}

const MQTT = ["modules/mqtt/connection", "modules/mqtt/reconnect"];

/** Sentences for people, which a product may leave out. */
const SENTENCES =
  /(^|\/)diagnosis(-[a-z]+)?$|^modules\/diagnosis\/(explain|kinds|table)$|^modules\/tls\/alerts$|^drivers\/quectel\/route-sentences$/;

function sourcesIn(root: string, folder: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith(".ts") && !entry.name.endsWith(".d.ts"))
    .map(entry => relative(root, join(entry.parentPath, entry.name)).replace(/\.ts$/, ""))
    .sort();
}

/** Whether anything of a module is left at run time; types alone are not. */
function isEmpty(root: string, name: string): boolean {
  const { outputText } = ts.transpileModule(readFileSync(join(root, `${name}.ts`), "utf8"), {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022, removeComments: true },
  });
  return outputText.replace(/export \{\};?/g, "").trim() === "";
}

/** Everything that the includes of a manifest list already. */
function included(plans: readonly Plan[], manifest: Manifest, path: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const one of ownIncludes(manifest, path)) {
    const plan = plans.find(made => made.path === one);
    for (const list of plan?.modules.values() ?? []) list.forEach(name => names.add(name));
  }
  return names;
}

/** A manifest of what `entries` need, for every platform alike. */
function library(root: string, plans: readonly Plan[], path: string, entries: readonly string[]): Plan {
  const already = included(plans, readManifest(root, path), path);
  const names = [...graphOf(root, entries).modules].filter(name => !already.has(name)).sort();
  return { path, modules: new Map([["", names]]) };
}

function product(root: string, name: string): Plan {
  // Everything is what stands there already.
  const file = name === "everything" ? CHOSEN : `hosts/firmware/products/${name}`;
  const needed = [...graphOf(root, [file]).modules].map(one => (one === file ? CHOSEN : one)).sort();
  return {
    path: `hosts/firmware/products/${name}.json`,
    modules: new Map([["", needed]]),
    renamed: { [CHOSEN]: file },
  };
}

/** The application without what a product brings, and what each platform adds to it. */
function application(root: string): Plan {
  const path = "hosts/firmware/application.json";
  const graphs = Object.entries(PLATFORMS).map(([platform, main]) => ({
    platform,
    names: graphOf(root, [main], [CHOSEN]).modules,
  }));
  const shared = (name: string): boolean => graphs.every(({ names }) => names.has(name));
  const [first] = graphs;
  return {
    path,
    modules: new Map([
      ["", [...(first?.names ?? [])].filter(shared).sort()],
      ...graphs.map(({ platform, names }): [string, string[]] => [
        platform,
        [...names].filter(name => !shared(name)).sort(),
      ]),
    ]),
  };
}

/** Every manifest of this project whose lists are made, those that others include first. */
export function plansOf(root: string): readonly Plan[] {
  const plans: Plan[] = [];
  const take = (path: string, entries: readonly string[]): void => {
    plans.push(library(root, plans, path, entries));
  };
  const modules = sourcesIn(root, "modules").filter(name => !isEmpty(root, name));
  take(
    "modules/manifest.json",
    modules.filter(name => !SENTENCES.test(name)),
  );
  take(
    "modules/diagnosis.json",
    modules.filter(name => SENTENCES.test(name)),
  );
  for (const driver of ["bg95", "bc66"]) {
    // An interface without a client would be of little use: MQTT goes with it.
    take(`drivers/${driver}/manifest.json`, [`drivers/${driver}/index`, ...MQTT]);
    const routes = ["module-tls", "host-tls", "module-mqtt"].map(route => `drivers/quectel/routes/${route}`);
    take(`drivers/${driver}/routes.json`, [...routes, `drivers/${driver}/mqtt`]);
    take(`drivers/${driver}/diagnosis.json`, [`drivers/${driver}/diagnosis`]);
  }
  const adapters = ["log", "signer", "stored-credentials", "system-clock", "tls-engine"];
  take(
    "hosts/moddable/manifest.json",
    adapters.map(name => `hosts/moddable/${name}`),
  );
  take("hosts/firmware/reports.json", ["hosts/firmware/reports"]);
  for (const name of PRODUCTS) plans.push(product(root, name));
  plans.push(application(root));
  return plans;
}

/** Every manifest that a build can begin with, or be made of. */
export const ENTRY_MANIFESTS = ["manifest.json"] as const;
