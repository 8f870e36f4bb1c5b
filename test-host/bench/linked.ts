import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { linkModule } from "./link.js";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Links `entry` and has `work` done with the module of that name, which is gone afterwards. */
export async function withLinked<T>(entry: string, work: (name: string) => Promise<T>): Promise<T> {
  const name = `node_modules/.cache/xs-cellular-bench/${String(process.pid)}/${entry.replaceAll("/", "-")}`;
  const path = join(root, `${name}.js`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, await linkModule(entry));
  try {
    return await work(name);
  } finally {
    await rm(path, { force: true });
  }
}
