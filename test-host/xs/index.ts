import { defaultCacheFolder, hostProgram } from "./build.js";
import { EngineError } from "./errors.js";
import { defaultRoot } from "./modules.js";
import { NodeEngine } from "./node-engine.js";
import { resolveOptions } from "./options.js";
import type { EngineOptions, FirmwareEngine } from "./options.js";
import { XsEngine } from "./xs-engine.js";

export { EngineError } from "./errors.js";
export type { EngineErrorKind } from "./errors.js";
export type { Entry, SimulationHost } from "./host.js";
export type { EngineCredentials, EngineOptions, FirmwareEngine, FirmwareMemory } from "./options.js";

async function xsBinary(options: EngineOptions): Promise<string | undefined> {
  if (options.engine === "node") return undefined;
  try {
    return await hostProgram({ cacheFolder: options.cacheFolder, onNotice: options.onNotice });
  } catch (error) {
    const absent =
      error instanceof EngineError && (error.kind === "no compiler" || error.kind === "no sources");
    if (options.engine === "xs" || !absent) throw error;
    options.onNotice?.(`${error.message} Running the firmware in Node instead: no memory limits, no timing.`);
    return undefined;
  }
}

/**
 * An engine with the firmware (or another entry module) loaded and not yet started: the first turn
 * is `start`. Rejects with an {@link EngineError}.
 */
export async function createEngine(options: EngineOptions = {}): Promise<FirmwareEngine> {
  const resolved = resolveOptions(options);
  const root = options.root ?? defaultRoot;
  const cacheFolder = options.cacheFolder ?? defaultCacheFolder();
  const binary = await xsBinary(options);
  if (binary === undefined) return NodeEngine.start(root, resolved);
  return XsEngine.start({ binary, root, cacheFolder }, resolved);
}
