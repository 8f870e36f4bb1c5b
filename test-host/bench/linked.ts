import { build } from "esbuild";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createEngine } from "../xs/index.js";

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Byte code of the module `entry` when it and all that it imports are linked into one: no imports and
 * exports, and no constants that are captured from one module into another.
 */
export async function linkedBytes(entry: string): Promise<number> {
  const { outputFiles } = await build({
    entryPoints: [join(root, `${entry}.ts`)],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    charset: "utf8",
  });
  // As the SDK's compiler has it; the two are not the same length in byte code.
  const source = (outputFiles[0]?.text ?? "").replace(/\bvoid 0\b/g, "undefined");
  const name = `node_modules/.cache/xs-cellular-bench/${String(process.pid)}`;
  const path = join(root, `${name}.js`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, source);
  try {
    const engine = await createEngine({ engine: "xs", entry: name });
    try {
      return (await engine.memory()).modules[name] ?? NaN;
    } finally {
      await engine.stop();
    }
  } finally {
    await rm(path, { force: true });
  }
}
