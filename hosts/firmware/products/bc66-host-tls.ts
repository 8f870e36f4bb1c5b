import { bc66 } from "../../../drivers/bc66/profile.js";
import { HostTlsRoute } from "../../../drivers/quectel/routes/host-tls.js";
import { begin } from "../begin.js";
import type { Host } from "../host.js";

/** A BC66, with TLS by the platform's engine. */
export default function start(host: Host): void {
  begin(host, { modules: { bc66: { profile: bc66, routes: [new HostTlsRoute()] } } });
}
