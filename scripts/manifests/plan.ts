import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix, relative } from "node:path";
import ts from "typescript";
import { PRODUCTS } from "../../hosts/workstation/build/options.js";
import { graphOf } from "./graph.js";
import { ownIncludes, readManifest } from "./manifest.js";

export { PRODUCTS };

/** The application without what a product brings. */
export const APPLICATION = "hosts/firmware/manifest.json";

/** `device.network` for applications of others. */
export const NETWORK = "hosts/moddable/manifest_network.json";

/** The module that a product's manifest puts its own in the place of. */
export const CHOSEN = "hosts/firmware/products/chosen";

/** Likewise, for what the SDK does for the product. */
const SERVICES = "hosts/moddable/services/chosen";

/** What a product wants of the SDK: all that it has, its TLS, or nothing. */
function servicesOf(product: string): string {
  if (product === "everything") return SERVICES;
  return `hosts/moddable/services/${product.endsWith("host-tls") ? "tls" : "none"}`;
}

export function productManifest(name: string): string {
  return `hosts/firmware/products/manifest_${name}.json`;
}

/** Platforms of the application, with their main modules. */
export const PLATFORMS = { esp32: "hosts/esp32/main", lin: "hosts/linux/main" } as const;
export type Platform = keyof typeof PLATFORMS;

/** Modules beside the main ones that run native code when they are loaded: the linker cannot do that. */
const NATIVE: readonly string[] = ["hosts/linux/entropy", "hosts/linux/network", "setup/network"];

/** Whether a module can be preloaded into flash. */
export function isPreloadable(name: string): boolean {
  return !NATIVE.includes(name) && !Object.values<string>(PLATFORMS).includes(name);
}

/** What a manifest lists, as it should be. */
export interface Plan {
  readonly path: string;
  /** Names by the platform that has them; the empty name: all of them. */
  readonly modules: ReadonlyMap<string, readonly string[]>;
  /** Modules that stand under another name than their own: a product's; `lin:NAME` for one platform. */
  readonly renamed?: Readonly<Record<string, string>>;
  /** Manifests of native classes that it needs, by platform. */
  readonly natives?: ReadonlyMap<string, readonly string[]>;
}

/** The file that a plan lists under a name. */
export function fileOf({ renamed }: Plan, platform: string, name: string): string {
  return renamed?.[`${platform}:${name}`] ?? renamed?.[name] ?? name;
}

/** A folder with a class in C, whose manifest, written by hand, says what that needs of a platform. */
export interface NativePart {
  readonly path: string;
  readonly modules: readonly string[];
}

/** As the application's manifest names it. */
export const NATIVE_FOLDER = "../esp32/";

/** Folders beside an ESP32's modules that have a manifest of their own. */
export function nativeParts(root: string): readonly NativePart[] {
  const folder = "hosts/esp32";
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter(entry => entry.isDirectory() && existsSync(join(root, folder, entry.name, "manifest.json")))
    .map(({ name }) => ({
      path: `${folder}/${name}/manifest.json`,
      modules: readdirSync(join(root, folder, name))
        .filter(file => file.endsWith(".js"))
        .map(file => posix.join(folder, name, file.slice(0, -3)))
        .sort(),
    }))
    .sort((a, b) => a.path.localeCompare(b.path));
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

/** Everything that a manifest's includes list already, and theirs. */
function included(root: string, plans: readonly Plan[], path: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const one of ownIncludes(readManifest(root, path), path)) {
    const plan = plans.find(made => made.path === one);
    for (const list of plan?.modules.values() ?? []) list.forEach(name => names.add(name));
    if (plan !== undefined) included(root, plans, one).forEach(name => names.add(name));
  }
  return names;
}

/** A manifest of what `entries` need, for every platform alike. */
function library(root: string, plans: readonly Plan[], path: string, names: Iterable<string>): Plan {
  const already = included(root, plans, path);
  const own = [...names].filter(name => !already.has(name)).sort();
  return { path, modules: new Map([["", own]]) };
}

function product(root: string, name: string): Plan {
  // Everything is what stands there already.
  const file = name === "everything" ? CHOSEN : `hosts/firmware/products/${name}`;
  const renamed = { [CHOSEN]: file, [SERVICES]: servicesOf(name) };
  const names = new Map(Object.entries(renamed).map(([place, taken]) => [taken, place]));
  const needed = [...graphOf(root, [...names.keys()]).modules].map(one => names.get(one) ?? one).sort();
  return { path: productManifest(name), modules: new Map([["", needed]]), renamed };
}

/** The application without what a product brings, and what each platform adds to it. */
function application(root: string): Plan {
  return onPlatforms(root, APPLICATION, main => graphOf(root, [main], [CHOSEN, SERVICES]).modules);
}

/** `device.network` for applications that are not ours: the same by other main modules, which the SDK starts first. */
function network(root: string): Plan {
  const services = servicesOf("host-tls");
  const setup = Object.entries(PLATFORMS).map(([platform, main]): [string, string] => [
    `${platform}:setup/network`,
    main.replace(/main$/, "setup-network"),
  ]);
  const plan = onPlatforms(root, NETWORK, main => {
    const names = graphOf(root, [main.replace(/main$/, "network"), services], [SERVICES]).modules;
    // Only where a host asks for what the product chooses.
    const asks = graphOf(root, [main.replace(/main$/, "network")]).modules.has(SERVICES);
    const own = [...names].filter(name => asks || name !== services);
    return new Set(["setup/network", ...own.map(name => (name === services ? SERVICES : name))]);
  });
  return { ...plan, renamed: { ...Object.fromEntries(setup), [SERVICES]: services } };
}

/** What every platform needs by `namesOf` its main module, and what each adds to that. */
function onPlatforms(root: string, path: string, namesOf: (main: string) => ReadonlySet<string>): Plan {
  const parts = nativeParts(root);
  const isNative = (name: string): boolean => parts.some(({ modules }) => modules.includes(name));
  const graphs = Object.entries(PLATFORMS).map(([platform, main]) => ({ platform, names: namesOf(main) }));
  const shared = (name: string): boolean =>
    name !== "setup/network" && graphs.every(({ names }) => names.has(name));
  const [first] = graphs;
  return {
    path,
    modules: new Map([
      ["", [...(first?.names ?? [])].filter(shared).sort()],
      ...graphs.map(({ platform, names }): [string, string[]] => [
        platform,
        [...names].filter(name => !shared(name) && !isNative(name)).sort(),
      ]),
    ]),
    natives: new Map(
      graphs.map(({ platform, names }) => [
        platform,
        parts.filter(({ modules }) => modules.some(name => names.has(name))).map(({ path }) => path),
      ]),
    ),
  };
}

const DRIVERS = ["bg95", "bc66"] as const;

/**
 * Three manifests over two drivers: what both need of `entries` is listed in `drivers/quectel`, which each
 * driver's own includes.
 */
function drivers(
  root: string,
  plans: Plan[],
  file: string,
  entries: (driver: string) => readonly string[],
): void {
  const [first, second] = DRIVERS.map(driver => graphOf(root, entries(driver)).modules);
  const both = [...(first ?? [])].filter(name => second?.has(name) ?? false);
  plans.push(library(root, plans, `drivers/quectel/${file}`, both));
  for (const driver of DRIVERS)
    plans.push(library(root, plans, `drivers/${driver}/${file}`, graphOf(root, entries(driver)).modules));
}

/** Every manifest of this project whose lists are made, those that others include first. */
export function plansOf(root: string): readonly Plan[] {
  const plans: Plan[] = [];
  const take = (path: string, entries: readonly string[]): void => {
    plans.push(library(root, plans, path, graphOf(root, entries).modules));
  };
  const modules = sourcesIn(root, "modules").filter(name => !isEmpty(root, name));
  take(
    "modules/manifest.json",
    modules.filter(name => !SENTENCES.test(name)),
  );
  take(
    "modules/manifest_diagnosis.json",
    modules.filter(name => SENTENCES.test(name)),
  );
  // An interface without a client would be of little use: MQTT goes with it.
  drivers(root, plans, "manifest.json", driver => [`drivers/${driver}/index`, ...MQTT]);
  const routes = ["module-tls", "host-tls", "module-mqtt"].map(route => `drivers/quectel/routes/${route}`);
  drivers(root, plans, "manifest_routes.json", driver => [...routes, `drivers/${driver}/mqtt`]);
  drivers(root, plans, "manifest_diagnosis.json", driver => [`drivers/${driver}/diagnosis`]);
  const adapters = ["log", "signer", "stored-credentials", "system-clock", "tls-engine"];
  take(
    "hosts/moddable/manifest.json",
    adapters.map(name => `hosts/moddable/${name}`),
  );
  take("hosts/firmware/manifest_reports.json", ["hosts/firmware/reports"]);
  for (const name of PRODUCTS) plans.push(product(root, name));
  plans.push(application(root), network(root));
  return plans;
}
