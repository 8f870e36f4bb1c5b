#!/usr/bin/env node
import { existsSync } from "node:fs";
import process from "node:process";
import { fileURLToPath, URL } from "node:url";

// A checkout runs its TypeScript; the installed package brings JavaScript.
const inCheckout = existsSync(fileURLToPath(new URL("../tsconfig.json", import.meta.url)));

if (inCheckout) {
  const { register } = await import("tsx/esm/api");
  register();
}
const cli = inCheckout ? "../hosts/workstation/cli.ts" : "../dist/hosts/workstation/cli.js";
const { main } = await import(new URL(cli, import.meta.url).href);
process.exitCode = await main(process.argv.slice(2));
