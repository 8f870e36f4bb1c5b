import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ManifestText } from "./manifest.js";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
/** Everything that is made here; left in place, so that the next run builds what has changed. */
export const work = join(root, ".cache", "sdk");

function onPath(name: string, folders: readonly string[]): string | undefined {
  return folders.map(folder => join(folder, name)).find(file => existsSync(file));
}

/** Where the SDK and the programs are that the runs need. */
export class Toolchain {
  readonly sdk: string;
  readonly mosquitto: string;
  readonly #environment: NodeJS.ProcessEnv;

  private constructor(sdk: string, mosquitto: string, environment: NodeJS.ProcessEnv) {
    this.sdk = sdk;
    this.mosquitto = mosquitto;
    this.#environment = environment;
  }

  /** What is missing, as a sentence, where the runs cannot be made. */
  static find(): Toolchain | string {
    const sdk = process.env["MODDABLE"];
    if (sdk === undefined || sdk === "")
      return "MODDABLE is not set: the Moddable SDK is not installed (npx xs-dev setup).";
    const tools = join(sdk, "build", "bin", "lin");
    const folders = [
      ...["release", "debug"].map(kind => join(tools, kind)),
      join(root, "node_modules", ".bin"),
      ...(process.env["PATH"] ?? "").split(delimiter),
      "/usr/sbin",
    ];
    const missing = ["mcconfig", "socat", "cc", "pkg-config", "mosquitto"].filter(
      name => onPath(name, folders) === undefined,
    );
    if (missing.length > 0) return `not found: ${missing.join(", ")}.`;
    const environment = { ...process.env, PATH: folders.join(delimiter) };
    if (spawnSync("pkg-config", ["--exists", "glib-2.0"]).status !== 0)
      return "the development files of GLib are not installed.";
    return new Toolchain(sdk, onPath("mosquitto", folders) ?? "", environment);
  }

  /** Builds for Linux, release; gives the library. Throws with what `mcconfig` said. */
  build(name: string, manifest: ManifestText): string {
    const folder = join(work, name);
    const output = join(work, "build");
    mkdirSync(folder, { recursive: true });
    mkdirSync(output, { recursive: true });
    writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest, null, 2));
    const library = join(output, "bin", "lin", "release", name, "mc.so");
    const found = spawnSync("mcconfig", ["-m", "-p", "lin", "-t", "build", "-o", output], {
      cwd: folder,
      env: this.#environment,
      encoding: "utf8",
    });
    const said = found.stdout + found.stderr;
    // After a type error the library of the build before is still there.
    if (found.status !== 0 || /error TS|\*\*\*|^### Error/m.test(said))
      throw new Error(`${name} does not build:\n${said}`);
    return existsSync(library) ? library : this.#library(output, name);
  }

  #library(output: string, name: string): string {
    const found = readdirSync(join(output, "bin", "lin"), { recursive: true, encoding: "utf8" }).find(
      file => file.endsWith("mc.so") && file.includes(name),
    );
    if (found === undefined) throw new Error(`${name} gave no mc.so`);
    return join(output, "bin", "lin", found);
  }

  /** The program that runs a library without a display. */
  launcher(): string {
    const program = join(work, "launcher");
    const flags = ["--cflags", "--libs"].flatMap(what =>
      execFileSync("pkg-config", [what, "glib-2.0"], { encoding: "utf8" }).trim().split(/\s+/),
    );
    mkdirSync(work, { recursive: true });
    rmSync(program, { force: true });
    const screen = join(this.sdk, "build", "simulators", "modules");
    const source = join(root, "test-host", "sdk", "launcher.c");
    execFileSync("cc", ["-o", program, source, `-I${screen}`, ...flags, "-ldl"]);
    return program;
  }
}
