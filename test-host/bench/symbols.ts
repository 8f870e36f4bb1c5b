import { transform } from "esbuild";
import { readFile } from "node:fs/promises";
import ts from "typescript";

/**
 * Bytes of the names that modules use, each once and with its end, as a linker shares them: an
 * estimate from the sources. Names that the engine has anyway are in it.
 */
export async function symbolBytes(modules: readonly string[]): Promise<number> {
  const names = new Set<string>();
  const collect = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) names.add(node.text);
    ts.forEachChild(node, collect);
  };
  for (const module of modules) {
    const path = new URL(`../../${module}.ts`, import.meta.url);
    const { code } = await transform(await readFile(path, "utf8"), { loader: "ts", target: "es2022" });
    collect(ts.createSourceFile(`${module}.js`, code, ts.ScriptTarget.ES2022));
  }
  return [...names].reduce((sum, name) => sum + name.length + 1, 0);
}
