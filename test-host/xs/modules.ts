import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Module sources under the device's names: the path from the root folder, without extension.
 * TypeScript is compiled file by file, as the SDK's build does; JavaScript is taken as it is.
 */

const here = dirname(fileURLToPath(import.meta.url));

/** The checkout, or `dist` of the installed package: what this folder lies two levels under. */
export const defaultRoot = join(here, "..", "..");

/** By names as in a `tsconfig.json`. */
const COMPILER_SETTINGS = {
  target: "ES2022",
  module: "ES2022",
  verbatimModuleSyntax: true,
  useDefineForClassFields: false,
  removeComments: true,
} as const;

interface Compiled {
  readonly stamp: string;
  readonly source: string;
}

const compiled = new Map<string, Compiled>();

let compilerVersion: Promise<string> | undefined;

/** The compiler's package, whose name of the release tells everything that it makes. */
async function findVersion(): Promise<string> {
  return readFile(createRequire(import.meta.url).resolve("typescript/package.json"), "utf8");
}

async function stampOf(path: string): Promise<string | undefined> {
  try {
    const { mtimeMs, size } = await stat(path);
    return `${mtimeMs} ${size}`;
  } catch {
    return undefined;
  }
}

/** A cache that cannot be written to costs time, nothing else. */
async function keep(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, text);
    await rename(temporary, path);
  } catch {
    await rm(temporary, { force: true });
  }
}

async function compile(path: string, text: string, cacheFolder: string): Promise<string> {
  const settings = JSON.stringify(COMPILER_SETTINGS);
  const version = await (compilerVersion ??= findVersion());
  const key = createHash("sha256").update(`${version}\0${settings}\0${text}`).digest("hex").slice(0, 32);
  const cached = join(cacheFolder, "modules", `${key}.js`);
  try {
    return await readFile(cached, "utf8");
  } catch {
    // Not a dependency of the installed package, which holds JavaScript only; and 80 MB of memory, which a process
    // that finds everything in the cache does without.
    const { default: ts } = await import("typescript");
    // The SDK's compiler: others write `undefined` as `void 0`, which is two bytes more each time.
    const compilerOptions = {
      ...COMPILER_SETTINGS,
      target: ts.ScriptTarget[COMPILER_SETTINGS.target],
      module: ts.ModuleKind[COMPILER_SETTINGS.module],
    };
    const { outputText } = ts.transpileModule(text, { fileName: path, compilerOptions });
    await keep(cached, outputText);
    return outputText;
  }
}

/** The JavaScript of module `name`, or `undefined` when there is no such file. */
export async function moduleSource(
  root: string,
  name: string,
  cacheFolder: string,
): Promise<string | undefined> {
  for (const extension of [".ts", ".js"]) {
    const path = join(root, name + extension);
    const stamp = await stampOf(path);
    if (stamp === undefined) continue;
    const known = compiled.get(path);
    if (known?.stamp === stamp) return known.source;
    const text = await readFile(path, "utf8");
    const source = extension === ".ts" ? await compile(path, text, cacheFolder) : text;
    compiled.set(path, { stamp, source });
    return source;
  }
  return undefined;
}

/** Characters of a literal in `mc/config`. */
const LITERAL_LENGTH = 8_000;

/** The module `mc/config` as the SDK makes it: a deeply frozen object. */
export function configSource(config: unknown): string {
  // `stringify` gives undefined for undefined and functions, whatever its type says.
  const text: unknown = JSON.stringify(config);
  if (typeof text !== "string") throw new TypeError("config holds nothing that JSON knows");
  // U+2028 and U+2029 stand in JSON, and since ES2019 in string literals, too.
  const source = text.replace(/"(?:[^"\\]|\\.)*"/g, shortLiterals);
  return `export default Object.freeze(${source}, true);\n`;
}

/** A long text as the sum of short literals: the parser of XS takes no literal of 64 KB. */
function shortLiterals(literal: string): string {
  if (literal.length <= LITERAL_LENGTH) return literal;
  const points = Array.from(String(JSON.parse(literal)));
  const parts: string[] = [];
  for (let from = 0; from < points.length; from += LITERAL_LENGTH)
    parts.push(JSON.stringify(points.slice(from, from + LITERAL_LENGTH).join("")));
  return `(${parts.join(" + ")})`;
}
