import { bc66 } from "../../../drivers/bc66/profile.js";
import { Bc66TLSSocket } from "../../../drivers/bc66/tls.js";
import { ModuleTlsRoute } from "../../../drivers/quectel/routes/module-tls.js";
import { begin } from "../begin.js";
import type { Host } from "../host.js";

/** A BC66 with its own TLS, for brokers that still take static RSA with CBC. */
export default function start(host: Host): void {
  begin(host, { modules: { bc66: { profile: bc66, routes: [new ModuleTlsRoute(Bc66TLSSocket)] } } });
}
