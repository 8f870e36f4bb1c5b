import { bg95 } from "../../../drivers/bg95/profile.js";
import { HostTlsRoute } from "../../../drivers/quectel/routes/host-tls.js";
import { begin } from "../begin.js";
import type { Host } from "../host.js";

/** A BG95, with TLS by the platform's engine. */
export default function start(host: Host): void {
  begin(host, { modules: { bg95: { profile: bg95, routes: [new HostTlsRoute()] } } });
}
