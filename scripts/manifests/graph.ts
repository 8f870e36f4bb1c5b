import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
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
    const path = join(root, `${name}.ts`);
    if (!existsSync(path)) {
      // JavaScript with its declarations beside it: classes in native code.
      if (!existsSync(join(root, `${name}.js`))) throw new Error(`${name}.ts is imported but not there`);
      modules.add(name);
      return;
    }
    modules.add(name);
    for (const specifier of runtimeImports(path)) {
      if (specifier.startsWith(".")) take(posix.join(posix.dirname(name), specifier.replace(/\.js$/, "")));
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
