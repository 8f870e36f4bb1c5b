import type { Message, Session, Subscription } from "./session.js";

/**
 * One connection to a broker, whoever speaks MQTT on it: the firmware over a socket
 * (`MQTTConnection`) or the module (`ModuleMQTT`). Messages and subscriptions are kept in the
 * session and outlive it. Options and callbacks are those of `MQTTClientOptions`.
 */
export interface MQTTLink {
  readonly session: Session;
  /** The clock's ticks at CONNACK; absent before. */
  readonly connectedAt: number | undefined;
  publish(message: Message): void;
  subscribe(subscriptions: readonly Subscription[]): void;
  unsubscribe(subscriptions: readonly Subscription[]): void;
  /** At most `count` bytes of the present message; `undefined` when none are there. */
  read(count?: number): ArrayBuffer | undefined;
  /** Fills `view` as far as bytes of the present message are there; returns how many. */
  read(view: Uint8Array): number | undefined;
  /** Takes leave of the broker with DISCONNECT. False when that cannot be done now. */
  disconnect(): boolean;
  /** Ends the connection at once. Nothing calls back afterwards. */
  close(): void;
}
