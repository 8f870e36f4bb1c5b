import { Application } from "./application.js";
import type { Host } from "./host.js";
import type { Product } from "./product.js";

/** Starts the application on what the product contains; what the configuration asks for and it does not contain is reported, and nothing is touched. */
export function begin(host: Host, product: Product): void {
  const name = host.config.module;
  const kit = product.modules[name];
  const missing = kit === undefined ? "driver for " + name : "tokens";
  if (kit !== undefined && (host.config.jwt === undefined || product.Token !== undefined))
    new Application(host, kit, product.Token).start();
  else {
    host.report("failure", "modem", "argument", undefined, undefined, "this firmware has no " + missing);
    host.report("gave-up");
  }
}
