import { Script, createContext } from "node:vm";
import type { Context } from "node:vm";
import type {
  EngineAbort,
  EngineAction,
  EngineEnd,
  EngineEvent,
  EngineInputs,
  EngineTurn,
} from "../simulator/engine.js";
import { EngineError } from "./errors.js";
import { defaultRoot } from "./modules.js";
import { nodeBundle } from "./node-bundle.js";
import { labelOf } from "./partitions.js";
import type { Partitions } from "./partitions.js";
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
  readonly dateEpoch: () => number;
  readonly endOfRun: () => EngineEnd | undefined;
  readonly flashOf: (label: string) => { readonly bytes: Uint8Array; readonly steps: number } | undefined;
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
  readonly #partitions: Partitions;
  readonly #services: HostServices;
  readonly #usesPromises: boolean;
  #stopped = false;
  #ended = false;
  #busy: Promise<unknown> = Promise.resolve();

  private constructor(globals: Globals, services: HostServices, partitions: Partitions, bundle: string) {
    this.#globals = globals;
    this.#services = services;
    this.#partitions = partitions;
    this.#usesPromises = /\b(?:Promise|async)\b/.test(bundle.replace(/^\/\/# sourceMappingURL.*$/m, ""));
    this.#context = createContext(globals, { microtaskMode: "afterEvaluate", name: "firmware" });
  }

  static async start(root: string, options: ResolvedOptions): Promise<NodeEngine> {
    const bundle = await nodeBundle(defaultRoot, root, options.entry);
    const resources: Record<string, Uint8Array> = {};
    for (const [role, bytes] of Object.entries(options.credentials))
      if (bytes instanceof Uint8Array) resources[`${role}.der`] = bytes;
    const { headroom, ticksOffsetMs, seed, partitions, powerCut } = options;
    const configText = JSON.stringify(options.config);
    const services = new HostServices(options.services);
    const globals: Globals = {
      platformSetup: {
        configText,
        headroom,
        consoleHeadroom: options.console?.headroom,
        wired: options.wired,
        ticksOffsetMs,
        epochMs: options.epochMs,
        seed,
        partitions,
        powerCut,
        resources,
        services,
      },
    };
    const engine = new NodeEngine(globals, services, partitions, bundle);
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
    if (this.#ended) throw new EngineError("stopped", "the engine's run has ended");
    const firmware = this.#firmware();
    let failure = await this.#run(() => firmware.dispatch(event, inputs, firmware.start));
    while (failure === undefined) {
      const callbacks = await this.#services.callbacks();
      if (!callbacks.length) break;
      for (const callback of callbacks) failure ??= await this.#run(() => firmware.callBack(callback));
    }
    // Not the array's own map, which would make an array of the context's realm.
    const turn = { actions: Array.from(firmware.actionsOfTurn(), copyAction), compute: 0, collections: 0 };
    const end = firmware.endOfRun();
    if (!end && !failure) return turn;
    this.#ended = true;
    this.#services.stop();
    if (end) return { ...turn, end: { ...end } };
    return failure ? { ...turn, abort: failure } : turn;
  }

  #firmware(): Firmware {
    const { firmware } = this.#globals;
    if (!firmware) throw new EngineError("protocol", "the bundle left no firmware behind");
    return firmware;
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

  get labels(): readonly string[] {
    return Object.keys(this.#partitions);
  }

  async epochMs(): Promise<number> {
    await this.#busy;
    return this.#firmware().dateEpoch();
  }

  async flash(label?: string): Promise<Uint8Array> {
    return Uint8Array.from((await this.#flashOf(label)).bytes);
  }

  async flashSteps(label?: string): Promise<number> {
    return (await this.#flashOf(label)).steps;
  }

  async #flashOf(label: string | undefined): Promise<{ readonly bytes: Uint8Array; readonly steps: number }> {
    const name = labelOf(this.#partitions, label);
    await this.#busy;
    return this.#firmware().flashOf(name) ?? { bytes: new Uint8Array(0), steps: 0 };
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
