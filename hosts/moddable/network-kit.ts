import { bc66 } from "../../drivers/bc66/profile.js";
import { Bc66TLSSocket } from "../../drivers/bc66/tls.js";
import { bg95 } from "../../drivers/bg95/profile.js";
import { HostTlsRoute } from "../../drivers/quectel/routes/host-tls.js";
import { ModuleTlsRoute } from "../../drivers/quectel/routes/module-tls.js";
import { TLSSocket } from "../../drivers/quectel/tls.js";
import type { ModuleName } from "../firmware/config.js";
import type { ModuleKit } from "../firmware/product.js";

/** Both modules with their ways to TLS for `device.network`; a product with one module names that itself. */
export function networkKit(module: ModuleName): ModuleKit {
  const hostTls = new HostTlsRoute();
  return module === "bc66"
    ? { profile: bc66, routes: [hostTls, new ModuleTlsRoute(Bc66TLSSocket)] }
    : { profile: bg95, routes: [new ModuleTlsRoute(TLSSocket), hostTls] };
}
