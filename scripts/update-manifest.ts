/**
 * Lists in each manifest every module that its main module needs, one by one, as `mcconfig` wants
 * TypeScript modules, and preloads all but the main module and what cannot be:
 * `npx tsx scripts/update-manifest.ts`. A spec finds out when it was forgotten.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import {
  isPreloadable,
  MANIFESTS,
  modulePath,
  modulesOf,
  type Manifest,
} from "../test-host/spec/docs/manifest-modules.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
for (const path of MANIFESTS) {
  const manifest = JSON.parse(readFileSync(join(root, path), "utf8")) as Manifest;
  const { main } = manifest.creation;
  const names = [...modulesOf(root, main)].sort();
  const modules: Record<string, string> = {};
  for (const name of names) modules[name] = modulePath(path, name);
  const typings = Object.entries(manifest.modules).filter(([, file]) => file.includes("/typings/"));
  const updated = {
    ...manifest,
    modules: { ...modules, ...Object.fromEntries(typings) },
    preload: names.filter(name => isPreloadable(name, main)),
  };
  const file = join(root, path);
  const options = await resolveConfig(file);
  writeFileSync(file, await format(JSON.stringify(updated, null, 2), { ...options, filepath: file }));
}
