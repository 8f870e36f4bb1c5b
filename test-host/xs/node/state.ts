import type { EngineAction, EngineEnd, EngineInputs } from "../../simulator/engine.js";
import type { Partitions, PowerCut } from "../partitions.js";
import type { Wiring } from "../options.js";
import type { HostServices } from "../services.js";

/**
 * The Node stand-in's platform, run inside the firmware's own context together with it, so that
 * arrays, errors and promises are of one realm. This module holds what the services share.
 */

/** What the engine outside hands in, once, before anything is loaded. */
export interface PlatformSetup {
  readonly configText: string;
  readonly headroom: number;
  /** Of the console's port, where there is one. */
  readonly consoleHeadroom: number | undefined;
  readonly wired: Wiring;
  readonly ticksOffsetMs: number;
  readonly epochMs: number;
  readonly seed: number;
  readonly partitions: Partitions;
  readonly powerCut: PowerCut | undefined;
  /** By file name. */
  readonly resources: Readonly<Record<string, Uint8Array>>;
  /** Of the engine outside: its errors and arrays have other prototypes than the firmware's. */
  readonly services: HostServices;
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

declare global {
  // Set by the engine before the bundle runs, and taken away here, before the firmware could see it.
  var platformSetup: PlatformSetup | undefined;
}

function takeSetup(): PlatformSetup {
  const taken = globalThis.platformSetup;
  if (!taken) throw new Error("no platform setup");
  globalThis.platformSetup = undefined;
  return taken;
}

export const setup: PlatformSetup = takeSetup();

export const inputs: Mutable<Pick<EngineInputs, "nowMs" | "moduleStatus">> = {
  nowMs: 0,
  moduleStatus: false,
};

/** Room of the transmit buffers by port. */
export const rooms: [console: number, module: number] = [0, 0];

let actions: EngineAction[] = [];
let end: EngineEnd | undefined;

export function act(action: EngineAction): void {
  if (!end) actions.push(action);
}

/** Leaves the firmware's code. Should that catch it, what it still does has no effect. */
class RunEnded extends Error {}

/** Ends the run at this place. */
export function endRun(reason: EngineEnd): never {
  end ??= reason;
  throw new RunEnded(end.reason);
}

export function hasEnded(): boolean {
  return end !== undefined;
}

/** How the run has ended, if it has. */
export function endOfRun(): EngineEnd | undefined {
  return end;
}

export function takeActions(): EngineAction[] {
  const taken = actions;
  actions = [];
  return taken;
}

/** A function option, or undefined; anything else is an error at once, as in the native classes. */
export function callbackOption<Callback>(value: Callback | undefined): Callback | undefined {
  if (value !== undefined && typeof value !== "function") throw new TypeError("callback is no function");
  return value;
}

/** The bytes of a buffer or view, in place. */
export function bytesOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  throw new TypeError("no buffer");
}
