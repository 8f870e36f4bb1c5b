import { build } from "esbuild";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = fileURLToPath(new URL("../../", import.meta.url));

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** Whether this is a use of the name, and neither a property of it nor its declaration. */
function isUse(node: ts.Identifier): boolean {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent)) return parent.name !== node;
  return !(
    (ts.isPropertyAssignment(parent) ||
      ts.isMethodDeclaration(parent) ||
      ts.isAccessor(parent) ||
      ts.isVariableDeclaration(parent) ||
      ts.isParameter(parent)) &&
    parent.name === node
  );
}

/**
 * Puts the numbers that are named at the top of `source` where the names are used: in byte code a
 * number takes two to five bytes, a constant that functions capture twenty and more for each of them.
 * A name that is declared anywhere else as well is left as it is.
 */
export function inlineNumbers(source: string): string {
  const file = ts.createSourceFile("linked.js", source, ts.ScriptTarget.ES2022, true);
  const numbers = new Map<string, { readonly value: string; readonly statement: ts.Statement }>();
  for (const statement of file.statements) {
    const declaration = ts.isVariableStatement(statement)
      ? statement.declarationList.declarations[0]
      : undefined;
    if (!declaration?.initializer || !ts.isNumericLiteral(declaration.initializer)) continue;
    if (ts.isIdentifier(declaration.name))
      numbers.set(declaration.name.text, { value: declaration.initializer.getText(), statement });
  }
  const declared = new Map<string, number>();
  const uses: ts.Identifier[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && numbers.has(node.text)) {
      const parent = node.parent;
      if (
        (ts.isVariableDeclaration(parent) || ts.isParameter(parent) || ts.isBindingElement(parent)) &&
        parent.name === node
      )
        declared.set(node.text, (declared.get(node.text) ?? 0) + 1);
      else if (isUse(node)) uses.push(node);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  const edits: Edit[] = [];
  for (const use of uses) {
    const value = numbers.get(use.text)?.value;
    if (value === undefined || declared.get(use.text) !== 1) continue;
    const text = ts.isShorthandPropertyAssignment(use.parent) ? `${use.text}: ${value}` : value;
    edits.push({ from: use.getStart(), to: use.end, text });
  }
  for (const [name, { statement }] of numbers)
    if (declared.get(name) === 1) edits.push({ from: statement.getStart(), to: statement.end, text: "" });
  edits.sort((a, b) => b.from - a.from);
  return edits.reduce((text, edit) => text.slice(0, edit.from) + edit.text + text.slice(edit.to), source);
}

/**
 * The module `entry` and all that it imports as one: no imports and exports, no constants that are
 * captured from one module into another, named numbers in their places. Names of the platform's modules
 * (`embedded:`, a bare specifier) stay imports.
 */
export async function linkModule(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(root, `${entry}.ts`)],
    bundle: true,
    write: false,
    packages: "external",
    external: ["embedded:*"],
    format: "esm",
    target: "es2022",
    charset: "utf8",
  });
  // As the SDK's compiler has it; the two are not the same length in byte code.
  return inlineNumbers((outputFiles[0]?.text ?? "").replace(/\bvoid 0\b/g, "undefined"));
}
