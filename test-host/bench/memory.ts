import { shown, atMost, type Chapter, type Figure } from "./figure.js";
import { bg95ModuleTls, firmwareModules, firmwareRun, products, nameOf, sceneOf } from "./products.js";
import { Scene, type Identities } from "./scene.js";
import { symbolBytes } from "./symbols.js";

/** Messages that the firmware has under way: so many must follow for the last to be like the first. */
const AHEAD = 8;
/** Moments that are looked at: the engine keeps room in arrays of what is in flight, more or less of it in turn. */
const SAMPLES = 500;

/** Sums by folder. */
function folders(modules: readonly (readonly [name: string, bytes: number])[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const [name, bytes] of modules) {
    const folder = name.split("/").slice(0, 2).join("/");
    sums.set(folder, (sums.get(folder) ?? 0) + bytes);
  }
  return sums;
}

/**
 * What `count` publishes add to what is live, in bytes. Before them go as many that numbers have as
 * many digits as behind them.
 */
async function growth(identities: Identities, before: number, count: number): Promise<number> {
  const all = before + count + 2 * SAMPLES + AHEAD;
  return Scene.run(sceneOf(bg95ModuleTls, identities, { count: all, qos: 1 }), async scene => {
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
  /** Fewer messages. */
  readonly smoke: boolean;
}

export async function memoryChapters({ identities, smoke }: MemoryOptions): Promise<Chapter[]> {
  const run = await firmwareRun(bg95ModuleTls, identities);
  if (!run) throw new Error("the firmware does not fit the memory of an ESP32");
  const { memory, counters } = run;
  const modules = firmwareModules(memory);
  const symbols = await symbolBytes(modules.map(([name]) => name));
  const publishes = smoke ? 1_000 : 10_000;
  const grown = await growth(identities, smoke ? 1_000 : 10_000, publishes);
  return [
    {
      title: "BG95 with module-tls in detail",
      note: "The first of the products.",
      figures: [
        atMost(`growth over ${publishes.toLocaleString("en")} publishes`, grown, "bytes", 0),
        shown("names of symbols beside its byte code, shared by all modules", symbols, "bytes"),
        shown("peak with an ESP32's heap, garbage included", memory.peakBytes, "bytes"),
        shown("loaded baseline", memory.loadedBytes, "bytes"),
        shown("engine time of the run", counters.busyMs, "ms"),
      ],
    },
    ...(await productChapters(identities)),
  ];
}

/** Buffers of each product; byte code of every module, and of each product by folder. */
async function productChapters(identities: Identities): Promise<Chapter[]> {
  const all = new Map<string, number>();
  const sums: [string, number][] = [];
  const buffers: Figure[] = [];
  for (const product of products) {
    const run = await firmwareRun(product, identities);
    if (!run) throw new Error("the firmware does not fit the memory of an ESP32");
    const name = nameOf(product);
    const modules = firmwareModules(run.memory);
    for (const [module, bytes] of modules) all.set(module, bytes);
    for (const [folder, bytes] of folders(modules)) sums.push([`${name}: ${folder}`, bytes]);
    for (const [buffer, size, highWater] of run.buffers)
      buffers.push(atMost(`${name}: ${buffer}, most bytes held`, highWater, "bytes", size));
  }
  const modules = [...all].sort(([, a], [, b]) => b - a);
  return [
    {
      title: "Buffers",
      note: "Of fixed size each, which is the limit. Beside them: 128 bytes for what is read while part of a line is held, 512 for a command line.",
      figures: buffers,
    },
    {
      title: "Byte code by folder and module",
      note: "The code alone: names of symbols, which the linker shares between all modules, are not counted.",
      figures: [...sums, ...modules].map(([name, bytes]) => shown(name, bytes, "bytes")),
    },
  ];
}
