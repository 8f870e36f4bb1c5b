import type { Channel } from "../../modules/at/channel.js";
import type { Command, Parameter } from "../../modules/at/command.js";
import type { Done } from "../../modules/at/request.js";
import type { Failure } from "../../modules/diagnosis/failure.js";
import type { Source } from "../../modules/mqtt/source.js";
import type { Modem } from "./modem.js";
import type { MqttClients } from "./mqtt-clients.js";
import type { MqttLimits } from "./profile.js";
import type { SecureOptions } from "./tls.js";

/** Parameters of `AT+QMTCFG`: item, client, values. `text` is the last value. */
export interface MqttItem {
  readonly values: readonly Parameter[];
  readonly text?: string;
}

/** The head of a message that was read from the module. */
export interface MqttHeader {
  readonly id: number;
  readonly topic: string;
  /** Of the payload; negative: no message was there. */
  readonly byteLength: number;
}

/** What differs between modules whose own MQTT is used: reports, the way of payload out and in, TLS below. */
export interface MqttDialect {
  /** Ids and reports. */
  readonly Clients: new (modem: Modem) => MqttClients;
  readonly limits: MqttLimits;
  /**
   * Bytes of the longest message with its line: it comes in one burst, without flow control, whether it is
   * pushed or asked for.
   */
  readonly burstBytes: number;
  /** Size of the ring for received messages, where none is given. */
  readonly receiveBytes: number;
  /** Items beside those that all modules have. */
  items(client: number, context: number): readonly MqttItem[];
  /** Publishes; the broker's answer comes by report. `head`: client, id, QoS, retain, topic. */
  publish(channel: Channel, head: readonly Parameter[], payload: Source, done: Done<void>): void;
  /** Takes a message that waits in the module out of its place. Absent: messages come unasked. */
  readonly take?: Command<MqttHeader, readonly [client: number, place: number]>;
  /** The places of messages that wait in the module. */
  waiting?(client: number): Command<readonly number[]>;
  /** Makes TLS below a client ready; gives the values behind the 1 of item "ssl". */
  secure(
    modem: Modem,
    client: number,
    secure: SecureOptions,
    done: (reason: Failure | undefined, values: readonly number[]) => void,
  ): void;
}
