import { existsSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, resolve } from "node:path";
import { InputError } from "../../../certs/input-error.js";
import { boards } from "../../esp32/boards/index.js";
import { packageRoot } from "../version.js";
import type { BuildOptions, BuildTarget } from "./options.js";

type Json = Readonly<Record<string, unknown>>;

/** A manifest that is made for one build, and what should be known of it. */
export interface BuildManifest {
  readonly manifest: Json;
  /** What the firmware will find as `mc/config`. */
  readonly config: Json;
  readonly notes: readonly string[];
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function objectIn(from: Json, name: string): Json {
  const value = from[name];
  return isObject(value) ? value : {};
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : [];
}

function readJson(file: string): Json {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    const isSyntax = error instanceof SyntaxError;
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    throw new InputError({
      what: `${file} ${isSyntax ? `is no JSON (${error.message})` : `cannot be read (${code})`}`,
      why: "The manifest holds the configuration: module, access point, broker, pins.",
      fix: "Name the application's manifest with --manifest; docs/manifests.md shows one.",
      file,
    });
  }
  if (isObject(parsed)) return parsed;
  throw new InputError({
    what: `${file} holds no object`,
    why: "A manifest is a JSON object.",
    fix: "docs/manifests.md shows one.",
    file,
  });
}

const PRODUCT_PATH = /(^|\/)hosts\/firmware\/products\/[\w-]+\.json$/;

/** Members that are text whatever stands in them: a PIN of digits, a number as identifier. */
const TEXTS =
  /^(apn\w*|pin|timeServer|clientId|user|password|topic|subscribe|message|version|device|broker\.host|jwt\.audience)$/;

/** Numbers and truth values as the firmware wants them; everything else is text. */
function valueOf(member: string, text: string): unknown {
  if (TEXTS.test(member)) return text;
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  return text === "true" ? true : text === "false" ? false : text;
}

/** A configuration in which `broker.host=x` and the like have taken the places of what was there. */
function withSettings(config: Json, settings: readonly string[]): Json {
  let changed = config;
  for (const setting of settings) {
    const at = setting.indexOf("=");
    const put = (into: Json, [name = "", ...rest]: readonly string[]): Json => ({
      ...into,
      [name]:
        rest.length === 0
          ? valueOf(setting.slice(0, at), setting.slice(at + 1))
          : put(objectIn(into, name), rest),
    });
    changed = put(changed, setting.slice(0, at).split("."));
  }
  return changed;
}

/** Absolute, so that the manifest can stand anywhere; variables of the build are left alone. */
function absolute(folder: string, path: string): string {
  return path.startsWith("$(") || isAbsolute(path) ? path : resolve(folder, path);
}

/** Modules of a manifest or of a platform's part of it, at absolute paths. */
function modulesOf(part: Json, folder: string): Json {
  return Object.fromEntries(
    Object.entries(objectIn(part, "modules")).map(([name, paths]) => [
      name,
      Array.isArray(paths)
        ? textsIn(paths).map(path => absolute(folder, path))
        : typeof paths === "string"
          ? absolute(folder, paths)
          : paths,
    ]),
  );
}

/** What a build without credentials means. */
const WITHOUT: Readonly<Record<BuildTarget, string>> = {
  esp32:
    "the device needs them in its flash (docs/credentials.md), where the product everything takes them over the console (docs/provisioning.md)",
  lin: "a broker that wants a certificate will refuse it, and none is trusted that has to be verified",
};

/** Credentials that a build should carry and that are not there. */
function withoutMissingData(manifest: Json, folder: string, target: BuildTarget, notes: string[]): Json {
  const data = objectIn(manifest, "data");
  const kept: Record<string, readonly string[]> = {};
  for (const [name, value] of Object.entries(data)) {
    const files = textsIn(value);
    const there = files.filter(file => existsSync(`${absolute(folder, file)}.der`));
    const missing = files.filter(file => !there.includes(file));
    if (missing.length > 0)
      notes.push(
        `without credentials: ${missing.map(file => `${file}.der`).join(", ")} ${missing.length === 1 ? "is" : "are"} not there; ${WITHOUT[target]}`,
      );
    if (there.length > 0) kept[name] = there.map(file => absolute(folder, file));
  }
  return kept;
}

/** The configuration as the firmware will find it, the manifests of the application underneath. */
export function configOf(manifest: Json, target: BuildTarget): Json {
  const base = readJson(resolve(packageRoot(), "hosts/firmware/manifest.json"));
  const parts = [base, manifest].flatMap(one => [one, objectIn(objectIn(one, "platforms"), target)]);
  return Object.assign({}, ...parts.map(part => objectIn(part, "config"))) as Json;
}

/** A configuration without what says how a board is wired: another board takes its place. */
function withoutBoard(config: Json): Json {
  const left = ["board", "chip", "wiring"];
  return Object.fromEntries(Object.entries(config).filter(([name]) => !left.includes(name)));
}

/** What a board says of itself, as settings: its module too. One that is not known is refused with the rest. */
function boardSettings(name: string): readonly string[] {
  const board = boards.find(one => one.name === name);
  return [...(board === undefined ? [] : [`module=${board.module}`]), `board=${name}`];
}

/** The manifest of the last build in a folder. */
export function lastManifest(folder: string): Json {
  return readJson(resolve(folder, "manifest.json"));
}

/** A product of one module and one route does nothing with a configuration for another. */
function refuseOtherProduct(include: readonly string[], config: Json, file: string): void {
  for (const one of include) {
    const [, module = "", route = ""] = /\/products\/manifest_(bg95|bc66)-([\w-]+)\.json$/.exec(one) ?? [];
    const asked = config["route"];
    const wanted = typeof asked === "string" ? asked : "auto";
    if (module !== "" && config["credentials"] === "module")
      throw new InputError({
        what: `${file}: config has credentials=module, and the product ${module}-${route} takes none from there`,
        why: "The device would look into its own store, which holds nothing.",
        fix: "Take the product everything, or one of your own whose profile has ModuleFile.",
        file,
      });
    const isFit = module === "" || (config["module"] === module && (wanted === "auto" || wanted === route));
    if (isFit) continue;
    throw new InputError({
      what: `${file}: the product ${module}-${route} does not contain what config asks for (module ${String(config["module"])}, route ${wanted})`,
      why: "The device would report that it has no such driver or route, and do nothing else.",
      fix: `Give module=${module} and route=auto, or another --product.`,
      file,
    });
  }
}

/**
 * The manifest of a build: the application's own, with the product that was asked for, absolute paths, and
 * without data that is not there.
 * @throws InputError when it cannot be read.
 */
export function buildManifest(options: BuildOptions): BuildManifest {
  const file = resolve(options.manifest);
  const folder = dirname(file);
  const own = readJson(file);
  const notes: string[] = [];
  const includes = textsIn(own["include"]);
  const chosen = options.product;
  const kept = chosen === undefined ? includes : includes.filter(one => !PRODUCT_PATH.test(one));
  const include = kept.map(one => absolute(folder, one));
  if (chosen !== undefined)
    include.push(resolve(packageRoot(), `hosts/firmware/products/manifest_${chosen}.json`));
  const modules = modulesOf(own, folder);
  const { board, target } = options;
  const platforms = objectIn(own, "platforms");
  const part = objectIn(platforms, target);
  const given = [own, part].map(one => objectIn(one, "config"));
  const [config = {}, partConfig = {}] = board === undefined ? given : given.map(withoutBoard);
  const settings = [...(board === undefined ? [] : boardSettings(board)), ...options.settings];
  const manifest = {
    ...own,
    include,
    modules,
    config,
    // In the platform's part, which counts more than what is for all.
    platforms: { [target]: { ...part, config: withSettings({ ...config, ...partConfig }, settings) } },
    data: withoutMissingData(own, folder, target, notes),
  };
  const merged = configOf(manifest, target);
  const isShipped = include.some(one => PRODUCT_PATH.test(one));
  if (merged["sleep"] !== undefined && isShipped)
    throw new InputError({
      what: `${options.manifest}: config has sleep, and the product has no reports`,
      why: "Sleep between reports is the class Reports; a device without it would stay awake until its battery is empty.",
      fix: "Put a product of your own with Reports in the place of hosts/firmware/products/chosen, as examples/sensor does, or leave sleep out.",
      file: options.manifest,
    });
  refuseOtherProduct(include, merged, options.manifest);
  return { manifest, config: merged, notes };
}
