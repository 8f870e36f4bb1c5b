import type { SimulationHost } from "../../../xs/index.js";

/** What no preloaded module may hold. */
const table = new Map([["a", 1]]);
const view = new Uint8Array(4);

export default function start(host: SimulationHost): void {
  host.report("sizes", table.size, view.length);
}
