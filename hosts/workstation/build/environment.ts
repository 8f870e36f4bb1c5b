import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { packageRoot } from "../version.js";
import type { BuildTarget } from "./options.js";

/** What a build needs and this machine does not have. */
export interface Missing {
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

/** What `mcconfig` is started with. */
export interface BuildEnvironment {
  readonly variables: NodeJS.ProcessEnv;
  /** Of Moddable's SDK, `8.2.3`. */
  readonly sdk: string;
  /** Something that may matter, in words. */
  readonly notes: readonly string[];
}

/** The SDK that everything was tried with. */
const SDK_TRIED = "8.2.3";

/** Where a program is, by the path that the build will have. */
function find(name: string, path: string): string | undefined {
  return path
    .split(delimiter)
    .map(folder => join(folder, name))
    .find(file => existsSync(file));
}

function versionOf(program: string): string | undefined {
  try {
    return execFileSync(program, ["--version"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return undefined;
  }
}

function sdkVersion(folder: string): string {
  try {
    return readFileSync(join(folder, "tools", "VERSION"), "utf8").trim();
  } catch {
    return "unknown";
  }
}

/** Looks for all that a build needs; tells everything that is missing, not only the first. */
export function lookAround(
  target: BuildTarget,
  variables: NodeJS.ProcessEnv,
): BuildEnvironment | readonly Missing[] {
  const missing: Missing[] = [];
  const notes: string[] = [];
  // The checkout's own compiler before any other: mcconfig takes the first `tsc` that it finds.
  const own = join(packageRoot(), "node_modules", ".bin");
  const folder = variables["MODDABLE"] ?? "";
  const tools = join(folder, "build", "bin", process.platform === "darwin" ? "mac" : "lin", "release");
  const path = [own, ...(folder === "" ? [] : [tools]), variables["PATH"] ?? ""].join(delimiter);
  if (folder === "" || !existsSync(join(folder, "modules")))
    missing.push({
      what: folder === "" ? "MODDABLE is not set" : `MODDABLE is ${folder}, and Moddable's SDK is not there`,
      why: "The firmware is built with the tools and modules of Moddable's SDK.",
      fix: "npx xs-dev setup    (then open a new terminal, so that MODDABLE is set)",
    });
  else if (find("mcconfig", path) === undefined)
    missing.push({
      what: `mcconfig is neither in ${tools} nor in the path`,
      why: "The SDK is there, but its tools are not built.",
      fix: "npx xs-dev setup    (or: make -C $MODDABLE/build/makefiles/lin)",
    });
  if (target === "esp32") {
    if ((variables["IDF_PATH"] ?? "") === "")
      missing.push({
        what: "IDF_PATH is not set",
        why: "For an ESP32 the SDK builds with Espressif's ESP-IDF.",
        fix: "npx xs-dev setup --device esp32    (then open a new terminal)",
      });
    else if (find("idf.py", path) === undefined)
      missing.push({
        what: "idf.py is not in the path",
        why: "ESP-IDF is there, but this terminal does not know its tools.",
        fix: ". $IDF_PATH/export.sh",
      });
  }
  const compiler = find("tsc", path);
  const version = compiler === undefined ? undefined : versionOf(compiler)?.replace(/^Version /, "");
  if (version === undefined)
    missing.push({
      what: "there is no TypeScript compiler (tsc)",
      why: "mcconfig compiles the firmware's modules with it, one by one.",
      fix: "npm install --save-dev typescript@6.0.3",
    });
  else if (Number(version.split(".")[0]) < 6)
    missing.push({
      what: `the TypeScript compiler is ${version}`,
      why: "The SDK's settings name the language level es2025, which compilers before 6.0 do not know.",
      fix: "npm install --save-dev typescript@6.0.3",
    });
  if (missing.length > 0) return missing;
  const sdk = sdkVersion(folder);
  if (sdk !== SDK_TRIED)
    notes.push(
      `Moddable SDK ${sdk}; tried with ${SDK_TRIED}: the TLS adapter refuses to connect where the SDK's session has changed`,
    );
  return { variables: { ...variables, PATH: path }, sdk, notes };
}
