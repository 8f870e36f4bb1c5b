import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import type { ChipName } from "../../esp32/chips.js";
import type { BuildManifest } from "./build-manifest.js";
import type { BuildKind, BuildOptions, BuildTarget } from "./options.js";

const SWITCHES: Readonly<Record<BuildKind, string>> = { release: "-m", debug: "-dm", instrumented: "-im" };

/** What a build ends with. */
const FIRMWARE: Readonly<Record<BuildTarget, readonly string[]>> = {
  esp32: ["xs_esp32.bin", "xs_esp32.elf"],
  lin: ["mc.so"],
};

export function manifestOf({ folder }: BuildOptions): string {
  return join(folder, "manifest.json");
}

/** How Moddable calls a chip: an ESP32 by the platform alone, its successors as subplatforms. */
function platformOf({ target }: BuildOptions, chip: ChipName): string {
  return target === "lin" || chip === "esp32" ? target : `esp32/${chip}`;
}

/** `mcconfig` with its arguments. */
export function commandOf(options: BuildOptions, chip: ChipName): readonly [string, ...string[]] {
  const step = options.deploy ? "deploy" : "build";
  const { kind, folder } = options;
  return [
    "mcconfig",
    SWITCHES[kind],
    "-p",
    platformOf(options, chip),
    "-t",
    step,
    "-o",
    folder,
    manifestOf(options),
  ];
}

/** Files of those names anywhere in a folder. */
function find(folder: string, names: readonly string[]): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter(path => names.includes(basename(path)))
    .map(path => join(folder, path));
}

/** Whether the last build in the folder has ended well. */
export function hasFirmware({ folder, target }: BuildOptions): boolean {
  return find(join(folder, "bin"), FIRMWARE[target]).length > 0;
}

function run(command: readonly [string, ...string[]], folder: string, env: NodeJS.ProcessEnv): boolean {
  const [program, ...args] = command;
  const { status, error } = spawnSync(program, args, { cwd: folder, env, stdio: "inherit" });
  if (error !== undefined) throw error;
  return status === 0;
}

/** Builds; false when that failed. */
export function build(
  options: BuildOptions,
  chip: ChipName,
  { manifest }: BuildManifest,
  env: NodeJS.ProcessEnv,
): boolean {
  const { folder, target } = options;
  mkdirSync(folder, { recursive: true });
  // A build that fails leaves what an earlier one has made, and for an ESP32 the SDK's makefile goes on with that.
  for (const file of find(folder, FIRMWARE[target])) rmSync(file);
  writeFileSync(manifestOf(options), `${JSON.stringify(manifest, null, 2)}\n`);
  // A port would become part of ESP-IDF's configuration, and another port mean all of it anew.
  const ended = run(commandOf(options, chip), folder, { ...env, UPLOAD_PORT: undefined });
  if (!ended || hasFirmware(options)) return ended;
  process.stderr.write("xs-cellular: the build has made nothing; its reasons stand above\n");
  return false;
}

/** Writes the last build to the device. Nothing that the next build looks at is other than before. */
export function deploy(options: BuildOptions, chip: ChipName, env: NodeJS.ProcessEnv): boolean {
  const { folder, port } = options;
  const settings = find(join(folder, "tmp"), ["sdkconfig.mc"]).map(file => {
    const { atime, mtime } = statSync(file);
    return { file, text: readFileSync(file), atime, mtime };
  });
  try {
    return run(commandOf(options, chip), folder, port === undefined ? env : { ...env, UPLOAD_PORT: port });
  } finally {
    for (const { file, text, atime, mtime } of settings) {
      writeFileSync(file, text);
      utimesSync(file, atime, mtime);
    }
  }
}
