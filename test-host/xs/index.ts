import { defaultCacheFolder, hostProgram } from "./build.js";
import { EngineError } from "./errors.js";
import type { EngineErrorKind } from "./errors.js";
import { defaultRoot } from "./modules.js";
import { NodeEngine } from "./node-engine.js";
import { resolveOptions } from "./options.js";
import type { EngineOptions, FirmwareEngine } from "./options.js";
import { XsEngine } from "./xs-engine.js";

export { EngineError } from "./errors.js";
export type { EngineErrorKind } from "./errors.js";
export type { Entry, SimulationHost } from "./host.js";
export type { EngineKeys, EngineSigner, EngineTls, NativeCost } from "./services.js";
export type { Partitions, PowerCut } from "./partitions.js";
export type { EngineCredentials, EngineOptions, FirmwareEngine, FirmwareMemory } from "./options.js";

/** Failures that leave no XS engine on this machine, but do not lie in the firmware. */
const WITHOUT_XS: readonly EngineErrorKind[] = ["no compiler", "no sources", "build failed"];

async function xsBinary(options: EngineOptions): Promise<string | undefined> {
  if (options.engine === "node") return undefined;
  try {
    return await hostProgram({ cacheFolder: options.cacheFolder, onNotice: options.onNotice });
  } catch (error) {
    const without = error instanceof EngineError && WITHOUT_XS.includes(error.kind);
    if (options.engine === "xs" || !without) throw error;
    options.onNotice?.(
      `${error.message} Running the firmware in Node instead: no memory limits, no compute figures.`,
    );
    return undefined;
  }
}

/**
 * An engine with the firmware (or another entry module) loaded and not yet started: the first turn
 * is `start`. Rejects with an {@link EngineError}.
 *
 * What XS tells of memory: slots, stack and byte code are those of an ESP32. Chunk bytes are those
 * of a 64-bit build and so upper bounds: elements of arrays take double, buffers 8 bytes more. The
 * engine is XS 13.3, which compiles to 1 to 2 % more byte code than the XS 17 of Moddable SDK 8.
 */
export async function createEngine(options: EngineOptions = {}): Promise<FirmwareEngine> {
  const resolved = resolveOptions(options);
  const root = options.root ?? defaultRoot;
  const cacheFolder = options.cacheFolder ?? defaultCacheFolder();
  const binary = await xsBinary(options);
  if (binary === undefined) return NodeEngine.start(root, resolved);
  return XsEngine.start({ binary, root, cacheFolder }, resolved);
}
