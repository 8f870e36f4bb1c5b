/** MQTT by the BC66. Quectel BC66&BC66-NA MQTT Application Note V2.0; strings of firmware BC66NBR01A10. */
import type { Channel } from "../../modules/at/channel.js";
import { command, type Parameter, type Urc } from "../../modules/at/command.js";
import type { Line } from "../../modules/at/line.js";
import type { Done } from "../../modules/at/request.js";
import type { Source } from "../../modules/mqtt/source.js";
import { MqttClients, mqttUrc, mqttUrcs, type MqttReceiver } from "../quectel/mqtt-clients.js";
import type { MqttDialect } from "../quectel/mqtt-dialect.js";
import { tlsSettings } from "../quectel/tls-settings.js";
import { TLS_CONTEXT } from "./commands-ssl.js";
import { TlsConnections } from "./tls-connections.js";

/**
 * The message stands in the command, as hexadecimal digits: any byte passes, no prompt has to be
 * waited for (and 500 ms behind it), and nothing that arrives meanwhile is lost, as it is in data mode.
 */
const publish = command<readonly Parameter[]>({
  text: "AT+QMTPUB=",
  timeoutMs: 30_000,
  quoted: true,
  hex: true,
});

const urcs: readonly Urc[] = Object.freeze(
  mqttUrcs.concat(
    // `+QMTRECV: <client>,<id>,"<topic>","<digits>"`
    Object.freeze<Urc>({ name: "QMTRECV", prefix: "+QMTRECV:", inline: Object.freeze({ fields: 3 }) }),
    // Repetitions, which the module sees to by itself.
    mqttUrc("QMTPING"),
    mqttUrc("QMTKEEPALIVE"),
    mqttUrc("QMTPRESP"),
    mqttUrc("QMTPUBREL"),
    mqttUrc("QMTPUBREC"),
  ),
);

/** Reports of a BC66, which pushes messages. */
class Bc66MqttClients extends MqttClients {
  readonly urcs = urcs;
  /** Of TLS; absent as long as no client uses it. */
  connections: TlsConnections | undefined;
  /** Whose message is coming. */
  private receiver: MqttReceiver | undefined;
  private topic = "";
  private id = 0;
  /** Value of a digit whose other half has not come; -1: none. */
  private half = -1;

  override detach(id: number): void {
    super.detach(id);
    this.connections?.releaseClient(id);
  }

  override onReport(name: string, line: Line): boolean {
    // As after a failed AT+QSSLOPEN: what was stored may have been changed on its way.
    if (name === "QMTOPEN" && line.int(1) < 0) this.connections?.releaseClient(line.int(0), true);
    if (name !== "QMTRECV") return super.onReport(name, line);
    const receiver = (this.receiver = this.clients[line.int(0)]);
    this.id = line.int(1);
    this.topic = line.text(2);
    this.half = -1;
    receiver?.inbox.begin();
    // A topic with a quotation mark in it cannot be told from what follows.
    if (!line.opens) receiver?.onMessage(false);
    return true;
  }

  onPayload(name: string, bytes: Uint8Array, start: number, end: number, left: number): boolean {
    const receiver = this.receiver;
    if (name !== "QMTRECV") return false;
    if (left <= 0) {
      this.receiver = undefined;
      if (left === 0) receiver?.inbox.end(this.topic, this.id);
      receiver?.onMessage(left === 0 && this.half < 0);
    } else receiver?.inbox.write(bytes, start, this.decode(bytes, start, end));
    return true;
  }

  /** Puts the bytes that the digits mean in their place; returns where they end. */
  private decode(bytes: Uint8Array, start: number, end: number): number {
    let to = start;
    let half = this.half;
    for (let i = start; i < end; i++) {
      const c = bytes[i] ?? 0;
      const value = c > 0x39 ? (c | 0x20) - 0x57 : c - 0x30;
      if (half < 0) half = value;
      else {
        bytes[to++] = (half << 4) | value;
        half = -1;
      }
    }
    this.half = half;
    return to;
  }
}

export const bc66Mqtt: MqttDialect = Object.freeze<MqttDialect>({
  Clients: Bc66MqttClients,
  // MQTT note V2.0; payload by prompt. A window is not documented: one at a time.
  limits: Object.freeze({
    hostMax: 150,
    clientIdMax: 128,
    userMax: 256,
    passwordMax: 256,
    topicMax: 255,
    // Half of the 700 characters that a command takes, because they are hexadecimal digits. 1,024 at a
    // prompt are not used: what arrives in data mode is thrown away, and a message would be lost unseen.
    payloadMax: 350,
    willMax: 255,
    window: 1,
  }),
  // `\r\n+QMTRECV: 0,65535,"<topic>","<digits>"\r\n`
  burstBytes: 2_330,
  // As much as the module itself can publish.
  receiveBytes: 1_024,

  // Digits both ways: text is neither escaped nor counted by the module.
  items: (client: number) => [{ values: ["dataformat", client, 1, 1] }],

  publish(channel: Channel, head: readonly Parameter[], source: Source, done: Done<void>): void {
    channel.run(publish, head, done, { source });
  },

  secure(modem, client, secure, done): void {
    const settings = tlsSettings(secure, modem, "AT+QMTOPEN");
    if ("kind" in settings) {
      done(settings, []);
      return;
    }
    const connections = modem.extension(TlsConnections);
    modem.extension(Bc66MqttClients).connections = connections;
    connections.releaseClient(client);
    connections.acquire({ client }, settings, (reason, connection) =>
      done(reason, [TLS_CONTEXT, connection]),
    );
  },
});
