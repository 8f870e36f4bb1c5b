/**
 * Lists in `manifest.json` every module that the device's main module needs, one by one, as
 * `mcconfig` wants TypeScript modules, and preloads all but the main module itself:
 * `npx tsx scripts/update-manifest.ts`. A spec finds out when it was forgotten.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { modulesOf } from "../test-host/spec/docs/manifest-modules.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const path = join(root, "manifest.json");
const manifest = JSON.parse(readFileSync(path, "utf8")) as { creation: { main: string } };
const { main } = manifest.creation;
const names = [...modulesOf(root, main)].sort();
const updated = {
  ...manifest,
  modules: Object.fromEntries(names.map(name => [name, `./${name}`])),
  preload: names.filter(name => name !== main),
};
writeFileSync(path, `${JSON.stringify(updated, null, 2)}\n`);
