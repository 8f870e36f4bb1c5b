/**
 * Takes the marks `hasInstallScript` out of the lock file, but for the packages that package.json allows
 * theirs: native code that comes without a binary for every machine. The others need none; npm 11 is
 * told so by `allowScripts`, but npm 10, which comes with Node 20, does not know that field and would build
 * @agoric/xsnap's own programs: half a minute, and a failure where `make` is missing. Without the
 * mark neither runs anything. `npm install` writes the marks anew: run this after it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { allowScripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const path = join(root, "package-lock.json");
const lock = JSON.parse(readFileSync(path, "utf8"));
for (const [place, entry] of Object.entries(lock.packages))
  if (allowScripts[place.replace(/^.*node_modules\//, "")] !== true) delete entry.hasInstallScript;
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
