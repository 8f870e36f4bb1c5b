import type { Failure } from "../diagnosis/failure.js";
import type { Random } from "../io/timer.js";
import { MQTTClient } from "./client.js";
import type { MQTTClientOptions } from "./options.js";
import { Session, type Message, type Subscription } from "./session.js";

export interface ReconnectOptions extends MQTTClientOptions {
  readonly random: Random;
  /** Upper bound of the first delay, milliseconds (default 1,000); it doubles with each failure. */
  readonly minimumDelay?: number;
  /** What that bound never exceeds, milliseconds (default 120,000). */
  readonly maximumDelay?: number;
  /** A connection ended or did not come about; the next is begun after `delay` milliseconds. */
  readonly onDisconnected?: (report: Failure | undefined, delay: number) => void;
}

/**
 * Connects again and again: exponential backoff with full jitter, that is any time up to a bound
 * that doubles, so that a thousand devices do not come back in step after an outage.
 *
 * The bound falls back only after a connection that outlasted it: a broker that accepts and then
 * throws out (two devices with one client identifier) is not hammered.
 *
 * Callbacks are those of `MQTTClient` and have the connection's client as `this`; `failure` and
 * `onError` tell each connection's end. Messages and subscriptions wait in the session meanwhile.
 */
export class ReconnectingMQTTClient {
  readonly session: Session;
  /** The present connection; none while waiting for the next. */
  client: MQTTClient | undefined;
  private readonly options: ReconnectOptions;
  private readonly derived: MQTTClientOptions;
  /** Connections that failed since the last good one. */
  private failures = 0;
  private connectedAt: number | undefined;
  private timer: unknown;
  private report: Failure | undefined;
  private closing = false;

  /** Begins to connect. Throws as `MQTTClient` does. */
  constructor(options: ReconnectOptions) {
    this.options = options;
    this.session = options.session ?? new Session();
    this.derived = {
      ...options,
      session: this.session,
      onControl: message => {
        if (message.operation === 2 && !message.returnCode) this.connectedAt = options.clock.ticks;
        if (this.client) options.onControl?.call(this.client, message);
      },
      failure: report => {
        this.report = report;
        if (this.client) options.failure?.call(this.client, report);
      },
      onError: () => this.ended(),
    };
    this.client = new MQTTClient(this.derived);
  }

  /** As `MQTTClient.publish`, at any time. */
  publish(message: Message): void {
    (this.client ?? this.session).publish(message);
  }

  /** As `MQTTClient.subscribe`, at any time. */
  subscribe(subscriptions: readonly Subscription[]): void {
    (this.client ?? this.session).subscribe(subscriptions);
  }

  unsubscribe(subscriptions: readonly Subscription[]): void {
    (this.client ?? this.session).unsubscribe(subscriptions);
  }

  /** Takes leave with DISCONNECT where that can be written, and gives the broker up to two seconds to hang up. */
  close(): void {
    const client = this.client;
    this.closing = true;
    this.options.timer.clear(this.timer);
    try {
      client?.write(null, { operation: 14 });
      this.timer = client && this.options.timer.set(() => client.close(), 2000);
    } catch {
      // Not connected, or in the middle of a packet: the broker will see it end without DISCONNECT.
      client?.close();
    }
  }

  private ended(): void {
    const {
      timer,
      clock,
      random,
      minimumDelay = 1000,
      maximumDelay = 120_000,
      onError,
      onDisconnected,
    } = this.options;
    const client = this.client;
    const bound = Math.min(minimumDelay * 2 ** this.failures, maximumDelay);
    timer.clear(this.timer);
    this.client = undefined;
    if (this.closing) return;
    const good = this.connectedAt !== undefined && clock.delta(this.connectedAt) >= bound;
    this.failures = good ? 1 : this.failures + 1;
    const delay = random() * (good ? minimumDelay : bound);
    this.connectedAt = undefined;
    // Set before anybody is told: an exception of theirs must not end the reconnecting.
    this.timer = timer.set(() => this.open(), delay);
    if (client) onError?.call(client);
    onDisconnected?.(this.report, delay);
  }

  private open(): void {
    this.report = undefined;
    try {
      this.client = new MQTTClient(this.derived);
    } catch {
      // The network underneath is not there: as a connection that failed.
      this.ended();
    }
  }
}
