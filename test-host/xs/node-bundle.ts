import { readFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "esbuild";
import { EngineError } from "./errors.js";

/** Modules that the platform brings, by the name that the firmware imports: file and export in `node/`. */
const NATIVES: Readonly<Record<string, readonly [file: string, name: string]>> = {
  "embedded:io/serial": ["serial", "Serial"],
  "embedded:storage/flash": ["flash", "Storage"],
  Resource: ["resource", "Resource"],
  flash: ["flash", "Flash"],
  keys: ["services", "Keys"],
  "mc/config": ["platform", "config"],
  messages: ["board", "listen"],
  power: ["board", "Power"],
  report: ["board", "report"],
  restart: ["board", "Restart"],
  services: ["services", "services"],
  signer: ["services", "sign"],
  time: ["timer", "Time"],
  timer: ["timer", "Timer"],
  tls: ["tls", "TlsEngine"],
};

/** Where `prepack` puts the bundle of the package's own firmware, for want of esbuild there. */
export const PREBUILT = join("xs", "firmware.node.js");
const DEFAULT_ENTRY = "hosts/firmware/main";

function nativesPlugin(platformRoot: string): Plugin {
  return {
    name: "natives",
    setup(build) {
      build.onResolve({ filter: /^[^./]/ }, ({ path }) => {
        if (path in NATIVES) return { path, namespace: "native" };
        return undefined;
      });
      build.onLoad({ filter: /.*/, namespace: "native" }, ({ path }) => {
        const [file, name] = NATIVES[path] ?? ["", ""];
        const module = JSON.stringify(join(platformRoot, "test-host", "xs", "node", file));
        return { contents: `export { ${name} as default } from ${module};`, resolveDir: platformRoot };
      });
    },
  };
}

function asEngineError(error: unknown): EngineError {
  const text = error instanceof Error ? error.message : String(error);
  return new EngineError(/Could not resolve/.test(text) ? "missing module" : "load failed", text);
}

/**
 * One script with the platform, main and `entry`, which leaves `firmware` behind. `platformRoot`
 * is where the platform's own modules lie, `root` where the entry's do.
 */
export async function makeBundle(
  platformRoot: string,
  root: string,
  entry: string,
  sourceMap = true,
): Promise<string> {
  const { build } = await import("esbuild");
  const from = (folder: string, name: string): string => JSON.stringify(join(folder, name));
  const contents = [
    // First: it freezes the built-ins before any other module runs.
    `export { dispatch, callBack, actionsOfTurn, endOfRun, flashOf, dateEpoch } from ${from(platformRoot, "test-host/xs/node/platform")};`,
    `import main from ${from(platformRoot, "test-host/xs/device-main")};`,
    `import entry from ${from(root, entry)};`,
    `export function start() { main(entry); }`,
  ].join("\n");
  try {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: platformRoot, sourcefile: "node-engine.js" },
      bundle: true,
      write: false,
      format: "iife",
      globalName: "firmware",
      // Modules are strict; a script is not by itself.
      banner: { js: '"use strict";' },
      target: "es2022",
      charset: "utf8",
      sourcemap: sourceMap ? "inline" : false,
      logLevel: "silent",
      tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true, useDefineForClassFields: true } },
      plugins: [nativesPlugin(platformRoot)],
    });
    return outputFiles[0]?.text ?? "";
  } catch (error) {
    throw asEngineError(error);
  }
}

const bundles = new Map<string, Promise<string>>();

/** The bundle of an entry, made once per process; in the installed package the one that it brings. */
export function nodeBundle(platformRoot: string, root: string, entry: string): Promise<string> {
  const id = `${root}\0${entry}`;
  let bundle = bundles.get(id);
  if (!bundle) {
    const prebuilt = join(platformRoot, PREBUILT);
    const installed = root === platformRoot && entry === DEFAULT_ENTRY && existsSync(prebuilt);
    bundle = installed ? readFile(prebuilt, "utf8") : makeBundle(platformRoot, root, entry);
    bundles.set(id, bundle);
    bundle.catch(() => bundles.delete(id));
  }
  return bundle;
}
