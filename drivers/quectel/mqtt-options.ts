import type { SocketRecord } from "../../modules/io/socket.js";
import { MQTTError } from "../../modules/mqtt/error.js";
import type { MQTTClientOptions } from "../../modules/mqtt/options.js";
import type { Will } from "../../modules/mqtt/packets.js";
import type { Field } from "../../modules/mqtt/text.js";
import type { Modem } from "./modem.js";
import type { MqttDialect, MqttItem } from "./mqtt-dialect.js";
import { lineText } from "./mqtt-text.js";
import type { MqttLimits } from "./profile.js";
import type { SecureOptions } from "./tls.js";

/** How the module reaches the broker. Modem and dialect are required, and optional in type so that the record fits any client. */
export interface ModuleMQTTRecord extends SocketRecord {
  readonly modem?: Modem;
  readonly dialect?: MqttDialect;
  /** TLS by the module; absent: plain TCP. */
  readonly secure?: SecureOptions;
}

/** `C` is the class that the callbacks have as `this`. `dns` and `bufferLength` are not used: the module has its own. */
export interface ModuleMQTTOptions<C> extends MQTTClientOptions<C> {
  readonly socket: ModuleMQTTRecord;
  /** Bytes of the ring for received messages (default: that of the dialect). */
  readonly receiveLength?: number;
}

/** What `AT+QMTCONN` tells. */
export interface MqttLogin {
  readonly id: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
}

/** What the application's function throws may hold a token: it is not repeated. */
function lineField(name: string, field: Field | (() => Field) | undefined, most: number): string | undefined {
  if (typeof field === "function") {
    try {
      field = field();
    } catch {
      throw new MQTTError("exception", name, "");
    }
  }
  return field === undefined ? undefined : lineText("AT+QMTCONN", name, field, most);
}

/** Asks for user name and password. Throws a `MQTTError` on what the module cannot be told. */
export function mqttLogin(options: ModuleMQTTOptions<unknown>, limits: MqttLimits): MqttLogin {
  const id = lineText("AT+QMTCONN", "client identifier", options.id ?? "", limits.clientIdMax);
  const user = lineField("user name", options.user, limits.userMax);
  const password = lineField("password", options.password, limits.passwordMax);
  lineText("AT+QMTOPEN", "host", options.host, limits.hostMax);
  // MQTT 3.1.1 has no password without a user name, which may be empty.
  return { id, user: password === undefined ? user : (user ?? ""), password };
}

function willItem(client: number, will: Will | undefined, most: number): MqttItem {
  if (!will) return { values: ["will", client, 0] };
  const topic = lineText("AT+QMTCFG", "will topic", will.topic, most);
  const text = lineText("AT+QMTCFG", "will message", will.message ?? "", most);
  return { values: ["will", client, 1, will.QoS ?? 0, will.retain ? 1 : 0, topic], text };
}

/** Items of `AT+QMTCFG` that every module has. `answerS`: seconds for one answer. Throws as `mqttLogin`. */
export function mqttItems(
  client: number,
  options: ModuleMQTTOptions<unknown>,
  limits: MqttLimits,
  answerS: number,
): readonly MqttItem[] {
  return [
    // 3.1.1
    { values: ["version", client, 4] },
    { values: ["session", client, options.clean === false ? 0 : 1] },
    // A shorter one than wished for does no harm.
    { values: ["keepalive", client, Math.min(Math.ceil((options.keepAlive ?? 0) / 1_000), 3_600)] },
    { values: ["timeout", client, answerS, 1, 0] },
    willItem(client, options.will, limits.willMax),
  ];
}
