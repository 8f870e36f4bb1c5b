import { bc66Core } from "../../../drivers/bc66/core.js";
import { bc66Tls } from "../../../drivers/bc66/tls-limits.js";
import { Bc66TLSSocket } from "../../../drivers/bc66/tls.js";
import { ModuleTlsRoute } from "../../../drivers/quectel/routes/module-tls.js";
import type { Profile } from "../../../drivers/quectel/profile.js";
import { begin } from "../begin.js";
import type { Host } from "../host.js";

const profile: Profile = Object.freeze({ ...bc66Core, ...bc66Tls });

/** A BC66 with its own TLS, for brokers that still take static RSA with CBC; none without TLS. */
export default function start(host: Host): void {
  begin(host, {
    modules: {
      bc66: {
        profile,
        routes: [new ModuleTlsRoute(Bc66TLSSocket)],
      },
    },
  });
}
