/** Tells what is wrong with the manifests, one sentence a line; ends with 1 when anything is: `npx tsx scripts/check-manifests.ts`. */
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { manifestFaults } from "./manifests/check.js";

const faults = manifestFaults(process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), ".."));
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.exitCode = faults.length > 0 ? 1 : 0;
