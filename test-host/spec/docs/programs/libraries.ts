import * as bc66 from "../../../../drivers/bc66/index.js";
import { bc66Mqtt } from "../../../../drivers/bc66/mqtt.js";
import * as bg95 from "../../../../drivers/bg95/index.js";
import { bg95Mqtt } from "../../../../drivers/bg95/mqtt.js";
import { HostTlsRoute } from "../../../../drivers/quectel/routes/host-tls.js";
import { ModuleMqttRoute } from "../../../../drivers/quectel/routes/module-mqtt.js";
import { ModuleTlsRoute } from "../../../../drivers/quectel/routes/module-tls.js";
import { MQTTConnection } from "../../../../modules/mqtt/connection.js";
import { ReconnectingMQTTClient } from "../../../../modules/mqtt/reconnect.js";

/** Everything that the manifests of the drivers list, loaded and not used. */
export default function main(): void {
  const loaded = [bc66, bc66Mqtt, bg95, bg95Mqtt, HostTlsRoute, ModuleMqttRoute, ModuleTlsRoute];
  if (loaded.length + MQTTConnection.length + ReconnectingMQTTClient.length < 7)
    throw new Error("not loaded");
}
