import { existsSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import ts from "typescript";

/** Endings of a file that is a module of its own; classes in native code are JavaScript. */
const MODULE_ENDINGS = [".ts", ".js"] as const;

/** The file of a module by its name without ending. */
export function moduleFile(root: string, name: string): string | undefined {
  return MODULE_ENDINGS.map(ending => join(root, name + ending)).find(file => existsSync(file));
}

interface Parsed {
  readonly mtimeMs: number;
  readonly imports: readonly string[];
}

/** Each build of a check looks at the same files. */
const parsed = new Map<string, Parsed>();

/** Specifiers that a module imports or re-exports at run time: `import type` leaves nothing behind. */
export function runtimeImports(path: string): readonly string[] {
  const { mtimeMs } = statSync(path);
  const known = parsed.get(path);
  if (known?.mtimeMs === mtimeMs) return known.imports;
  const imports = parseImports(path);
  parsed.set(path, { mtimeMs, imports });
  return imports;
}

function parseImports(path: string): readonly string[] {
  const file = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.ES2022);
  const found: string[] = [];
  for (const statement of file.statements) {
    const isImport = ts.isImportDeclaration(statement);
    if (!isImport && !ts.isExportDeclaration(statement)) continue;
    const { moduleSpecifier } = statement;
    if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) continue;
    if (isErased(statement)) continue;
    found.push(moduleSpecifier.text);
  }
  return found;
}

/** Whether nothing of a statement is left at run time. */
function isErased(statement: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isImportDeclaration(statement))
    return statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
  return statement.isTypeOnly;
}

/** The name that an import means in XS: relative to the importing module's name, without `.js`; others as they are. */
export function importedName(importer: string, specifier: string): string {
  return specifier.startsWith(".")
    ? posix.join(posix.dirname(importer), specifier.replace(/\.m?js$/, ""))
    : specifier;
}

export interface Graph {
  /** Modules that run, by the name that mirrors their folder: `drivers/bg95/profile`. */
  readonly modules: ReadonlySet<string>;
  /** Modules of the platform that they import: `timer`. */
  readonly platform: ReadonlySet<string>;
}

/**
 * Every module of this project that runs when `entries` are started, entries included. `stopAt`: names
 * that a manifest of another product fills in; they are not followed and not among the result.
 */
export function graphOf(root: string, entries: readonly string[], stopAt: readonly string[] = []): Graph {
  const modules = new Set<string>();
  const platform = new Set<string>();
  const take = (name: string): void => {
    if (modules.has(name) || stopAt.includes(name)) return;
    const file = moduleFile(root, name);
    if (file === undefined) throw new Error(`${name}.ts is imported but not there`);
    modules.add(name);
    for (const specifier of runtimeImports(file)) {
      if (specifier.startsWith(".")) take(importedName(name, specifier));
      else platform.add(specifier);
    }
  };
  entries.forEach(take);
  return { modules, platform };
}

/** The names of a graph. */
export function modulesOf(root: string, entry: string): ReadonlySet<string> {
  return graphOf(root, [entry]).modules;
}
