import type { Host } from "../../hosts/firmware/host.js";

/** The host record of the simulation: what the firmware is given, and the way messages come in. */
export interface SimulationHost extends Host {
  /** Calls back with the JSON text of every `message` event, in a turn of its own. A second call replaces the callback. */
  listen(callback: (text: string) => void): void;
}

/** What an entry module exports as default. The firmware's own takes a plain {@link Host}. */
export type Entry = (host: SimulationHost) => void;
