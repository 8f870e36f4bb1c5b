/**
 * Takes the marks `hasInstallScript` out of the lock file. No package of ours needs its install
 * script; npm 11 is told so by `allowScripts` in package.json, but npm 10, which comes with Node 20,
 * does not know that field and would build @agoric/xsnap's own programs: half a minute, and a
 * failure where `make` is missing. Without the mark neither runs anything. `npm install` writes the
 * marks anew: run this after it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const path = join(dirname(fileURLToPath(import.meta.url)), "..", "package-lock.json");
const lock = JSON.parse(readFileSync(path, "utf8"));
for (const entry of Object.values(lock.packages)) delete entry.hasInstallScript;
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
