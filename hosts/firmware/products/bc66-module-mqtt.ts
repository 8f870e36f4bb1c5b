import { bc66Mqtt } from "../../../drivers/bc66/mqtt.js";
import { bc66 } from "../../../drivers/bc66/profile.js";
import { ModuleMqttRoute } from "../../../drivers/quectel/routes/module-mqtt.js";
import { begin } from "../begin.js";
import type { Host } from "../host.js";

/** A BC66 that does TLS and MQTT by itself. */
export default function start(host: Host): void {
  begin(host, { modules: { bc66: { profile: bc66, routes: [new ModuleMqttRoute(bc66Mqtt)] } } });
}
