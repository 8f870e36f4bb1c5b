/**
 * Builds with the Moddable SDK and runs against the simulated module: `npm run test:sdk [-- WHAT [PATTERN]]`,
 * WHAT being `firmware`, `examples`, `tests` or `all`. Without the SDK it says so and ends well. The
 * tables go to `.cache/sdk/`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { handshakes } from "./handshakes.js";
import { moddable } from "./moddable.js";
import { makePki } from "./pki.js";
import { stopAll } from "./processes.js";
import { Toolchain, work } from "./toolchain.js";

const [what = "all", pattern = ""] = process.argv.slice(2);

async function main(tools: Toolchain): Promise<boolean> {
  mkdirSync(work, { recursive: true });
  const launcher = tools.launcher();
  const pki = await makePki();
  const filter = new RegExp(pattern, "i");
  let passed = true;
  if (what === "all" || what === "firmware") {
    const rows = await handshakes(tools, launcher, pki, filter);
    const lines = rows.map(row => `| ${row.module} | ${row.name} | ${row.outcome} |`);
    writeFileSync(
      join(work, "handshakes.md"),
      ["| module | case | outcome |", "| --- | --- | --- |", ...lines, ""].join("\n"),
    );
    passed &&= rows.every(row => row.passed);
  }
  for (const one of ["examples", "tests"] as const)
    if (what === "all" || what === one) {
      const rows = await moddable(tools, launcher, pki, one, filter);
      const lines = rows.map(row => `| ${row.name} | ${row.by} | ${row.outcome} |`);
      writeFileSync(
        join(work, `${one}.md`),
        ["| program | by | outcome |", "| --- | --- | --- |", ...lines, ""].join("\n"),
      );
      passed &&= rows.every(row => row.passed);
    }
  return passed;
}

const tools = Toolchain.find();
if (typeof tools === "string") console.log(`Skipped: ${tools}`);
else
  try {
    if (!(await main(tools))) process.exitCode = 1;
  } finally {
    await stopAll();
  }
