import { readFileSync } from "node:fs";
import { join, posix } from "node:path";

/** A part of a manifest that one platform alone has. */
export interface ManifestPart {
  readonly include?: readonly string[];
  readonly creation?: { readonly main?: string; readonly stack?: number };
  readonly config?: Readonly<Record<string, unknown>>;
  readonly modules?: Readonly<Record<string, string>>;
  readonly preload?: readonly string[];
  readonly data?: Readonly<Record<string, readonly string[]>>;
}

/** What of a manifest this project fills. */
export interface Manifest extends ManifestPart {
  readonly platforms?: Readonly<Record<string, ManifestPart>>;
  readonly typescript?: {
    readonly tsconfig: { readonly compilerOptions: Readonly<Record<string, unknown>> };
  };
}

export function readManifest(root: string, path: string): Manifest {
  return JSON.parse(readFileSync(join(root, path), "utf8")) as Manifest;
}

/** How a manifest names a module's file: relative to its own folder. */
export function modulePath(manifest: string, name: string): string {
  const path = posix.relative(posix.dirname(manifest), name);
  return path.startsWith(".") ? path : `./${path}`;
}

/** The name that a manifest's path stands for. */
export function nameOfPath(manifest: string, path: string): string {
  return posix.join(posix.dirname(manifest), path);
}

/** Manifests of this project that one includes, for all platforms or for one. */
export function ownIncludes(manifest: Manifest, path: string, platform?: string): readonly string[] {
  const part = platform === undefined ? undefined : manifest.platforms?.[platform];
  return [...(manifest.include ?? []), ...(part?.include ?? [])]
    .filter(one => !one.startsWith("$("))
    .map(one => posix.join(posix.dirname(path), one));
}

/** A module in a build: which file it is, and which manifest says so. */
export interface Listed {
  /** The file's name in the project, without extension. */
  readonly file: string;
  readonly manifest: string;
}

export interface Merged {
  readonly modules: ReadonlyMap<string, readonly Listed[]>;
  readonly preload: ReadonlySet<string>;
  readonly main: string | undefined;
}

/** A manifest with all that it includes, as `mcconfig` puts them together for a platform. */
export function merge(read: (path: string) => Manifest, path: string, platform: string): Merged {
  const modules = new Map<string, Listed[]>();
  const preload = new Set<string>();
  const seen = new Set<string>();
  let main: string | undefined;
  const take = (at: string): void => {
    if (seen.has(at)) return;
    seen.add(at);
    const manifest = read(at);
    ownIncludes(manifest, at, platform).forEach(take);
    for (const part of [manifest, manifest.platforms?.[platform]]) {
      for (const [name, source] of Object.entries(part?.modules ?? {}))
        modules.set(name, [...(modules.get(name) ?? []), { file: nameOfPath(at, source), manifest: at }]);
      for (const name of part?.preload ?? []) preload.add(name);
      main = part?.creation?.main ?? main;
    }
  };
  take(path);
  return { modules, preload, main };
}
