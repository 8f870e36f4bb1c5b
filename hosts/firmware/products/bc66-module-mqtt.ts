import { bc66Core } from "../../../drivers/bc66/core.js";
import { bc66Tls } from "../../../drivers/bc66/tls-limits.js";
import { bc66Mqtt } from "../../../drivers/bc66/mqtt.js";
import { ModuleMqttRoute } from "../../../drivers/quectel/routes/module-mqtt.js";
import type { Profile } from "../../../drivers/quectel/profile.js";
import { begin } from "../begin.js";
import type { Host } from "../host.js";

const profile: Profile = Object.freeze({ ...bc66Core, ...bc66Tls });

/** A BC66 that does TLS and MQTT by itself. */
export default function start(host: Host): void {
  begin(host, {
    modules: {
      bc66: { profile, routes: [new ModuleMqttRoute(bc66Mqtt)] },
    },
  });
}
