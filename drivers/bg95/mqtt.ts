/** MQTT by the BG95. Quectel BG95 MQTT Application Note V1.1. */
import type { Channel } from "../../modules/at/channel.js";
import { command, plainQuery, query, type Parameter, type Urc } from "../../modules/at/command.js";
import type { Done } from "../../modules/at/request.js";
import type { Source } from "../../modules/mqtt/source.js";
import { MqttClients, mqttUrc, mqttUrcs } from "../quectel/mqtt-clients.js";
import type { MqttDialect, MqttHeader } from "../quectel/mqtt-dialect.js";
import { TlsContexts } from "../quectel/tls-contexts.js";
import { tlsSettings } from "../quectel/tls-settings.js";

/** Message behind the prompt, as many bytes as announced, whatever they are. */
const publish = command<readonly Parameter[]>({ text: "AT+QMTPUB=", timeoutMs: 30_000, prompt: ">" });

/** A length of 0 is refused: an empty message is ended by Ctrl+Z. */
const publishEmpty = command<readonly Parameter[]>({
  text: "AT+QMTPUB=",
  timeoutMs: 30_000,
  prompt: ">",
  terminator: 0x1a,
});

// A message waits: client and place. The answers to AT+QMTRECV are longer.
const urcs: readonly Urc[] = Object.freeze(mqttUrcs.concat(mqttUrc("QMTRECV", line => !line.has(2))));

/** Reports of a BG95. */
class Bg95MqttClients extends MqttClients {
  readonly urcs = urcs;
}

export const bg95Mqtt: MqttDialect = Object.freeze<MqttDialect>({
  Clients: Bg95MqttClients,
  // MQTT note V1.1. No limits are given for client identifier, user name and password: those of the BC66.
  limits: Object.freeze({
    hostMax: 100,
    clientIdMax: 128,
    userMax: 256,
    passwordMax: 256,
    topicMax: 255,
    payloadMax: 4_096,
    willMax: 255,
    window: 5,
  }),
  // `\r\n+QMTRECV: 0,65535,"<topic>",4096,"<payload>"\r\n\r\nOK\r\n`
  burstBytes: 4_389,
  // The longest message that the module itself can publish.
  receiveBytes: 4_096,

  items: (client: number, context: number) => [
    { values: ["pdpcid", client, context] },
    // Messages wait in the module and are told with their length: any byte can be in them.
    { values: ["recv/mode", client, 1, 1] },
  ],

  // AT+QMTPUBEX would save waiting for the prompt, but takes no quotation marks and no control characters.
  publish(channel: Channel, head: readonly Parameter[], source: Source, done: Done<void>): void {
    const byteLength = source.byteLength;
    if (byteLength > 0) channel.run(publish, head.concat(byteLength), done, { source });
    else channel.run(publishEmpty, head, done, { source });
  },

  // `+QMTRECV: <client>,<id>,"<topic>",<length>,"<payload>"`; only OK when nothing is there.
  take: query<MqttHeader, readonly [client: number, place: number]>({
    text: "AT+QMTRECV=",
    timeoutMs: 15_000,
    prefix: "+QMTRECV:",
    inline: 4,
    raw: line => line.int(3),
    empty: Object.freeze({ id: 0, topic: "", byteLength: -1 }),
    read: line => ({ id: line.int(1), topic: line.text(2), byteLength: line.int(3) }),
  }),

  // `+QMTRECV: <client>,<state of place 0>,...,<4>`
  waiting: (client: number) =>
    plainQuery<readonly number[]>(
      "AT+QMTRECV?",
      5_000,
      "+QMTRECV:",
      (line, sofar) =>
        line.int(0) === client ? [0, 1, 2, 3, 4].filter(place => line.int(place + 1) === 1) : (sofar ?? []),
      Object.freeze([]),
    ),

  secure(modem, _client, secure, done): void {
    const settings = tlsSettings(secure, modem, "AT+QMTOPEN");
    if ("kind" in settings) done(settings, []);
    else modem.extension(TlsContexts).acquire(settings, (reason, context) => done(reason, [context]));
  },
});
