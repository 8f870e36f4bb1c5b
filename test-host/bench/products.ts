import type { FirmwareConfig, ModuleName } from "../../hosts/firmware/config.js";
import type { RouteName } from "../../drivers/quectel/route.js";
import type { SimulationCounters } from "../simulator/simulation.js";
import type { FirmwareMemory } from "../xs/index.js";
import { atMost, shown, type Chapter, type Figure } from "./figure.js";
import { withLinked } from "./linked.js";
import { HOST, MQTT_PORT, MQTTS_PORT, Scene, type Identities, type SceneOptions } from "./scene.js";

/** A firmware of one module and one route: `hosts/firmware/products/`. */
export interface FirmwareProduct {
  readonly module: ModuleName;
  readonly route: RouteName;
  /** Suites of the broker, where the module's TLS has no common one with today's brokers. */
  readonly ciphers?: string;
  /** Byte code that it has come to over the budget, rounded up: in the short form it must not grow further. */
  readonly codeCeiling?: number;
}

/** Static RSA with CBC: all that the BC66 offers. */
const OLD_SUITES = "AES128-SHA256:AES256-SHA256:AES128-SHA:AES256-SHA";

export const products: readonly FirmwareProduct[] = [
  { module: "bg95", route: "module-tls" },
  { module: "bg95", route: "host-tls", codeCeiling: 77_600 },
  { module: "bg95", route: "module-mqtt" },
  { module: "bc66", route: "module-tls", ciphers: OLD_SUITES, codeCeiling: 75_400 },
  { module: "bc66", route: "host-tls", codeCeiling: 79_700 },
  { module: "bc66", route: "module-mqtt", ciphers: OLD_SUITES },
];

export const [bg95ModuleTls, bg95HostTls] = products as [FirmwareProduct, FirmwareProduct];

const HEAP_LIMIT = 28 * 1024;
const BYTECODE_LIMIT = 72 * 1024;
const STACK_LIMIT = 384;
const HEAP_STEP = 64;
const PUBLISHES = 100;
/** Not part of the firmware: the device's configuration, and the harness. */
const foreign = ["mc/config", "test-host/xs/main"];

export function nameOf({ module, route }: FirmwareProduct): string {
  return `${module.toUpperCase()} ${route}`;
}

function entryOf({ module, route }: FirmwareProduct): string {
  return `hosts/firmware/products/${module}-${route}`;
}

/** A scene that runs the product; `secure` false: plain TCP. */
export function sceneOf(
  product: FirmwareProduct,
  identities: Identities,
  config: Partial<FirmwareConfig>,
  secure = true,
): SceneOptions {
  const { module, route, ciphers } = product;
  return {
    entry: entryOf(product),
    module,
    identities,
    // A link without a rate, over which a flight comes at once.
    ...(module === "bc66" ? { bufferBytes: Infinity } : {}),
    ...(ciphers === undefined ? {} : { ciphers }),
    config: {
      ...(secure ? { route } : {}),
      broker: { host: HOST, port: secure ? MQTTS_PORT : MQTT_PORT, secure, verify: true },
      message: "reading {n} of a device that publishes",
      ...config,
    },
  };
}

/** Byte code of the firmware, by module. */
export function firmwareModules(memory: FirmwareMemory): readonly (readonly [name: string, bytes: number])[] {
  return Object.entries(memory.modules)
    .filter(([name]) => !foreign.includes(name))
    .sort(([, a], [, b]) => b - a);
}

function byteCode(memory: FirmwareMemory): number {
  return firmwareModules(memory).reduce((sum, [, bytes]) => sum + bytes, 0);
}

export interface FirmwareRun {
  readonly memory: FirmwareMemory;
  readonly counters: SimulationCounters;
  /** What `reportBuffers` told: name, size, most bytes that were held. */
  readonly buffers: readonly (readonly [name: string, size: number, highWater: number])[];
}

export interface RunOptions {
  readonly heapBytes?: number;
  /** False: plain TCP. */
  readonly secure?: boolean;
  /** Entry module, where it is not the product's own. */
  readonly entry?: string;
}

/**
 * From power-on over 100 acknowledged messages, half of them behind a connection that the broker ended
 * and the firmware made anew; `undefined`: memory ran out.
 */
export async function firmwareRun(
  product: FirmwareProduct,
  identities: Identities,
  { heapBytes, secure = true, entry }: RunOptions = {},
): Promise<FirmwareRun | undefined> {
  const options: SceneOptions = {
    ...sceneOf(product, identities, { count: PUBLISHES, qos: 1, attempts: 0 }, secure),
    ...(entry === undefined ? {} : { entry }),
    ...(heapBytes === undefined ? {} : { heapBytes }),
  };
  return Scene.run(options, async scene => {
    const half = await scene.reported("acknowledged", PUBLISHES / 2);
    if (half.reason === "abort") return undefined;
    scene.tolerant = true;
    scene.broker.end();
    const end = await scene.reported("done");
    if (end.reason === "abort") return undefined;
    if (end.reason !== "condition") throw new Error(`the run ended with ${end.reason}`);
    const connections = scene.reports.filter(([name]) => name === "mqtt").length;
    if (connections !== 2) throw new Error(`${String(connections)} connections`);
    return {
      memory: await scene.engine.memory(),
      counters: scene.simulation.counters,
      buffers: scene.reports
        .filter(([name]) => name === "buffer")
        .map(([, name, size, highWater]) => [String(name), Number(size), Number(highWater)] as const),
    };
  });
}

/** The smallest heap in bytes above the loaded baseline with which the run passes. */
async function smallestHeap(
  product: FirmwareProduct,
  identities: Identities,
  secure = true,
): Promise<number> {
  let fails = 4_096;
  let passes = 65_536;
  while (passes - fails > HEAP_STEP) {
    const middle = (fails + passes) / 2;
    if (await firmwareRun(product, identities, { heapBytes: middle, secure })) passes = middle;
    else fails = middle;
  }
  return passes;
}

/** As module by module, and linked into one: `docs/memory-and-time.md` says which is for what. */
async function figuresOf(
  product: FirmwareProduct,
  identities: Identities,
  smoke: boolean,
): Promise<readonly Figure[]> {
  const run = await firmwareRun(product, identities);
  const name = nameOf(product);
  const linked = await withLinked(entryOf(product), entry =>
    firmwareRun(product, identities, { entry, heapBytes: HEAP_LIMIT }),
  );
  if (!run || !linked) throw new Error(`${name} does not fit the memory of an ESP32`);
  const { memory, counters } = run;
  const passes = smoke && (await firmwareRun(product, identities, { heapBytes: HEAP_LIMIT })) !== undefined;
  const ceiling = smoke ? (product.codeCeiling ?? BYTECODE_LIMIT) : BYTECODE_LIMIT;
  return [
    atMost(`${name}: byte code`, byteCode(memory), "bytes", ceiling),
    atMost(`${name}: byte code, linked into one module`, byteCode(linked.memory), "bytes", BYTECODE_LIMIT),
    passes
      ? atMost(`${name}: a heap that passes`, HEAP_LIMIT, "bytes", HEAP_LIMIT)
      : atMost(
          `${name}: smallest heap that passes`,
          await smallestHeap(product, identities),
          "bytes",
          HEAP_LIMIT,
        ),
    atMost(`${name}: stack peak`, memory.stackPeakSlots, "slots", STACK_LIMIT),
    atMost(`${name}: stack peak, linked into one module`, linked.memory.stackPeakSlots, "slots", STACK_LIMIT),
    shown(`${name}: live peak`, memory.livePeakBytes, "bytes"),
    shown(`${name}: longest turn`, counters.longestTurnMs, "ms"),
  ];
}

/** Each product's memory. */
export async function productTable(identities: Identities, smoke: boolean): Promise<Chapter> {
  const figures: Figure[] = [];
  for (const product of products) figures.push(...(await figuresOf(product, identities, smoke)));
  return {
    title: "Products",
    note:
      `Firmware of one module and one route, without the TLS engine of host-tls. Mutual TLS, from power-on to ${PUBLISHES} acknowledged messages, in the middle of which the broker ends the connection and the firmware makes it anew. ` +
      "Heap is counted above the loaded baseline, slots at 16 bytes; chunk bytes are those of a 64-bit build and so upper bounds. " +
      "The stack of an ESP32 has 512 slots.",
    figures,
  };
}

const RECORDERS = 16;

/** Live bytes of one flight recorder, made and in use. */
async function recorderBytes(): Promise<number> {
  return Scene.run({ entry: "test-host/bench/programs/recorder" }, async scene => {
    const held = async (): Promise<number> => {
      const { slots, chunkBytes } = await scene.engine.memory();
      return slots * 16 + chunkBytes;
    };
    await scene.expect("ready");
    // What the first one makes beside itself.
    scene.send(1);
    await scene.expect("made");
    const before = await held();
    scene.send(RECORDERS);
    await scene.expect("made");
    return ((await held()) - before) / RECORDERS;
  });
}

/** What TLS on this side takes beside TCP. */
export async function hostTlsMemory(identities: Identities): Promise<Chapter> {
  const plain = await smallestHeap(bg95ModuleTls, identities, false);
  const secure = await smallestHeap(bg95HostTls, identities);
  return {
    title: "Heap of TLS by the ESP32, without its engine",
    note: "Smallest heaps of a BG95 as above: with host-tls, and with TCP alone.",
    figures: [
      shown("TCP alone", plain, "bytes"),
      shown("host-tls", secure, "bytes"),
      atMost("host-tls adds", secure - plain, "bytes", 12 * 1024),
      atMost("one flight recorder behind a handshake", await recorderBytes(), "bytes", 1024),
    ],
  };
}
