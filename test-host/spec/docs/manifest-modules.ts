import { existsSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import ts from "typescript";

/** Specifiers that a module imports or re-exports at run time: `import type` leaves nothing behind. */
export function runtimeImports(path: string): readonly string[] {
  const file = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.ES2022);
  const found: string[] = [];
  for (const statement of file.statements) {
    const isImport = ts.isImportDeclaration(statement);
    if (!isImport && !ts.isExportDeclaration(statement)) continue;
    const { moduleSpecifier } = statement;
    if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) continue;
    const isType = isImport
      ? statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
      : statement.isTypeOnly;
    if (!isType) found.push(moduleSpecifier.text);
  }
  return found;
}

/**
 * Every module of this project that runs when `entry` is started, `entry` included, by the name
 * that mirrors its folder: `drivers/bg95/profile`.
 */
export function modulesOf(root: string, entry: string): ReadonlySet<string> {
  const found = new Set<string>();
  const take = (name: string): void => {
    if (found.has(name)) return;
    const path = join(root, `${name}.ts`);
    if (!existsSync(path)) throw new Error(`${name}.ts is imported but not there`);
    found.add(name);
    for (const specifier of runtimeImports(path)) {
      // Other specifiers are the platform's own modules.
      if (specifier.startsWith(".")) take(posix.join(posix.dirname(name), specifier.replace(/\.js$/, "")));
    }
  };
  take(entry);
  return found;
}

/** The manifests of this project, by their paths in it: the ESP32's and that of Linux. */
export const MANIFESTS = ["manifest.json", "hosts/linux/manifest.json"] as const;

/** Modules beside the main ones that run native code when they are loaded: the linker cannot do that. */
const NATIVE: readonly string[] = ["hosts/linux/entropy"];

export function isPreloadable(name: string, entry: string): boolean {
  return name !== entry && !NATIVE.includes(name);
}

/** How a manifest names a module's file: relative to its own folder. */
export function modulePath(manifest: string, name: string): string {
  const path = posix.relative(posix.dirname(manifest), name);
  return path.startsWith(".") ? path : `./${path}`;
}

/** What of a manifest this project fills. */
export interface Manifest {
  readonly include: readonly string[];
  readonly creation: { readonly main: string; readonly stack?: number };
  readonly config: Readonly<Record<string, unknown>>;
  readonly modules: Readonly<Record<string, string>>;
  readonly preload: readonly string[];
  readonly data: Readonly<Record<string, readonly string[]>>;
  readonly typescript: { readonly tsconfig: { readonly compilerOptions: Readonly<Record<string, unknown>> } };
}

export function readManifest(root: string, path: string = MANIFESTS[0]): Manifest {
  return JSON.parse(readFileSync(join(root, path), "utf8")) as Manifest;
}

/** What is wrong with a manifest's lists, in sentences; empty when all is well. */
export function faultsOf(
  root: string,
  manifest: Manifest,
  entry: string,
  manifestPath: string = MANIFESTS[0],
): readonly string[] {
  const faults: string[] = [];
  const wanted = modulesOf(root, entry);
  const listed = new Set(Object.keys(manifest.modules));
  const preloaded = new Set(manifest.preload);
  for (const [name, path] of Object.entries(manifest.modules)) {
    const file = join(root, dirname(manifestPath), path);
    if (path.includes("/typings/")) {
      // Typings of a module of the SDK, under the SDK's name.
      if (!existsSync(`${file}.d.ts`)) faults.push(`${path}.d.ts does not exist`);
      continue;
    }
    if (path !== modulePath(manifestPath, name))
      faults.push(`${name} is ${path}: the name does not mirror the folder`);
    if (!existsSync(`${file}.ts`)) faults.push(`${path}.ts does not exist`);
    if (!wanted.has(name)) faults.push(`${name} is listed but nothing imports it`);
  }
  for (const name of wanted) {
    if (!listed.has(name)) faults.push(`${name} is imported but not listed`);
    if (isPreloadable(name, entry) && !preloaded.has(name)) faults.push(`${name} is not preloaded`);
  }
  for (const name of preloaded) {
    if (!listed.has(name)) faults.push(`${name} is preloaded but not listed`);
    if (!isPreloadable(name, entry))
      faults.push(`${name} uses native code when it is loaded and cannot be preloaded`);
  }
  if (manifest.creation.main !== entry) faults.push(`creation.main is ${manifest.creation.main}`);
  return faults;
}
