import { bg95Core } from "../../../drivers/bg95/core.js";
import { bg95Sockets } from "../../../drivers/bg95/tcp.js";
import { bg95Tls } from "../../../drivers/bg95/tls.js";
import { ModuleTlsRoute } from "../../../drivers/quectel/routes/module-tls.js";
import { TCP } from "../../../drivers/quectel/tcp.js";
import { TLSSocket } from "../../../drivers/quectel/tls.js";
import type { Profile } from "../../../drivers/quectel/profile.js";
import { begin } from "../begin.js";
import type { Host } from "../host.js";

const profile: Profile = Object.freeze({ ...bg95Core, ...bg95Sockets, ...bg95Tls });

/** A BG95 with its own TLS. */
export default function start(host: Host): void {
  begin(host, {
    modules: {
      bg95: {
        profile,
        routes: [new ModuleTlsRoute(TLSSocket, TCP)],
      },
    },
  });
}
