import { bc66Core } from "../../../drivers/bc66/core.js";
import { bc66Sockets } from "../../../drivers/bc66/tcp.js";
import { HostTlsRoute } from "../../../drivers/quectel/routes/host-tls.js";
import type { Profile } from "../../../drivers/quectel/profile.js";
import { begin } from "../begin.js";
import type { Host } from "../host.js";

const profile: Profile = Object.freeze({ ...bc66Core, ...bc66Sockets });

/** A BC66, with TLS by the platform's engine. */
export default function start(host: Host): void {
  begin(host, {
    modules: {
      bc66: { profile, routes: [new HostTlsRoute()] },
    },
  });
}
