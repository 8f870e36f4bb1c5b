/**
 * Fills `dist` for the npm package: JavaScript of everything that the command line runs, the C
 * sources of the XS host with those of XS, and the firmware bundled for the Node stand-in. Fills `lib`:
 * what applications import, as JavaScript with declarations.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const dist = join(root, "dist");
const xsnap = join(root, "node_modules", "@agoric", "xsnap");

const NOTICE = `The files in includes, platforms and sources are the XS JavaScript engine of the Moddable SDK,
unchanged, as the npm package @agoric/xsnap 0.15.0 carries them
(https://github.com/agoric-labs/moddable, commit f6c5951fc055e4ca592b9166b9ae3cbb9cca6bf0).

They are free software under the GNU Lesser General Public License, version 3 or later
(LGPL-3.0.txt, which adds to GPL-3.0.txt); parts are under the Apache License, version 2.0
(Apache-2.0.txt). Copyright and permission notices stand at the beginning of each file.
Nothing here is compiled in this package: the program that runs the firmware is built on your
machine, from these files and those in ../host, so that you can change and rebuild either.
`;

/** Copies a folder's C files, and nothing else of it. */
function copyC(from, to) {
  cpSync(from, to, {
    recursive: true,
    filter: path => path === from || /\.[ch]$/.test(basename(path)),
  });
}

const lib = join(root, "lib");
for (const folder of [dist, lib]) rmSync(folder, { recursive: true, force: true });
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
for (const project of ["tsconfig.build.json", "tsconfig.library.json"])
  execFileSync(process.execPath, [tsc, "-p", join(root, project)], { stdio: "inherit" });

const engine = join(dist, "xs", "engine");
mkdirSync(engine, { recursive: true });
for (const part of ["includes", "platforms", "sources"])
  copyC(join(xsnap, "moddable", "xs", part), join(engine, part));
copyC(join(root, "test-host", "xs", "host"), join(dist, "xs", "host"));
cpSync(join(root, "test-host", "xs", "licenses"), engine, { recursive: true });
cpSync(join(xsnap, "LICENSE"), join(engine, "Apache-2.0.txt"));
writeFileSync(join(engine, "NOTICE"), NOTICE);

const bundler = pathToFileURL(join(dist, "test-host", "xs", "node-bundle.js")).href;
const { PREBUILT, makeBundle } = await import(bundler);
writeFileSync(join(dist, PREBUILT), await makeBundle(dist, dist, "hosts/firmware/main", false));

for (const needed of ["hosts/workstation/cli.js", "test-host/xs/main.js", "xs/host/main.c", PREBUILT]) {
  if (!existsSync(join(dist, needed))) throw new Error(`dist/${needed} is missing`);
}
if (!existsSync(join(lib, "xs-cellular.js"))) throw new Error("lib/xs-cellular.js is missing");
