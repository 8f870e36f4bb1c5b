import { bc66Mqtt } from "../../../drivers/bc66/mqtt.js";
import { bc66 } from "../../../drivers/bc66/profile.js";
import { Bc66TLSSocket } from "../../../drivers/bc66/tls.js";
import { bg95 } from "../../../drivers/bg95/profile.js";
import { flightReport } from "../../../drivers/quectel/flight-report.js";
import { HostTlsRoute } from "../../../drivers/quectel/routes/host-tls.js";
import { bg95Mqtt } from "../../../drivers/bg95/mqtt.js";
import { ModuleMqttRoute } from "../../../drivers/quectel/routes/module-mqtt.js";
import { ModuleTlsRoute } from "../../../drivers/quectel/routes/module-tls.js";
import { TCP } from "../../../drivers/quectel/tcp.js";
import { tlsObstacle } from "../../../drivers/quectel/tls-obstacle.js";
import { TLSSocket } from "../../../drivers/quectel/tls.js";
import { withModuleStore } from "../module-store.js";
import type { Product } from "../product.js";
import { withProvisioning } from "../provisioning.js";
import { Token } from "../token.js";

/** Every module and every route: for the simulation, and for a product that is not decided yet. */
export function everything(): Product {
  const hostTls = new HostTlsRoute(flightReport, tlsObstacle);
  return {
    modules: {
      bg95: {
        profile: bg95,
        routes: [
          new ModuleTlsRoute(TLSSocket, TCP, tlsObstacle),
          hostTls,
          new ModuleMqttRoute(bg95Mqtt, tlsObstacle),
        ],
      },
      bc66: {
        profile: bc66,
        routes: [
          hostTls,
          new ModuleTlsRoute(Bc66TLSSocket, TCP, tlsObstacle),
          new ModuleMqttRoute(bc66Mqtt, tlsObstacle),
        ],
      },
    },
    Token,
    withProvisioning: host => withProvisioning(withModuleStore(host)),
  };
}
