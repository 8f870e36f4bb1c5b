import type { Line } from "../../modules/at/line.js";
import { failure, type Failure } from "../../modules/diagnosis/failure.js";
import type { ConnectionOwner } from "../../modules/mqtt/connection.js";
import { MQTTError, refuse } from "../../modules/mqtt/error.js";
import type { MQTTLink } from "../../modules/mqtt/link.js";
import type { ControlMessage } from "../../modules/mqtt/options.js";
import {
  Session,
  type Delivery,
  type Message,
  type Request,
  type Subscription,
} from "../../modules/mqtt/session.js";
import * as mqtt from "./commands/mqtt.js";
import { MqttOpening } from "./mqtt-opening.js";
import type { ModuleMQTTOptions } from "./mqtt-options.js";
import { GuardedSource } from "./mqtt-source.js";
import { lineText } from "./mqtt-text.js";

/**
 * One MQTT 3.1.1 connection by the module's own client (`AT+QMT...`), with the surface of
 * `MQTTConnection`: messages and subscriptions are kept in a `Session` and outlive it.
 *
 * What is different from MQTT of the firmware, because the module tells or takes no more:
 *
 * - Within a connection the module repeats what is not acknowledged; over connections the session does,
 *   without the DUP flag, which cannot be given. QoS 1 stays at least once; QoS 2 is exactly once within
 *   a connection, and at least once over connections, because whether the broker has kept its half of
 *   the session is not told either. For the same reason everything is subscribed again each time.
 * - An incoming message is acknowledged by the module when it arrives there, not when it has been read
 *   here. QoS (when not 0), RETAIN and DUP of it are not told.
 * - Texts of commands (host, identifiers, user name, password, topics, will) are ASCII without quotation
 *   marks; lengths are those of the dialect. What exceeds them is refused before anything is sent.
 *
 * No exception leaves a callback: one that an application's callback throws closes the connection
 * and is reported. `failure` and `onError` come in a turn of their own.
 */
export class ModuleMQTT extends MqttOpening implements MQTTLink {
  private readonly options: ModuleMQTTOptions<ModuleMQTT>;
  private readonly owner: ConnectionOwner | undefined;
  /** A command of the connection is under way. */
  private busy = false;
  /** Messages of QoS 0 that the module has taken, and not told the end of. */
  private readonly once: Delivery[] = [];
  /** Places of messages that wait in the module. */
  private places: readonly number[] = [];
  /** It is to be asked for those. */
  private asking = false;
  /** `onWritable` is due when there is nothing else to do. */
  private announce = true;
  /** What the module refused last. */
  private refused: Delivery | string | undefined;
  private delivering = false;
  /** The application left the present message as it was. */
  private stalled = false;

  /** Begins to connect. Throws when a required option is missing or the will's topic is not allowed. */
  constructor(
    options: ModuleMQTTOptions<ModuleMQTT>,
    session = options.session ?? new Session(),
    owner?: ConnectionOwner,
  ) {
    super(options, session);
    this.options = options;
    this.owner = owner;
  }

  /** `read(count)`: at most `count` bytes of the present message; `undefined` when none are there. */
  read(count?: number): ArrayBuffer | undefined;
  /** Fills `view` as far as bytes of the present message are there; returns how many. */
  read(view: Uint8Array): number | undefined;
  read(into?: number | Uint8Array): ArrayBuffer | number | undefined {
    if (this.phase === "closed") return undefined;
    this.stalled = false;
    if (!this.delivering) this.later("work");
    return this.inbox.read(into);
  }

  /**
   * Sends a message as soon as the connection allows, and again after reconnecting; see
   * `Session.publish`. Throws a `MQTTError` also for what the module could not carry.
   */
  publish(message: Message): void {
    this.checkMessage(message);
    this.session.publish(message);
    this.later("work");
  }

  /** Subscribes, on this connection and on each that follows; see `Session.subscribe`. Throws as `publish`. */
  subscribe(subscriptions: readonly Subscription[]): void {
    this.checkFilters(subscriptions);
    this.session.subscribe(subscriptions);
    this.later("work");
  }

  unsubscribe(subscriptions: readonly Subscription[]): void {
    this.checkFilters(subscriptions);
    this.session.unsubscribe(subscriptions);
    this.later("work");
  }

  private checkMessage(message: Message): void {
    const limits = this.dialect.limits;
    lineText("AT+QMTPUB", "topic", message.topic, limits.topicMax);
    if (message.payload.byteLength > limits.payloadMax)
      refuse("AT+QMTPUB", "payload over " + String(limits.payloadMax) + " bytes", "limit");
  }

  private checkFilters(subscriptions: readonly { readonly topic: string }[]): void {
    subscriptions.forEach(filter =>
      lineText("AT+QMTSUB", "topic filter", filter.topic, this.dialect.limits.topicMax),
    );
  }

  // Reports

  override onReport(name: string, line: Line): void {
    const first = line.int(1);
    const second = line.int(2);
    switch (name) {
      case "QMTSUB":
        this.onAnswer(9, first, second, line.int(3));
        break;
      case "QMTUNS":
        this.onAnswer(11, first, second, 0);
        break;
      case "QMTPUB":
        this.onPublished(first, second);
        break;
      case "QMTRECV":
        this.places = this.places.concat(first);
        this.work();
        break;
      default:
        super.onReport(name, line);
    }
  }

  protected answered(returnCode: number): void {
    this.control({ operation: 2, returnCode });
    this.later("work");
  }

  /** SUBACK (9) or UNSUBACK (11). */
  private onAnswer(operation: number, id: number, result: number, code: number): void {
    // 1: the packet is sent again.
    if (this.phase !== "connected" || result === 1) return;
    const payload = operation === 9 ? [code || 0] : [];
    if (result) {
      this.stop(failure("mqtt-timeout", operation === 9 ? "AT+QMTSUB" : "AT+QMTUNS", result));
      return;
    }
    this.call("done", () => this.session.answer(operation, id, payload));
    this.control(operation === 9 ? { operation, id, payload } : { operation, id });
    this.progress();
  }

  private onPublished(id: number, result: number): void {
    if (this.phase !== "connected" || result === 1) return;
    const delivery =
      (id ? undefined : this.once.shift()) ??
      this.session.outgoing.find(entry => entry.id === id && entry.state & 1);
    if (!delivery) return;
    if (!delivery.qos) {
      this.done(delivery, result ? failure("send-fail", "AT+QMTPUB", result) : undefined);
    } else if (result) {
      this.stop(failure("mqtt-timeout", "AT+QMTPUB", result));
      return;
    } else {
      // PUBCOMP or PUBACK
      this.control({ operation: delivery.qos > 1 ? 7 : 4, id });
      this.done(delivery);
    }
    this.progress();
  }

  onMessage(whole: boolean): void {
    const inbox = this.inbox;
    if (!whole) this.stop(failure("malformed", "+QMTRECV", undefined, "payload"));
    else if (inbox.overflow)
      this.stop(
        failure(
          "limit",
          "+QMTRECV",
          undefined,
          "no room for a message of " + String(inbox.filled) + " bytes",
        ),
      );
    else this.work();
  }

  wake(): void {
    this.asking = this.dialect.waiting !== undefined;
    this.later("work");
  }

  // Work

  /** Gives messages to the application, and the module its next command. */
  protected work(): void {
    const dialect = this.dialect;
    const session = this.session;
    const channel = this.modem.channel;
    const most = this.dialect.limits.window;
    let request, delivery;
    this.deliver();
    if (this.phase !== "connected" || this.busy) return;
    const room = session.outgoing.filter(entry => entry.state & 1).length + this.once.length < most;
    if (this.asking && dialect.waiting) {
      this.asking = false;
      this.busy = true;
      channel.run(dialect.waiting(this.id), [], (reason, places) => {
        // One that was reported meanwhile is missing in the answer.
        this.places = this.places.concat((places ?? []).filter(place => !this.places.includes(place)));
        this.next(reason);
      });
    } else if (this.places.length && !this.inbox.first && dialect.take) {
      const place = this.places[0] ?? 0;
      this.places = this.places.slice(1);
      this.busy = true;
      this.inbox.begin();
      channel.run(
        dialect.take,
        [this.id, place],
        (reason, header) => {
          // Nothing may be there: a report was thought lost, and had come.
          if (header && header.byteLength >= 0) {
            this.inbox.end(header.topic, header.id);
            this.onMessage(header.byteLength === this.inbox.filled);
          }
          this.next(reason);
        },
        { sink: this.inbox },
      );
    } else if ((request = session.request(1))) this.ask(request);
    else if (room && (delivery = session.next(most))) this.send(delivery);
    else if (room && this.announce) {
      this.announce = false;
      this.call("onWritable", () => this.options.onWritable?.call(this, this.dialect.limits.payloadMax));
    }
  }

  /** A command has ended. */
  private next(reason: Failure | undefined): void {
    this.busy = false;
    if (this.over(reason)) return;
    this.modem.heed();
    this.work();
  }

  private ask(request: Request): void {
    const channel = this.modem.channel;
    const interest = request.interests[0];
    if (!interest) return;
    const done = (reason: Failure | undefined): void =>
      this.ended(reason, interest.topic, report => this.session.refuse(request, report));
    try {
      this.checkFilters(request.interests);
    } catch (error) {
      if (error instanceof MQTTError) this.call("done", () => this.session.refuse(request, error.report));
      this.later("work");
      return;
    }
    this.busy = true;
    if (request.operation === 8)
      channel.run(mqtt.subscribeMqtt, [this.id, request.id, interest.topic, interest.QoS ?? 0], done);
    else channel.run(mqtt.unsubscribeMqtt, [this.id, request.id, interest.topic], done);
    this.progress();
  }

  private send(delivery: Delivery): void {
    const message = delivery.message;
    if (!message) return;
    const payload = new GuardedSource(message.payload);
    try {
      this.checkMessage(message);
    } catch (error) {
      this.done(delivery, error instanceof MQTTError ? error.report : undefined);
      this.later("work");
      return;
    }
    // Awaiting from now on.
    delivery.state |= 1;
    this.announce = this.busy = true;
    this.dialect.publish(
      this.modem.channel,
      [this.id, delivery.id, delivery.qos, message.retain ? 1 : 0, message.topic],
      payload,
      reason => {
        if (payload.broken) this.done(delivery, failure("storage", "PUBLISH", undefined, "payload"));
        this.sent(delivery, reason);
      },
    );
    this.progress();
  }

  private sent(delivery: Delivery, reason: Failure | undefined): void {
    // At most once: from here on it is the module's.
    if (!reason && !delivery.qos && this.phase === "connected" && this.session.remove(delivery))
      this.once.push(delivery);
    this.ended(reason, delivery, report => {
      if (report) this.done(delivery, report);
      else delivery.state &= 6;
    });
  }

  /** A command has ended. `what` it was for, a message or a filter, and how that is given up for the reason told, or kept. */
  private ended(
    reason: Failure | undefined,
    what: Delivery | string,
    giveUp: (report: Failure | undefined) => void,
  ): void {
    if (this.phase !== "connected" || (reason?.kind !== "error" && reason?.kind !== "limit")) {
      this.next(reason);
      return;
    }
    // There is no connection any more, or the line was damaged, or the module does not take this at all.
    this.modem.channel.run(mqtt.isMqttConnected(this.id), [], (_, connected) => {
      if (connected) this.call("done", () => giveUp(this.refused === what ? reason : undefined));
      this.refused = what;
      this.next(connected ? undefined : reason);
    });
  }

  /** The message is delivered, or given up. */
  private done(delivery: Delivery, report?: Failure): void {
    this.session.remove(delivery);
    this.call("done", () => delivery.message?.done?.(report));
  }

  /** Gives messages to the application as long as it reads them. */
  private deliver(): void {
    const inbox = this.inbox;
    const options = this.options;
    let message;
    while (this.phase !== "closed" && !this.stalled && (message = inbox.first)) {
      const left = message.left;
      if (!options.onReadable) inbox.skip(left);
      else if (left || !message.announced) {
        const { topic, id } = message;
        const info = message.announced
          ? { more: false }
          : id
            ? { topic, byteLength: left, more: false }
            : { topic, QoS: 0 as const, byteLength: left, more: false };
        message.announced = this.delivering = true;
        this.call("onReadable", () => options.onReadable?.call(this, left, info));
        this.delivering = false;
        this.stalled = left > 0 && message.left === left;
      }
      if (!message.left) inbox.next();
    }
  }

  private control(message: ControlMessage): void {
    this.call("onControl", () => this.options.onControl?.call(this, message));
  }

  /** Calls the application: nothing is thrown out of here. Closed already, there is nobody left to tell. */
  private call(name: string, callback: () => void): void {
    try {
      callback();
    } catch (exception) {
      this.stop(
        failure("exception", name, undefined, exception instanceof Error ? exception.message : undefined),
      );
    }
  }

  /** An answer came, or one more is awaited. With QoS 2 there are two. */
  private progress(): void {
    if (this.phase !== "connected") return;
    this.limit(this.session.awaiting || this.once.length ? this.answerS * 4_000 + 15_000 : 0);
    this.later("work");
  }

  // Ending

  protected tellFailure(): void {
    // Before the application is told: an exception of its own must not end the reconnecting.
    this.owner?.ended(this);
    this.once.splice(0).forEach(delivery => this.done(delivery, this.report));
    this.call("failure", () => this.report && this.options.failure?.call(this, this.report));
    // `failure` may have called `close`, which takes the report back.
    this.call("onError", () => this.report && this.options.onError?.call(this));
    this.report = undefined;
  }
}
