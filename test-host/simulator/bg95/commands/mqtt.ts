import { joinTables, type CommandTable } from "../../modem/call.js";
import { MqttClients } from "../../modem/mqtt-clients.js";
import { configurationTest, mqttCommands, storedMessageCommands } from "../../modem/mqtt-commands.js";
import { bg95MqttItems } from "../../modem/mqtt-configuration.js";
import { bg95MqttDialect } from "../../modem/mqtt-settings.js";
import { ModuleMqttStreams, type MqttTls } from "../../modem/mqtt-stream.js";
import { TlsSetupError } from "../../modem/tls-setup.js";
import type { Bg95Module } from "../module.js";
import { tlsClient } from "../ssl-contexts.js";

/** Header, explicit nonce and tag of AES-GCM. */
const recordOverheadBytes = 29;

/** The MQTT clients of a BG95 and the connections below them. */
export class Bg95Mqtt extends MqttClients {
  readonly streams: ModuleMqttStreams;

  constructor(module: Bg95Module) {
    const { scheduler, settings } = module;
    const streams = new ModuleMqttStreams({
      scheduler,
      network: module.network,
      link: module.link,
      connectTimeoutMs: settings.connectTimeoutMs,
      useContext: (id, ready) => useContext(module, id, ready),
      recordOverheadBytes,
      tls: ({ host, tls }) => tlsOf(module, host, tls.context),
      sent: (socket, before, after) => module.faults.sent(socket, before, after),
    });
    super({
      scheduler,
      dialect: bg95MqttDialect,
      settings: settings.mqtt,
      items: bg95MqttItems,
      streams,
      sendMs: () => module.link.spread(module.link.profile.sendMs),
      urc: text => module.urc(text),
    });
    this.streams = streams;
  }
}

function useContext(module: Bg95Module, id: number, ready: (isActive: boolean) => void): void {
  const context = module.contexts.get(id);
  const { link, settings, scheduler, registration } = module;
  const isFree = context.state === "inactive" && module.contexts.active.length < link.profile.contexts;
  if (context.state === "active" || settings.mqtt.contextDown === "refused" || !isFree) {
    ready(context.state === "active");
    return;
  }
  if (!registration.isRegistered) {
    ready(false);
    return;
  }
  context.state = "activating";
  const boot = module.power.boots;
  scheduler.after(link.spread(link.profile.activateMs), () => {
    if (boot !== module.power.boots) return;
    context.state = registration.isRegistered ? "active" : "inactive";
    ready(context.state === "active");
  });
}

/** The TLS of the context of QSSLCFG as it stands now. */
function tlsOf(module: Bg95Module, host: string, id: number): MqttTls {
  const found = module.ssl[id];
  if (!found) throw new TlsSetupError("there is no such context", "context");
  const context = { ...found };
  return {
    limitMs: context.negotiateTime * 1000,
    client: () => tlsClient(context, host, module.files, module.settings, () => module.clock.nowMs),
  };
}

const clientsOf = (module: Bg95Module): MqttClients => module.mqtt;

/** MQTT Application Note. */
export const mqttCommandsOfBg95: CommandTable<Bg95Module> = Object.fromEntries(
  joinTables(mqttCommands(clientsOf, configurationTest(bg95MqttItems)), storedMessageCommands(clientsOf)),
);
