import { failure, type Failure } from "../diagnosis/failure.js";
import type { Clock } from "../io/timer.js";

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
  private readonly clock: Clock;
  private readonly keepAlive: number;
  private readonly response: number;
  private readonly acknowledge: number;
  private sentAt: number;
  private heardAt: number;
  private pingedAt = 0;
  private progressAt = 0;

  /** Milliseconds; 0 turns off. */
  constructor(clock: Clock, keepAlive: number, response: number, acknowledge: number) {
    this.clock = clock;
    this.keepAlive = keepAlive;
    this.response = response;
    this.acknowledge = acknowledge;
    this.sentAt = this.heardAt = clock.ticks;
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
    const heard = clock.delta(this.heardAt);
    const sent = clock.delta(this.sentAt);
    let wait = 0;
    if (this.keepAlive) {
      if (!this.pinged) {
        wait = this.keepAlive * 0.75 - Math.max(heard, sent);
        if (wait <= 0) {
          this.ping = this.pinged = true;
          this.pingedAt = clock.ticks;
          wait = this.response;
        }
      } else {
        let silence = Math.min(heard, clock.delta(this.pingedAt));
        // Not written yet: a long packet in front of it still makes its way out.
        if (this.ping) silence = Math.min(silence, sent);
        wait = this.response - silence;
        if (wait <= 0 && !held) return failure("mqtt-timeout", "PINGREQ", undefined, "PINGRESP");
        if (wait <= 0) wait = this.response;
      }
    }
    if (awaiting && this.acknowledge) {
      const rest = this.acknowledge - clock.delta(this.progressAt);
      if (rest <= 0 && !held) return failure("mqtt-timeout", "PUBLISH", undefined, "acknowledgement");
      const next = rest > 0 ? rest : this.acknowledge;
      if (!wait || next < wait) wait = next;
    }
    return wait;
  }
}
