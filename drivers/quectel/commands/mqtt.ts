/** Quectel BG95 MQTT Application Note V1.1 and BC66 MQTT Application Note V2.0: what both modules have. */
import {
  command,
  plainCommand,
  plainQuery,
  type Command,
  type Parameter,
} from "../../../modules/at/command.js";

/**
 * Sets an item of a client, for its next opening; nothing of it is kept over a restart or deep sleep:
 *
 *     version     3 MQTT 3.1, 4 MQTT 3.1.1
 *     session     1 clean (default), 0 kept by the broker
 *     keepalive   seconds, 0 to 3600; 0: none
 *     timeout     seconds for one answer (1 to 60), how often a packet is repeated (0 to 10), 1: repetitions are reported
 *     will        0, or 1, QoS, retain, topic, message
 *     ssl         0, or 1 and the TLS context; on the BC66 also the connection that holds the credentials
 *     pdpcid      BG95: PDP context
 *     recv/mode   BG95: 1 messages wait in five buffers, 1 with their length
 *     dataformat  BC66: 1 payload is sent, and received, as hexadecimal digits
 *
 * Without values it would be a question. A will's message is the payload.
 */
export const setMqttItem = command<readonly Parameter[]>({
  text: "AT+QMTCFG=",
  timeoutMs: 1_000,
  quoted: true,
});

/** Whether the module has this client open: also one from before a restart on this side. */
export function isMqttOpen(client: number): Command<boolean> {
  return plainQuery<boolean>(
    "AT+QMTOPEN?",
    5_000,
    "+QMTOPEN:",
    (line, sofar) => sofar === true || line.int(0) === client,
    false,
  );
}

/** Opens the connection below a client: `OK` at once, `+QMTOPEN: <client>,<result>` within 75 s; TLS may take longer. */
export const openMqtt = plainCommand<readonly [client: number, host: string, port: number]>(
  "AT+QMTOPEN=",
  75_000,
);

/**
 * Sends CONNECT: `OK` at once, `+QMTCONN: <client>,<result>[,<CONNACK code>]` within the time of
 * "timeout". A password is the payload: with it the line may be longer than a line is else.
 */
export const connectMqtt = command<readonly [client: number, id: string, user: string | undefined]>({
  text: "AT+QMTCONN=",
  timeoutMs: 15_000,
  quoted: true,
  secret: true,
});

/** Whether CONNACK came and the connection still stands (state 3). */
export function isMqttConnected(client: number): Command<boolean> {
  return plainQuery<boolean>(
    "AT+QMTCONN?",
    5_000,
    "+QMTCONN:",
    (line, sofar) => sofar === true || (line.int(0) === client && line.int(1) === 3),
    false,
  );
}

/** Subscribes: `OK` at once, then `+QMTSUB: <client>,<id>,<result>,<granted>`. */
export const subscribeMqtt = plainCommand<readonly [client: number, id: number, topic: string, QoS: number]>(
  "AT+QMTSUB=",
  15_000,
);

/** Unsubscribes: `OK` at once, then `+QMTUNS: <client>,<id>,<result>`. */
export const unsubscribeMqtt = plainCommand<readonly [client: number, id: number, topic: string]>(
  "AT+QMTUNS=",
  15_000,
);

/** Sends DISCONNECT: `OK` at once, then `+QMTDISC: <client>,<result>`. */
export const disconnectMqtt = plainCommand<readonly [client: number]>("AT+QMTDISC=", 15_000);

/** Ends the connection without DISCONNECT: `OK` at once, then `+QMTCLOSE: <client>,<result>`; `ERROR` when it is not open. */
export const closeMqtt = plainCommand<readonly [client: number]>("AT+QMTCLOSE=", 15_000);
