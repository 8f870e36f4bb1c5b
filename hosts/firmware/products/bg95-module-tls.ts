import { bg95 } from "../../../drivers/bg95/profile.js";
import { ModuleTlsRoute } from "../../../drivers/quectel/routes/module-tls.js";
import { TCP } from "../../../drivers/quectel/tcp.js";
import { TLSSocket } from "../../../drivers/quectel/tls.js";
import { begin } from "../begin.js";
import type { Host } from "../host.js";

/** A BG95 with its own TLS. */
export default function start(host: Host): void {
  begin(host, { modules: { bg95: { profile: bg95, routes: [new ModuleTlsRoute(TLSSocket, TCP)] } } });
}
