import type { Engine, EngineMemory } from "../simulator/engine.js";
import { resolvePartitions, VAULT_LABELS } from "./partitions.js";
import type { Partitions, PowerCut } from "./partitions.js";
import type { Board } from "./service-types.js";
import type { EngineKeys, EngineSigner, EngineTls, NativeCost, ServiceOptions } from "./services.js";

/** DER objects that the firmware's credential store holds. */
export interface EngineCredentials {
  readonly ca?: Uint8Array;
  readonly certificate?: Uint8Array;
  readonly key?: Uint8Array;
}

/** Lines between the board and the module. */
export interface Wiring {
  readonly powerKey: boolean;
  readonly reset: boolean;
  readonly status: boolean;
  /** PSM_EINT of a BC66, PON_TRIG of a BG95. */
  readonly wake: boolean;
}

export interface ConsoleOptions {
  /** As {@link EngineOptions.serial}. Default `buffered`. */
  readonly serial?: "buffered" | "stock";
  /** Of its record, bit/s. Default 115200. */
  readonly baud?: number;
}

export interface EngineOptions {
  /** `auto` (default): XS, or Node with a notice where XS cannot be built. */
  readonly engine?: "auto" | "xs" | "node";
  /**
   * The module whose default export is called with the host record, as a path from `root` without
   * extension. Default `hosts/firmware/main`.
   */
  readonly entry?: string;
  /** Folder that module names start from. Default: the checkout, or the package's `dist`. */
  readonly root?: string;
  /** The module `mc/config`; anything that JSON holds. */
  readonly config?: unknown;
  readonly credentials?: EngineCredentials;
  /** `buffered` (default): the class with a receive ring and `onError`; `stock`: the SDK's class on the FIFO. */
  readonly serial?: "buffered" | "stock";
  /** `receiveHeadroom` of the buffered class in bytes. Default 4096. */
  readonly receiveHeadroom?: number;
  /** Makes `host.console`: a second UART, which a factory's tool talks to. */
  readonly console?: true | ConsoleOptions;
  /** The module's lines that the board has. Default: all but `wake`. */
  readonly wired?: Partial<Wiring>;
  /** Makes `host.sleep` and `host.restart`, which end the run. */
  readonly restarts?: boolean;
  /** Makes `host.watchdog`: armed at the start, it ends the run when it is not fed for so long, simulated. */
  readonly watchdogMs?: number;
  /** Makes `host.unit`, on an ESP32 the chip's MAC address. */
  readonly unit?: string;
  /** One pool of this many bytes for slots and chunks, growing in small steps, instead of the two fixed ones. */
  readonly heapBytes?: number;
  /** Slots of the fixed slot pool. Default 4928, as in the SDK's ESP32 manifests. */
  readonly slots?: number;
  /** Bytes of the fixed chunk pool. Default 78848, as in the SDK's ESP32 manifests. */
  readonly chunkBytes?: number;
  /** Default 512, as in the SDK's ESP32 manifests. */
  readonly stackSlots?: number;
  /** Byte codes that one turn may run before it ends as `watchdog`. Default 100,000,000. */
  readonly computeLimit?: number;
  /** What `ticks` shows at simulated time zero; it wraps at 2^31. Default 0. */
  readonly ticksOffsetMs?: number;
  /** What the device's clock shows at simulated time zero, milliseconds since 1970. Default 0: it was not set. */
  readonly epochMs?: number;
  /** Of `Math.random`. Default 1. */
  readonly seed?: number;
  /**
   * Makes `host.tls`: TLS engines that the firmware drives and this process runs. Given as a function it
   * gets the firmware's own clock, by which a device judges certificates.
   */
  readonly tls?: EngineTls;
  /** Makes `host.signer`. */
  readonly signer?: EngineSigner;
  /** Makes `host.keys`. */
  readonly keys?: EngineKeys;
  /** What native work takes of the simulated processor's time. Default: nothing. */
  readonly nativeCost?: NativeCost;
  /**
   * Partitions of raw NOR flash by label: their contents, whole blocks of 4096 bytes. The firmware opens
   * them with `embedded:storage/flash` or the older module `flash`. A partition `journal` is always
   * there, 64 KB and erased unless given. With `esp_secure_cert` and `secure_cert_b` there is `host.vault`.
   */
  readonly partitions?: Partitions;
  /** Contents of the partition `journal`. */
  readonly flash?: Uint8Array;
  /** Ends the run in the middle of an operation on flash. */
  readonly powerCut?: PowerCut;
  /** Told once in a while, in words for people: that the host is being built, that Node stands in. */
  readonly onNotice?: (text: string) => void;
  /** Where the built host and compiled modules are kept. */
  readonly cacheFolder?: string;
}

export interface FirmwareMemory extends EngineMemory {
  /**
   * The most that was live above the loaded baseline, as seen after collections and by calls of
   * `memory`: what `peakBytes` is without garbage, but not seen at every moment.
   */
  readonly livePeakBytes: number;
}

/** An engine with what tests and the command line want beside the contract. */
export interface FirmwareEngine extends Engine {
  /** Counts live memory without a collection, so that asking changes nothing in the run. */
  memory(): Promise<FirmwareMemory>;
  /** Of the flash partitions. */
  readonly labels: readonly string[];
  /**
   * Contents of a flash partition, by default those of the journal; also after an abort or end, as a
   * device finds them when it restarts.
   */
  flash(label?: string): Promise<Uint8Array>;
  /** Steps (see {@link PowerCut}) on a partition so far, by default on the journal. */
  flashSteps(label?: string): Promise<number>;
  /** As {@link EngineOptions.epochMs}, as the firmware has set its clock. */
  epochMs(): Promise<number>;
  /**
   * Objects of native kinds that loading the modules left behind, by kind: none can be preloaded
   * into flash. Empty where the engine cannot tell.
   */
  readonly loadedNatives: Readonly<Record<string, number>>;
}

/** The options with every default filled in. */
export interface ResolvedOptions {
  readonly entry: string;
  readonly config: unknown;
  readonly credentials: EngineCredentials;
  readonly headroom: number;
  /** `receiveHeadroom` of the console's port (0: the stock class), and its rate. */
  readonly console: { readonly headroom: number; readonly baud: number } | undefined;
  readonly wired: Wiring;
  readonly heapBytes: number;
  readonly slots: number;
  readonly chunkBytes: number;
  readonly stackSlots: number;
  readonly computeLimit: number;
  readonly ticksOffsetMs: number;
  readonly epochMs: number;
  readonly seed: number;
  readonly partitions: Partitions;
  readonly powerCut: PowerCut | undefined;
  readonly services: ServiceOptions;
}

/** Of the buffered class, bytes. */
const RECEIVE_HEADROOM = 4096;

function resolveConsole({ serial, baud = 115_200 }: ConsoleOptions) {
  return { headroom: serial === "stock" ? 0 : RECEIVE_HEADROOM, baud };
}

function boardOf(
  baud: number | undefined,
  { restarts, watchdogMs, unit }: EngineOptions,
  partitions: Partitions,
): Board | undefined {
  const vault = VAULT_LABELS.every(label => label in partitions);
  if (baud === undefined && !restarts && watchdogMs === undefined && unit === undefined && !vault)
    return undefined;
  return {
    ...(vault && { vault }),
    ...(baud !== undefined && { console: { baud } }),
    ...(restarts && { restarts: true }),
    ...(watchdogMs !== undefined && { watchdogMs }),
    ...(unit !== undefined && { unit }),
  };
}

export function resolveOptions(options: EngineOptions): ResolvedOptions {
  const partitions = resolvePartitions(options.partitions, options.flash, options.powerCut);
  const console = options.console && resolveConsole(options.console === true ? {} : options.console);
  return {
    entry: options.entry ?? "hosts/firmware/main",
    config: options.config ?? {},
    credentials: options.credentials ?? {},
    headroom: options.serial === "stock" ? 0 : (options.receiveHeadroom ?? RECEIVE_HEADROOM),
    console,
    wired: { powerKey: true, reset: true, status: true, wake: false, ...options.wired },
    heapBytes: options.heapBytes ?? 0,
    slots: options.slots ?? 4928,
    chunkBytes: options.chunkBytes ?? 78848,
    stackSlots: options.stackSlots ?? 512,
    computeLimit: options.computeLimit ?? 100_000_000,
    ticksOffsetMs: options.ticksOffsetMs ?? 0,
    epochMs: options.epochMs ?? 0,
    seed: options.seed ?? 1,
    partitions,
    powerCut: options.powerCut,
    services: {
      tls: options.tls,
      signer: options.signer,
      keys: options.keys,
      nativeCost: options.nativeCost,
      board: boardOf(console?.baud, options, partitions),
    },
  };
}
