import type { Link } from "../../link.js";
import type { CommandTable } from "../../modem/call.js";
import { MqttClients } from "../../modem/mqtt-clients.js";
import { configurationTest, mqttCommands } from "../../modem/mqtt-commands.js";
import { bc66MqttItems } from "../../modem/mqtt-configuration.js";
import { bc66MqttDialect, type MqttSettings } from "../../modem/mqtt-settings.js";
import { ModuleMqttStreams, type MqttTls } from "../../modem/mqtt-stream.js";
import type { Network } from "../../network.js";
import type { Scheduler } from "../../scheduler.js";

/** What the MQTT clients need of the BC66 around them. */
export interface Bc66MqttHost {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly link: Link;
  readonly settings: { readonly mqtt: MqttSettings; readonly connectTimeoutMs: number };
  /** A TLS record around application data. */
  readonly recordOverheadBytes: number;
  /** The default bearer carries data. */
  readonly hasBearer: () => boolean;
  /** TLS as a connection of QSSLCFG is set up; its `client` may throw a `TlsSetupError`. */
  readonly tls: (context: number, connection: number, host: string) => MqttTls;
  readonly urc: (text: string) => void;
  readonly sent: (socket: number, before: number, after: number) => void;
}

/** The only PDP context of a BC66 that works. */
const bearer = 1;

/** The MQTT clients of a BC66 and the connections below them. */
export class Bc66Mqtt extends MqttClients {
  readonly streams: ModuleMqttStreams;

  constructor(host: Bc66MqttHost) {
    const { scheduler, network, link, settings, recordOverheadBytes } = host;
    const streams = new ModuleMqttStreams({
      scheduler,
      network,
      link,
      connectTimeoutMs: settings.connectTimeoutMs,
      recordOverheadBytes,
      useContext: (_context, ready) => ready(host.hasBearer()),
      tls: target => host.tls(target.tls.context, target.tls.connection, target.host),
      sent: (socket, before, after) => host.sent(socket, before, after),
    });
    super({
      scheduler,
      dialect: bc66MqttDialect,
      settings: settings.mqtt,
      items: bc66MqttItems,
      streams,
      sendMs: () => link.spread(link.profile.sendMs),
      urc: text => host.urc(text),
    });
    this.streams = streams;
  }

  /** The bearer is down, and the module knows. */
  bearerDown(): void {
    this.streams.contextDown(bearer);
  }

  /** Radio dead: connections stay as they look, and nothing passes. */
  silence(): void {
    this.streams.sockets.silence(bearer);
  }
}

/** MQTT Application Note V2.0. */
export function bc66MqttCommands<M extends { readonly mqtt: MqttClients }>(): CommandTable<M> {
  return mqttCommands((module: M) => module.mqtt, configurationTest(bc66MqttItems));
}
