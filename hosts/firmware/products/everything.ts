import { bc66 } from "../../../drivers/bc66/profile.js";
import { bg95 } from "../../../drivers/bg95/profile.js";
import { HostTlsRoute } from "../../../drivers/quectel/routes/host-tls.js";
import { ModuleTlsRoute } from "../../../drivers/quectel/routes/module-tls.js";
import { TLSSocket } from "../../../drivers/quectel/tls.js";
import type { Product } from "../product.js";
import { Token } from "../token.js";

/** Every module and every route: for the simulation, and for a product that is not decided yet. */
export function everything(): Product {
  const hostTls = new HostTlsRoute();
  return {
    modules: {
      bg95: { profile: bg95, routes: [new ModuleTlsRoute(TLSSocket), hostTls] },
      bc66: { profile: bc66, routes: [hostTls] },
    },
    Token,
  };
}
