import { Script, createContext } from "node:vm";
import type { Context } from "node:vm";
import type {
  EngineAbort,
  EngineAction,
  EngineEvent,
  EngineInputs,
  EngineTurn,
} from "../simulator/engine.js";
import { EngineError } from "./errors.js";
import { defaultRoot } from "./modules.js";
import { nodeBundle } from "./node-bundle.js";
import type { PlatformSetup } from "./node/state.js";
import type { FirmwareEngine, FirmwareMemory, ResolvedOptions } from "./options.js";
import type { TlsCallback } from "./service-types.js";
import { HostServices } from "./services.js";

/** What the bundle leaves behind in its context. */
interface Firmware {
  readonly start: () => void;
  readonly dispatch: (event: EngineEvent, inputs: EngineInputs, start: () => void) => void;
  readonly callBack: (callback: TlsCallback) => void;
  readonly actionsOfTurn: () => EngineAction[];
}

interface Globals {
  platformSetup?: PlatformSetup;
  firmware?: Firmware;
  runTurn?: () => void;
}

/** Promise jobs of the context run when a script ends: so each turn is one run of this one. */
const TURN = new Script("runTurn()", { filename: "turn" });

const NOTHING: FirmwareMemory = {
  budgetBytes: 0,
  loadedBytes: 0,
  peakBytes: 0,
  livePeakBytes: 0,
  slots: 0,
  chunkBytes: 0,
  peakSlots: 0,
  peakChunkBytes: 0,
  collections: 0,
  stackPeakSlots: 0,
  bytecodeBytes: 0,
  modules: {},
};

/**
 * Name, message and the firmware's own calls. The error may come from the context's realm, where it
 * is no instance of our `Error`; Node writes a line of source before the stack of one that escaped.
 */
function textOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("stack" in error)) return String(error);
  const lines = String(error.stack)
    .replace(/^\S+:\d+\n.*\n *\^+\n\n/, "")
    .split("\n");
  const outside = lines.findIndex(line => /\bnode:|\bturn:\d|#globals\.runTurn/.test(line));
  return lines.slice(0, outside < 0 ? undefined : outside).join("\n");
}

/** A copy in this realm: the firmware's arrays have the context's prototypes. */
function copyAction(action: EngineAction): EngineAction {
  return action.kind === "write" ? { ...action, bytes: Uint8Array.from(action.bytes) } : { ...action };
}

/**
 * The firmware in a context of this process: the same services and the same turns, but no memory
 * limits and no compute figures.
 */
export class NodeEngine implements FirmwareEngine {
  readonly name = "node";
  readonly version = `Node ${process.versions.node}`;
  readonly loadedNatives = {};
  readonly #context: Context;
  readonly #globals: Globals;
  readonly #flash: Uint8Array;
  readonly #services: HostServices;
  readonly #usesPromises: boolean;
  #stopped = false;
  #aborted = false;
  #busy: Promise<unknown> = Promise.resolve();

  private constructor(globals: Globals, services: HostServices, flash: Uint8Array, bundle: string) {
    this.#globals = globals;
    this.#services = services;
    this.#flash = flash;
    this.#usesPromises = /\b(?:Promise|async)\b/.test(bundle.replace(/^\/\/# sourceMappingURL.*$/m, ""));
    this.#context = createContext(globals, { microtaskMode: "afterEvaluate", name: "firmware" });
  }

  static async start(root: string, options: ResolvedOptions): Promise<NodeEngine> {
    const bundle = await nodeBundle(defaultRoot, root, options.entry);
    const flash = Uint8Array.from(options.flash);
    const resources: Record<string, Uint8Array> = {};
    for (const [role, bytes] of Object.entries(options.credentials))
      if (bytes instanceof Uint8Array) resources[`${role}.der`] = bytes;
    const { headroom, ticksOffsetMs, seed } = options;
    const configText = JSON.stringify(options.config);
    const services = new HostServices(options.services);
    const globals: Globals = {
      platformSetup: { configText, headroom, ticksOffsetMs, seed, flash, resources, services },
    };
    const engine = new NodeEngine(globals, services, flash, bundle);
    try {
      new Script(bundle, { filename: options.entry }).runInContext(engine.#context);
    } catch (error) {
      throw new EngineError("load failed", textOf(error));
    }
    return engine;
  }

  turn(event: EngineEvent, inputs: EngineInputs): Promise<EngineTurn> {
    if (this.#stopped) return Promise.reject(new EngineError("stopped", "the engine was stopped"));
    const turn = this.#busy.then(() => this.#turn(event, inputs));
    this.#busy = turn.catch(() => undefined);
    return turn;
  }

  async #turn(event: EngineEvent, inputs: EngineInputs): Promise<EngineTurn> {
    if (this.#aborted) throw new EngineError("stopped", "the engine's run has ended in an abort");
    const { firmware } = this.#globals;
    if (!firmware) throw new EngineError("protocol", "the bundle left no firmware behind");
    let failure = await this.#run(() => firmware.dispatch(event, inputs, firmware.start));
    while (failure === undefined) {
      const callbacks = await this.#services.callbacks();
      if (!callbacks.length) break;
      for (const callback of callbacks) failure ??= await this.#run(() => firmware.callBack(callback));
    }
    // Not the array's own map, which would make an array of the context's realm.
    const actions = Array.from(firmware.actionsOfTurn(), copyAction);
    if (failure === undefined) return { actions, compute: 0, collections: 0 };
    this.#aborted = true;
    this.#services.stop();
    return { actions, compute: 0, collections: 0, abort: failure };
  }

  /** Runs `work` and the promise jobs after it in the context; why the run ends, if it does. */
  async #run(work: () => void): Promise<EngineAbort | undefined> {
    this.#globals.runTurn = work;
    let exception: string | undefined;
    const run = (): void => {
      try {
        TURN.runInContext(this.#context);
      } catch (error) {
        exception = textOf(error);
      }
    };
    let rejection: string | undefined;
    if (this.#usesPromises) rejection = await withRejections(run);
    else run();
    if (exception !== undefined) return { reason: "unhandled exception", detail: exception };
    if (rejection !== undefined) return { reason: "unhandled rejection", detail: rejection };
    return undefined;
  }

  memory(): Promise<FirmwareMemory> {
    return Promise.resolve(NOTHING);
  }

  flash(): Promise<Uint8Array> {
    return Promise.resolve(Uint8Array.from(this.#flash));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#busy;
    this.#services.stop();
  }
}

/**
 * Runs `work`, then lets Node tell of rejections that nobody handled. Other listeners are set aside
 * meanwhile: a rejection inside the firmware is the engine's, not the test runner's.
 */
async function withRejections(work: () => void): Promise<string | undefined> {
  const others = process.listeners("unhandledRejection");
  let rejection: string | undefined;
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", error => (rejection ??= textOf(error)));
  try {
    work();
    await new Promise(resolve => setImmediate(resolve));
  } finally {
    process.removeAllListeners("unhandledRejection");
    for (const other of others) process.on("unhandledRejection", other);
  }
  return rejection;
}
