import { Application } from "./application.js";
import type { Host } from "./host.js";
import type { Product } from "./product.js";

/**
 * Starts the application on what the product contains; what the configuration asks for and it does
 * not contain is reported, and nothing is touched. With a console and a vault it also listens to the
 * factory; a broker with TLS and no credential at all leave nothing else to do.
 */
export function begin(host: Host, product: Product): void {
  const { config, console: port, vault } = host;
  const kit = product.modules[config.module];
  const missing = kit === undefined ? "driver for " + config.module : "tokens";
  let overheard = host;
  if (product.Provisioning !== undefined && port !== undefined && vault !== undefined) {
    overheard = new product.Provisioning(host, port, vault).host;
    if (config.broker.secure && vault.open("ca") === undefined && vault.open("key") === undefined) {
      overheard.report("provisioning");
      return;
    }
  }
  if (kit !== undefined && (config.jwt === undefined || product.Token !== undefined))
    new (product.Application ?? Application)(overheard, kit, product).start();
  else {
    overheard.report("failure", "modem", "argument", undefined, undefined, "this firmware has no " + missing);
    overheard.report("gave-up");
  }
}
