import type { Host } from "./host.js";

export default function start(host: Host): void {
  host.report("started", host.config.module);
}
