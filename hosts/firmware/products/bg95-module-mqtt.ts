import { bg95Core } from "../../../drivers/bg95/core.js";
import { bg95Tls } from "../../../drivers/bg95/tls.js";
import { bg95Mqtt } from "../../../drivers/bg95/mqtt.js";
import { ModuleMqttRoute } from "../../../drivers/quectel/routes/module-mqtt.js";
import type { Profile } from "../../../drivers/quectel/profile.js";
import { begin } from "../begin.js";
import type { Host } from "../host.js";

const profile: Profile = Object.freeze({ ...bg95Core, ...bg95Tls });

/** A BG95 that does TLS and MQTT by itself. */
export default function start(host: Host): void {
  begin(host, {
    modules: {
      bg95: { profile, routes: [new ModuleMqttRoute(bg95Mqtt)] },
    },
  });
}
