import { moduleStore } from "../../drivers/quectel/module-store.js";
import type { Host } from "./host.js";

/** The host whose credentials are those in the module's file system, where the configuration says so. */
export function withModuleStore(host: Host): Host {
  return host.config.credentials === "module" ? { ...host, credentials: moduleStore } : host;
}
