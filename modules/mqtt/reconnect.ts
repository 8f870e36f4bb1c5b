import type { Random } from "../io/timer.js";
import type { ConnectionOwner } from "./connection.js";
import type { MQTTLink } from "./link.js";
import type { MQTTClientOptions } from "./options.js";
import { Session, type Message, type Subscription } from "./session.js";

/** `C`: the class of each connection. */
export interface ReconnectOptions<C extends MQTTLink> extends MQTTClientOptions<C> {
  /** As in the records of `device.network`: `MQTTClient`, the smaller `MQTTConnection`, or `ModuleMQTT`. */
  readonly io: new (options: MQTTClientOptions<C>, session?: Session, owner?: ConnectionOwner) => C;
  readonly random: Random;
  /** Upper bound of the first delay, milliseconds (default 1,000); it doubles with each failure. */
  readonly minimumDelay?: number;
  /** What that bound never exceeds, milliseconds (default 120,000). */
  readonly maximumDelay?: number;
}

/**
 * Connects again and again: exponential backoff with full jitter, that is any time up to a bound
 * that doubles, so that a thousand devices do not come back in step after an outage.
 *
 * The bound falls back only after a connection that outlasted it: a broker that accepts and then
 * throws out (two devices with one client identifier) is not hammered.
 *
 * Callbacks are those of `io` and have the connection's client as `this`; `failure` and
 * `onError` tell each connection's end, when `delay` stands already. Messages and subscriptions
 * wait in the session meanwhile.
 */
export class ReconnectingMQTTClient<C extends MQTTLink> implements ConnectionOwner {
  readonly session: Session;
  /** The present connection; none while waiting for the next. */
  client: C | undefined;
  /** Milliseconds from the end of the last connection to the begin of the next. */
  delay = 0;
  private readonly options: ReconnectOptions<C>;
  /** Connections that failed since the last good one. */
  private failures = 0;
  private timer: unknown;
  private closing = false;

  /** Begins to connect. Throws as `io` does. */
  constructor(options: ReconnectOptions<C>) {
    this.options = options;
    this.session = options.session ?? new Session();
    this.open();
  }

  /** As `MQTTConnection.publish`, at any time. */
  publish(message: Message): void {
    (this.client ?? this.session).publish(message);
  }

  /** As `MQTTConnection.subscribe`, at any time. */
  subscribe(subscriptions: readonly Subscription[]): void {
    (this.client ?? this.session).subscribe(subscriptions);
  }

  unsubscribe(subscriptions: readonly Subscription[]): void {
    (this.client ?? this.session).unsubscribe(subscriptions);
  }

  /** Takes leave with DISCONNECT where that can be written, and gives the broker up to two seconds to hang up. */
  close(): void {
    const client = this.client;
    const timer = this.options.timer;
    this.closing = true;
    timer.clear(this.timer);
    if (client?.disconnect()) this.timer = timer.set(() => client.close(), 2000);
    // Not connected, or in the middle of a packet: the broker will see it end without DISCONNECT.
    else client?.close();
  }

  /** A connection has ended, or did not come about. */
  ended(client: MQTTLink): void {
    const options = this.options;
    const minimum = options.minimumDelay ?? 1000;
    const connectedAt = client.connectedAt;
    let bound = Math.min(minimum * 2 ** this.failures, options.maximumDelay ?? 120_000);
    if (connectedAt !== undefined && options.clock.delta(connectedAt) >= bound) {
      this.failures = 0;
      bound = minimum;
    }
    this.failures++;
    this.delay = options.random() * bound;
    this.client = undefined;
    options.timer.clear(this.timer);
    if (!this.closing) this.timer = options.timer.set(() => this.open(), this.delay);
  }

  private open(): void {
    this.client = new this.options.io(this.options, this.session, this);
  }
}
