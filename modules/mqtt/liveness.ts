import { failure, type Failure } from "../diagnosis/failure.js";
import type { Clock } from "../io/timer.js";
import type { MQTTClientOptions } from "./options.js";

/**
 * Tells when to ping and when to give a connection up (MQTT 3.1.1 §3.1.2.10).
 *
 * PINGREQ is due after three quarters of the keep-alive without a packet in either direction: a
 * device that only publishes with QoS 0 would otherwise never learn that nobody listens. Any byte
 * of the broker counts as a sign of life, since PINGRESP may stand behind a long payload.
 */
export class Liveness {
  /** PINGREQ is to be written. */
  ping = false;
  /** PINGRESP is awaited. */
  pinged = false;
  /** Seconds, as CONNECT tells them. */
  readonly keepAlive: number;
  private readonly options: MQTTClientOptions<unknown>;
  private readonly clock: Clock;
  private sentAt: number;
  private heardAt: number;
  private pingedAt = 0;
  private progressAt = 0;

  constructor(options: MQTTClientOptions<unknown>) {
    this.options = options;
    this.clock = options.clock;
    this.keepAlive = Math.min(Math.ceil((options.keepAlive ?? 0) / 1000), 65535);
    this.sentAt = this.heardAt = this.clock.ticks;
  }

  /** Bytes were given to the socket. */
  sent(): void {
    this.sentAt = this.clock.ticks;
  }

  /** Bytes came. */
  heard(): void {
    this.heardAt = this.clock.ticks;
  }

  /** PINGREQ is being written. */
  pinging(): void {
    this.ping = false;
    this.pingedAt = this.clock.ticks;
  }

  /** An acknowledgement came, or one more packet waits for its own. */
  progress(): void {
    this.progressAt = this.clock.ticks;
  }

  /**
   * Milliseconds until the next look, 0 for none needed; or why the connection is to be given up.
   * `awaiting`: an acknowledgement is due. `held`: it is the application's turn to read or write,
   * so that the silence is not the broker's.
   */
  look(awaiting: boolean, held: boolean): number | Failure {
    const clock = this.clock;
    const options = this.options;
    const response = options.responseTimeout ?? this.keepAlive * 500;
    const patience = options.acknowledgeTimeout ?? 60_000;
    const heard = clock.delta(this.heardAt);
    const sent = clock.delta(this.sentAt);
    let wait = 0;
    if (this.keepAlive) {
      if (!this.pinged) {
        wait = this.keepAlive * 750 - Math.max(heard, sent);
        if (wait <= 0) {
          this.pinged = true;
          this.pinging();
          this.ping = true;
          wait = response;
        }
      } else {
        // As long as it is not written, a long packet in front of it may still make its way out.
        wait = response - Math.min(heard, clock.delta(this.pingedAt), this.ping ? sent : heard);
        if (wait <= 0) {
          if (!held) return failure("mqtt-timeout", "PINGREQ", undefined, "PINGRESP");
          wait = response;
        }
      }
    }
    if (awaiting && patience) {
      let rest = patience - clock.delta(this.progressAt);
      if (rest <= 0) {
        if (!held) return failure("mqtt-timeout", "PUBLISH", undefined, "acknowledgement");
        rest = patience;
      }
      if (!wait || rest < wait) wait = rest;
    }
    return wait;
  }
}
