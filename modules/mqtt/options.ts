import type { Failure } from "../diagnosis/failure.js";
import type { ResolverRecord, SocketRecord } from "../io/socket.js";
import type { Clock, Timer } from "../io/timer.js";
import type { Filter, QoS, Will } from "./packets.js";
import type { Session } from "./session.js";
import type { Field } from "./text.js";

/** What an incoming message says of itself. All but `more` come with its first piece only. */
export interface MessageInfo {
  readonly topic?: string;
  readonly QoS?: QoS;
  readonly retain?: boolean;
  /** The broker sends it again; with QoS 1 the application may have had it. */
  readonly duplicate?: boolean;
  /** Bytes of the whole payload. */
  readonly byteLength?: number;
  /** More follows behind these bytes. */
  readonly more: boolean;
}

/** A control packet that came. */
export interface ControlMessage {
  /** One of `MQTTClient.CONNACK`, `PUBACK`, ... */
  readonly operation: number;
  readonly id?: number;
  /** CONNACK. */
  readonly returnCode?: number;
  /** CONNACK. */
  readonly sessionPresent?: boolean;
  /** SUBACK: a code for each filter: the granted QoS or 0x80. */
  readonly payload?: readonly number[];
}

/** `C` is the class that the callbacks have as `this`. */
export interface MQTTClientOptions<C> {
  readonly host: string;
  /** Default 1883. */
  readonly port?: number;
  /** Client identifier; may be empty with a clean session only. */
  readonly id?: string;
  /** A function is asked each time CONNECT is written: tokens that expire. */
  readonly user?: Field | (() => Field) | undefined;
  readonly password?: Field | (() => Field) | undefined;
  /** Default true: the broker keeps no session. */
  readonly clean?: boolean;
  /** Milliseconds, in whole seconds up to 65,535 s; 0 (default): none. */
  readonly keepAlive?: number;
  readonly will?: Will;
  /** `MQTTClient` resolves the host by it; absent, and by other classes, `host` is given to the socket as it is. */
  readonly dns?: ResolverRecord;
  readonly socket: SocketRecord;

  onControl?(this: C, message: ControlMessage): void;
  /** `count` bytes of a payload can be read; 0 for an empty one. Called again while bytes are left and some were read. */
  onReadable?(this: C, count: number, info: MessageInfo): void;
  /** `count` bytes of packets can be written. Comes first after CONNACK. */
  onWritable?(this: C, count: number): void;
  /** The connection failed or ended; the client is closed. */
  onError?(this: C): void;
  /** Beside ECMA-419: the typed reason, just before `onError`. */
  failure?(this: C, report: Failure): void;
  readonly target?: unknown;

  readonly timer: Timer;
  readonly clock: Clock;
  /** Outlives the client when it is given to the next one; by default each client has its own. */
  readonly session?: Session;
  /** From construction to CONNACK, milliseconds (default 30,000). */
  readonly connectTimeout?: number;
  /** From PINGREQ to a sign of life, milliseconds (default: half of `keepAlive`). */
  readonly responseTimeout?: number;
  /** Without an acknowledgement though one is due, milliseconds (default 60,000; 0: for ever). */
  readonly acknowledgeTimeout?: number;
  /** Bytes of the buffer that outgoing packets are put together in (default 256). */
  readonly bufferLength?: number;
  /** Bytes of the longest topic that can be received (default 256). */
  readonly topicLength?: number;
}

export interface WriteOptions {
  /** Default PUBLISH. */
  readonly operation?: number;
  /** Packet identifier; by default the next free one. */
  readonly id?: number;
  readonly topic?: string;
  readonly QoS?: QoS;
  readonly retain?: boolean;
  readonly duplicate?: boolean;
  /** Bytes of the whole payload, when the rest follows by `write(data)`. */
  readonly byteLength?: number;
  /** SUBSCRIBE and UNSUBSCRIBE. */
  readonly items?: readonly Filter[];
}
