import type { IPublishPacket, Packet, QoS } from "mqtt-packet";

export interface MqttWill {
  readonly qos: QoS;
  readonly retain: boolean;
  /** Bytes as Latin-1. */
  readonly topic: string;
  readonly message: string;
}

/** All texts are bytes as Latin-1, as they came over the UART. */
export interface MqttConnectOptions {
  readonly version: 3 | 4;
  readonly clientId: string;
  readonly user?: string;
  readonly password?: string;
  readonly keepAliveS: number;
  readonly cleanSession: boolean;
  readonly will?: MqttWill;
}

export interface MqttPublication {
  readonly id: number;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly topic: string;
  readonly payload: Uint8Array;
}

/** A message from the broker. */
export interface MqttMessage {
  readonly id: number;
  readonly topic: string;
  readonly payload: Uint8Array;
}

export type SubscriptionList = readonly { readonly topic: string; readonly qos: QoS }[];

/** 0 to 5 of a CONNACK. */
export function returnCode(packet: Packet): number {
  return packet.cmd === "connack" ? (packet.returnCode ?? 0) : 0;
}

export function connectPacket(options: MqttConnectOptions): Packet {
  const { version, clientId, user, password, keepAliveS, cleanSession, will } = options;
  return {
    cmd: "connect",
    protocolId: version === 3 ? "MQIsdp" : "MQTT",
    protocolVersion: version,
    clean: cleanSession,
    clientId: toText(clientId),
    keepalive: keepAliveS,
    ...(user === undefined ? {} : { username: toText(user) }),
    ...(password === undefined ? {} : { password: Buffer.from(password, "latin1") }),
    ...(will === undefined
      ? {}
      : {
          will: {
            topic: toText(will.topic),
            payload: Buffer.from(will.message, "latin1"),
            qos: will.qos,
            retain: will.retain,
          },
        }),
  };
}

export function subscribePacket(id: number, list: SubscriptionList): Packet {
  const subscriptions = list.map(({ topic, qos }) => ({ topic: toText(topic), qos }));
  return { cmd: "subscribe", messageId: id, subscriptions };
}

export function unsubscribePacket(id: number, topics: readonly string[]): Packet {
  return { cmd: "unsubscribe", messageId: id, unsubscriptions: topics.map(toText) };
}

export function publishPacket(publication: MqttPublication, isDuplicate: boolean): IPublishPacket {
  const { id, qos, retain, topic, payload } = publication;
  return {
    cmd: "publish",
    qos,
    retain,
    dup: isDuplicate,
    topic: toText(topic),
    payload: Buffer.from(payload),
    ...(qos === 0 ? {} : { messageId: id }),
  };
}

/** Bytes of the UART as text: topics and names are UTF-8. */
function toText(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

export function toLatin1(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}
