import type { FirmwareConfig } from "../../hosts/firmware/config.js";
import type { FirmwareMemory } from "../xs/index.js";
import type { SimulationCounters } from "../simulator/simulation.js";
import { atMost, shown, type Chapter } from "./figure.js";
import { HOST, MQTTS_PORT, Scene, type Identities } from "./scene.js";
import { symbolBytes } from "./symbols.js";

const HEAP_LIMIT = 24 * 1024;
const BYTECODE_LIMIT = 64 * 1024;
const HEAP_STEP = 64;
/** Messages that the firmware has under way: so many must follow for the last to be like the first. */
const AHEAD = 8;
/** Moments that are looked at: the engine keeps room in arrays of what is in flight, more or less of it in turn. */
const SAMPLES = 500;
/** Not part of the firmware: the device's configuration, and the harness. */
const foreign = ["mc/config", "test-host/xs/main"];

function config(count: number, qos: 0 | 1 | 2): Partial<FirmwareConfig> {
  return {
    broker: { host: HOST, port: MQTTS_PORT, secure: true, verify: true },
    message: "reading {n} of a device that publishes",
    count,
    qos,
  };
}

/** Byte code of the firmware, by module. */
export function firmwareModules(memory: FirmwareMemory): readonly (readonly [name: string, bytes: number])[] {
  return Object.entries(memory.modules)
    .filter(([name]) => !foreign.includes(name))
    .sort(([, a], [, b]) => b - a);
}

/** Sums by folder. */
function folders(modules: readonly (readonly [name: string, bytes: number])[]) {
  const sums = new Map<string, number>();
  for (const [name, bytes] of modules) {
    const folder = `all of ${name.split("/").slice(0, 2).join("/")}`;
    sums.set(folder, (sums.get(folder) ?? 0) + bytes);
  }
  return [...sums];
}

export interface FirmwareRun {
  readonly memory: FirmwareMemory;
  readonly counters: SimulationCounters;
}

/** From power-on to three acknowledged messages, with mutual TLS by the module; `undefined`: memory ran out. */
export async function firmwareRun(
  identities: Identities,
  heapBytes?: number,
): Promise<FirmwareRun | undefined> {
  const options = { identities, config: config(3, 1), ...(heapBytes === undefined ? {} : { heapBytes }) };
  return Scene.run(options, async scene => {
    const end = await scene.reported("done");
    if (end.reason === "abort") return undefined;
    if (end.reason !== "condition") throw new Error(`the run ended with ${end.reason}`);
    return { memory: await scene.engine.memory(), counters: scene.simulation.counters };
  });
}

/** The smallest heap in bytes above the loaded baseline with which the run passes. */
async function smallestHeap(identities: Identities): Promise<number> {
  let fails = 4_096;
  let passes = 65_536;
  while (passes - fails > HEAP_STEP) {
    const middle = (fails + passes) / 2;
    if (await firmwareRun(identities, middle)) passes = middle;
    else fails = middle;
  }
  return passes;
}

/**
 * What `count` publishes add to what is live, in bytes. Before them go as many that numbers have as
 * many digits as behind them.
 */
async function growth(identities: Identities, before: number, count: number): Promise<number> {
  const all = before + count + 2 * SAMPLES + AHEAD;
  return Scene.run({ identities, config: config(all, 1) }, async scene => {
    // The least of several moments: what a moment holds in passing is no growth.
    const live = async (publishes: number): Promise<number> => {
      let least = Infinity;
      await scene.expect("acknowledged", publishes);
      for (let sample = 0; sample < SAMPLES; sample++) {
        await scene.expect("acknowledged");
        const { slots, chunkBytes } = await scene.engine.memory();
        least = Math.min(least, slots * 16 + chunkBytes);
      }
      return least;
    };
    const held = await live(before);
    return (await live(count)) - held;
  });
}

export interface MemoryOptions {
  readonly identities: Identities;
  /** Shorter, and limits 5 % wider. */
  readonly smoke: boolean;
}

export async function memoryChapters({ identities, smoke }: MemoryOptions): Promise<Chapter[]> {
  const run = await firmwareRun(identities);
  if (!run) throw new Error("the firmware does not fit the memory of an ESP32");
  const { memory, counters } = run;
  const slack = smoke ? 1.05 : 1;
  const modules = firmwareModules(memory);
  const bytecode = modules.reduce((sum, [, bytes]) => sum + bytes, 0);
  const wide = HEAP_LIMIT * slack;
  const passes = smoke && (await firmwareRun(identities, wide)) !== undefined;
  const symbols = await symbolBytes(modules.map(([name]) => name));
  const publishes = smoke ? 1_000 : 10_000;
  const grown = await growth(identities, smoke ? 1_000 : 10_000, publishes);
  return [
    {
      title: "Memory of the whole firmware",
      note:
        "Module-tls with mutual authentication, from power-on to three acknowledged messages, on a simulated BG95. " +
        "Heap is counted above the loaded baseline, slots at 16 bytes; chunk bytes are those of a 64-bit build and so upper bounds.",
      figures: [
        passes
          ? atMost("a heap that passes", wide, "bytes", wide)
          : atMost("smallest heap that passes", await smallestHeap(identities), "bytes", wide),
        atMost("byte code", bytecode, "bytes", BYTECODE_LIMIT * slack),
        atMost(`growth over ${publishes.toLocaleString("en")} publishes`, grown, "bytes", 0),
        shown("names of symbols beside it, shared by all modules", symbols, "bytes"),
        shown("peak with an ESP32's heap, garbage included", memory.peakBytes, "bytes"),
        shown("live peak", memory.livePeakBytes, "bytes"),
        shown("loaded baseline", memory.loadedBytes, "bytes"),
        shown("stack peak (of 512)", memory.stackPeakSlots, "slots"),
        shown("longest turn", counters.longestTurnMs, "ms"),
        shown("engine time of the run", counters.busyMs, "ms"),
      ],
    },
    {
      title: "Byte code by folder and module",
      note: "The code alone: names of symbols, which the linker shares between all modules, are not counted.",
      figures: [...folders(modules), ...modules].map(([name, bytes]) => shown(name, bytes, "bytes")),
    },
  ];
}
