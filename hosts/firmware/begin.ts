import { Application } from "./application.js";
import type { Host } from "./host.js";
import type { Product } from "./product.js";

/** Starts the application on what the product contains; what the configuration asks for and it does not contain is reported, and nothing is touched. */
export function begin(platform: Host, product: Product): void {
  const host = product.withProvisioning === undefined ? platform : product.withProvisioning(platform);
  if (host === undefined) return;
  const config = host.config;
  const kit = product.modules[config.module];
  const missing = kit === undefined ? "driver for " + config.module : "tokens";
  if (kit !== undefined && (config.jwt === undefined || product.Token !== undefined))
    new (product.Application ?? Application)(host, kit, product).start();
  else {
    host.report("failure", "modem", "argument", undefined, undefined, "this firmware has no " + missing);
    host.report("gave-up");
  }
}
