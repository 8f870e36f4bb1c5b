import { bg95Core } from "../../../drivers/bg95/core.js";
import { bg95Sockets } from "../../../drivers/bg95/tcp.js";
import { HostTlsRoute } from "../../../drivers/quectel/routes/host-tls.js";
import type { Profile } from "../../../drivers/quectel/profile.js";
import { begin } from "../begin.js";
import type { Host } from "../host.js";

const profile: Profile = Object.freeze({ ...bg95Core, ...bg95Sockets });

/** A BG95, with TLS by the platform's engine. */
export default function start(host: Host): void {
  begin(host, {
    modules: {
      bg95: { profile, routes: [new HostTlsRoute()] },
    },
  });
}
