import { Application } from "./application.js";
import type { Host } from "./host.js";
import type { Product } from "./product.js";

/** Starts the application on what the product contains; a module that it does not contain is reported, and nothing is touched. */
export function begin(host: Host, product: Product): void {
  const name = host.config.module;
  const kit = product[name];
  if (kit !== undefined) new Application(host, kit).start();
  else {
    host.report(
      "failure",
      "modem",
      "argument",
      undefined,
      undefined,
      "this firmware has no driver for " + name,
    );
    host.report("gave-up");
  }
}
