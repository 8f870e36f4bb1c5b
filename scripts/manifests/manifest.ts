import { readFileSync } from "node:fs";
import { join, posix } from "node:path";

/** One path or several; `$(MODDABLE)/...` is a place in the SDK. */
export type Paths = string | readonly string[];

/** A part of a manifest that one platform alone has. */
export interface ManifestPart {
  readonly build?: Readonly<Record<string, string>>;
  readonly include?: readonly string[];
  readonly creation?: { readonly main?: string; readonly stack?: number };
  readonly config?: Readonly<Record<string, unknown>>;
  /** Files by name; under `~` those that an included manifest brought and that are left out. */
  readonly modules?: Readonly<Record<string, Paths>>;
  readonly preload?: readonly string[];
  readonly data?: Readonly<Record<string, readonly string[]>>;
  readonly error?: string;
}

/** What of a manifest this project fills. */
export interface Manifest extends ManifestPart {
  readonly platforms?: Readonly<Record<string, ManifestPart>>;
  readonly typescript?: {
    readonly tsconfig: { readonly compilerOptions: Readonly<Record<string, unknown>> };
  };
}

/** Gives a manifest by its path in the project. Throws when there is none, or it is no JSON. */
export type ReadManifest = (path: string) => Manifest;

export function readManifest(root: string, path: string): Manifest {
  return JSON.parse(readFileSync(join(root, path), "utf8")) as Manifest;
}

export function listOf(paths: Paths | undefined): readonly string[] {
  return paths === undefined ? [] : typeof paths === "string" ? [paths] : paths;
}

/** Whether a path leads out of the project: into the SDK. */
export function isForeign(path: string): boolean {
  return path.startsWith("$(");
}

/** How a manifest names a file of the project: relative to its own folder. */
export function modulePath(manifest: string, name: string): string {
  const path = posix.relative(posix.dirname(manifest), name);
  return path.startsWith(".") ? path : `./${path}`;
}

/** The place in the project that a manifest's path stands for; the SDK's stay as they are. */
export function nameOfPath(manifest: string, path: string): string {
  return isForeign(path) ? path : posix.join(posix.dirname(manifest), path);
}

/** The parts of a manifest that count on a platform. */
export function partsOn(manifest: Manifest, platform: string): readonly ManifestPart[] {
  const platforms = manifest.platforms ?? {};
  const part = platforms[platform] ?? platforms["..."];
  return part === undefined ? [manifest] : [manifest, part];
}

/** Manifests of this project that one includes, for all platforms or for one. */
export function ownIncludes(manifest: Manifest, path: string, platform?: string): readonly string[] {
  const parts = platform === undefined ? [manifest] : partsOn(manifest, platform);
  return parts
    .flatMap(({ include = [] }) => include)
    .filter(one => !isForeign(one))
    .map(one => nameOfPath(path, one));
}

/** A module in a build: which file it is, and which manifest says so. */
export interface Listed {
  /** The file's name in the project, without extension. */
  readonly file: string;
  readonly manifest: string;
}

export interface Merged {
  /** By name; several where manifests disagree, or say the same twice. */
  readonly modules: ReadonlyMap<string, readonly Listed[]>;
  readonly preload: ReadonlySet<string>;
  readonly main: string | undefined;
  /** Manifests of the SDK, as they are included. */
  readonly foreign: ReadonlySet<string>;
  /** What the manifests say against the platform. */
  readonly errors: readonly string[];
  readonly compilerOptions: Readonly<Record<string, unknown>>;
}

/** A manifest with all that it includes, as `mcconfig` puts them together for a platform: includes first. */
export function merge(read: ReadManifest, path: string, platform: string): Merged {
  const modules = new Map<string, Listed[]>();
  const preload = new Set<string>();
  const foreign = new Set<string>();
  const left = new Set<string>();
  const seen = new Set<string>();
  const errors: string[] = [];
  const compilerOptions: Record<string, unknown> = {};
  let main: string | undefined;
  const take = (at: string): void => {
    if (seen.has(at)) return;
    seen.add(at);
    const manifest = read(at);
    ownIncludes(manifest, at, platform).forEach(take);
    Object.assign(compilerOptions, manifest.typescript?.tsconfig.compilerOptions);
    for (const part of partsOn(manifest, platform)) {
      for (const [name, paths] of Object.entries(part.modules ?? {}))
        for (const source of listOf(paths)) {
          const file = nameOfPath(at, source);
          if (name === "~") left.add(file);
          else if (!name.endsWith("*"))
            modules.set(name, [...(modules.get(name) ?? []), { file, manifest: at }]);
        }
      for (const one of part.include ?? []) if (isForeign(one)) foreign.add(one);
      for (const name of part.preload ?? []) preload.add(name);
      if (part.error !== undefined) errors.push(part.error);
      main = part.creation?.main ?? main;
    }
  };
  take(path);
  for (const [name, listed] of modules)
    modules.set(
      name,
      listed.filter(({ file }) => !left.has(file)),
    );
  return { modules, preload, main, foreign, errors, compilerOptions };
}
