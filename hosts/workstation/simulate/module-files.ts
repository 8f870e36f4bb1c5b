import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../../certs/input-error.js";
import { BG95 } from "../../../test-host/simulator/bg95/bg95.js";
import type { Modem } from "../../../test-host/simulator/modem/modem.js";

/** A file that is being written. No name of the module's becomes this one. */
const UNFINISHED = ".unfinished";

/** A name of the module as one of a file here: it may hold whatever stands between quotation marks. */
function pathOf(folder: string, name: string): string {
  return join(folder, encodeURIComponent(name).replace(/^\./, "%2E"));
}

/**
 * Keeps the file system of a simulated BG95 in a folder, one file each, readable by its owner alone: a
 * private key is among them. What is there is loaded; from then on each change is written before the module
 * answers. A module without files is left as it is.
 * @throws InputError when the folder cannot be used.
 */
export function keepFiles(modem: Modem, folder: string): void {
  if (!(modem instanceof BG95)) return;
  const { files } = modem;
  try {
    mkdirSync(folder, { recursive: true });
    rmSync(join(folder, UNFINISHED), { force: true });
    for (const entry of readdirSync(folder, { withFileTypes: true }))
      if (entry.isFile()) files.write(decodeURIComponent(entry.name), readFileSync(join(folder, entry.name)));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "not files of a module";
    throw new InputError({
      what: `--files ${folder} cannot be used (${code})`,
      why: "The module's file system is kept there, one file for each of its own.",
      fix: "Name a folder of its own that this user may write to.",
      file: "--files",
    });
  }
  files.onChange = (name, bytes) => {
    if (bytes === undefined) rmSync(pathOf(folder, name), { force: true });
    else {
      const unfinished = join(folder, UNFINISHED);
      writeFileSync(unfinished, bytes, { mode: 0o600 });
      renameSync(unfinished, pathOf(folder, name));
    }
  };
}
