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
import { isTopic } from "../../modules/mqtt/text.js";
import * as mqtt from "./commands/mqtt.js";
import type { Modem } from "./modem.js";
import type { MqttClients, MqttReceiver } from "./mqtt-clients.js";
import type { MqttDialect, MqttItem } from "./mqtt-dialect.js";
import { MqttInbox } from "./mqtt-inbox.js";
import { mqttItems, mqttLogin, type ModuleMQTTOptions, type MqttLogin } from "./mqtt-options.js";
import { GuardedSource, TextSource } from "./mqtt-source.js";
import { lineText } from "./mqtt-text.js";

/** What the timer calls. */
type Step = "begin" | "setUp" | "work" | "tellFailure";

/** How long the module may take to end a connection: it waits up to 10 s for the other side. */
const CLOSE_MS = 12_000;

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
 *   marks; lengths are those of `profile.mqtt`. What exceeds them is refused before anything is sent.
 *
 * No exception leaves a callback: one that an application's callback throws closes the connection
 * and is reported. `failure` and `onError` come in a turn of their own.
 */
export class ModuleMQTT implements MQTTLink, MqttReceiver {
  readonly session: Session;
  readonly target: unknown;
  readonly inbox: MqttInbox;
  /** The clock's ticks at CONNACK; absent before. */
  connectedAt: number | undefined;
  private readonly options: ModuleMQTTOptions<ModuleMQTT>;
  private readonly owner: ConnectionOwner | undefined;
  private readonly modem: Modem;
  private readonly dialect: MqttDialect;
  private readonly clients: MqttClients;
  /** Seconds that the module waits for one answer; it sends twice. */
  private readonly answerS: number;
  private phase: "begin" | "clear" | "set up" | "open" | "CONNACK" | "connected" | "DISCONNECT" | "closed" =
    "begin";
  /** Its id on the module; -1: none. */
  private id = -1;
  /** The id was freed on the module before. */
  private cleared = false;
  /** Until they are sent. */
  private items: readonly MqttItem[] = [];
  private login: MqttLogin | undefined;
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
  private delivering = false;
  /** The application left the present message as it was. */
  private stalled = false;
  private timer: unknown;
  private turn: unknown;
  /** Why it has ended, until that is told. */
  private report: Failure | undefined;

  /** Begins to connect. Throws when a required option is missing or the will's topic is not allowed. */
  constructor(
    options: ModuleMQTTOptions<ModuleMQTT>,
    session = options.session ?? new Session(),
    owner?: ConnectionOwner,
  ) {
    const modem = options.socket.modem ?? refuse("CONNECT", "modem");
    const dialect = options.socket.dialect ?? refuse("CONNECT", "dialect");
    if (!options.host) refuse("CONNECT", "host");
    if (options.clean === false && !options.id) refuse("CONNECT", "id");
    if (options.will && !isTopic(options.will.topic, false)) refuse("CONNECT", "will topic");
    this.options = options;
    this.session = session;
    this.owner = owner;
    this.target = options.target;
    this.modem = modem;
    this.dialect = dialect;
    this.clients = modem.extension(dialect.Clients);
    this.inbox = new MqttInbox(options.receiveLength ?? dialect.receiveBytes);
    // Half of the whole, because each packet is sent twice: with shorter times and more repetitions a
    // slow network would see a second CONNECT, for which a broker hangs up.
    this.answerS = Math.min(Math.ceil((options.acknowledgeTimeout ?? 60_000) / 2_000) || 60, 60);
    // The module's own limit for opening a connection is longer than MQTT's usual one.
    this.limit(options.connectTimeout ?? 180_000);
    this.later("begin");
  }

  /** Ends the connection at once, without DISCONNECT. Nothing calls back afterwards. */
  close(): void {
    this.report = undefined;
    if (this.phase === "closed") return;
    this.options.timer.clear(this.turn);
    this.turn = this.login = undefined;
    this.limit(0);
    this.session.disconnected();
    this.phase = "closed";
    if (this.id < 0) return;
    // Also after the broker's end: what the module still holds of it would be in the next one's way.
    this.limit(CLOSE_MS);
    this.modem.channel.run(mqtt.closeMqtt, [this.id], reason => {
      if (reason) this.detach();
    });
  }

  /** Takes leave of the broker with DISCONNECT. False when there is no connection to be left. */
  disconnect(): boolean {
    if (this.phase !== "connected") return false;
    this.phase = "DISCONNECT";
    this.limit(CLOSE_MS);
    this.modem.channel.run(mqtt.disconnectMqtt, [this.id], reason => {
      if (reason) this.stop(reason);
    });
    return true;
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

  private checkMessage({ topic, payload }: Message): void {
    const limits = this.modem.profile.mqtt;
    lineText("PUBLISH", "topic", topic, limits.topicMax);
    if (payload.byteLength > limits.payloadMax)
      refuse("PUBLISH", "payload over " + String(limits.payloadMax) + " bytes", "limit");
  }

  private checkFilters(subscriptions: readonly { readonly topic: string }[]): void {
    const most = this.modem.profile.mqtt.topicMax;
    subscriptions.forEach(({ topic }) => lineText("SUBSCRIBE", "topic filter", topic, most));
  }

  // Connecting

  private begin(): void {
    const modem = this.modem;
    const options = this.options;
    const limits = modem.profile.mqtt;
    let reason = modem.unreachable();
    try {
      this.items = this.dialect.items(modem.context).concat(mqttItems(options, limits, this.answerS));
      this.login = mqttLogin(options, limits);
    } catch (error) {
      reason ??= error instanceof MQTTError ? error.report : failure("argument", "CONNECT");
    }
    const id = reason ? undefined : this.clients.attach(this);
    if (id === undefined) {
      this.stop(reason ?? failure("limit", "AT+QMTOPEN", undefined, "all clients are in use"));
      return;
    }
    this.id = id;
    modem.channel.run(mqtt.isMqttOpen(id), [], (refused, open) => {
      if (this.over(refused)) return;
      // From before a restart on this side.
      if (open) this.clear();
      else this.setUp();
    });
  }

  /** Frees the id on the module, once. */
  private clear(): void {
    this.cleared = true;
    this.phase = "clear";
    this.modem.channel.run(mqtt.closeMqtt, [this.id], reason => {
      if (this.phase !== "clear") return;
      if (reason) this.setUp();
      else this.later("setUp", CLOSE_MS);
    });
  }

  private setUp(): void {
    const secure = this.options.socket.secure;
    this.options.timer.clear(this.turn);
    this.turn = undefined;
    this.phase = "set up";
    if (secure)
      this.dialect.secure(this.modem, this.id, secure, (reason, values) => {
        if (!this.over(reason)) this.set({ name: "ssl", values: [1, ...values] }, 0);
      });
    else this.set({ name: "ssl", values: [0] }, 0);
  }

  /** Sets an item and then those from `next` on. Each time, because the module forgets them with each start. */
  private set({ name, values, text }: MqttItem, next: number): void {
    this.modem.channel.run(
      mqtt.setMqttItem,
      [name, this.id, ...values],
      reason => {
        if (this.over(reason && failure(reason.kind, reason.command, reason.code, name))) return;
        const following = this.items[next];
        if (following) this.set(following, next + 1);
        else this.open();
      },
      text === undefined ? undefined : { source: new TextSource(text) },
    );
  }

  private open(): void {
    const { host, port = 1883 } = this.options;
    this.phase = "open";
    this.modem.channel.run(mqtt.openMqtt, [this.id, host, port], reason => {
      if (reason && this.phase === "open") this.openFailed(reason);
    });
  }

  private onOpened(code: number): void {
    const login = this.login;
    if (this.phase !== "open") return;
    if (code === 2 && !this.cleared) {
      // The id is taken on the module.
      this.clear();
    } else if (code || !login) {
      const kind =
        code === 4 ? "dns" : code === 3 ? "pdp" : code < 0 && this.options.socket.secure ? "tls" : "connect";
      this.openFailed(failure(kind, "AT+QMTOPEN", code));
    } else {
      this.modem.opened(true);
      this.login = undefined;
      this.phase = "CONNACK";
      this.modem.channel.run(
        mqtt.connectMqtt,
        [this.id, login.id, login.user],
        reason => {
          if (reason && this.phase === "CONNACK") this.stop(reason);
        },
        login.password === undefined ? undefined : { source: new TextSource(login.password) },
      );
    }
  }

  private openFailed(reason: Failure): void {
    this.modem.opened(false);
    this.stop(reason);
  }

  /** The broker's answer, or that there was none. `code`: of CONNACK, `NaN` when not told. */
  private onConnected(result: number, code: number): void {
    // 1: CONNECT is sent again.
    if (this.phase !== "CONNACK" || result === 1) return;
    const returnCode = code || 0;
    if (result && !returnCode) {
      this.stop(failure("mqtt-timeout", "CONNECT", undefined, "CONNACK"));
      return;
    }
    if (!returnCode) {
      this.phase = "connected";
      this.connectedAt = this.options.clock.ticks;
      // Whether the broker has kept its half is not told.
      this.session.connected(false);
    }
    this.control({ operation: 2, returnCode });
    if (returnCode) this.stop(failure("mqtt-refused", "CONNECT", returnCode));
    else this.progress();
  }

  // Reports

  onReport(name: string, line: Line): void {
    const first = line.int(1);
    const second = line.int(2);
    switch (name) {
      case "QMTOPEN":
        this.onOpened(first);
        break;
      case "QMTCONN":
        this.onConnected(first, second);
        break;
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
      case "QMTDISC":
        if (this.phase === "DISCONNECT") this.stop(failure("peer-closed", "DISCONNECT"));
        break;
      case "QMTCLOSE":
        if (this.phase === "clear") this.setUp();
        else if (this.phase === "closed") this.detach();
        break;
      case "QMTSTAT":
        this.onStatus(first);
    }
  }

  /** The module has closed the client. */
  private onStatus(code: number): void {
    switch (this.phase) {
      case "closed":
        this.detach();
        break;
      case "CONNACK":
      case "connected":
        this.stop(
          failure(
            code > 5 ? "network-lost" : code > 1 && code < 5 ? "mqtt-timeout" : "peer-closed",
            "+QMTSTAT",
            code,
          ),
        );
        break;
      case "DISCONNECT":
        this.stop(failure("peer-closed", "DISCONNECT"));
    }
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

  onLost(reason: Failure): void {
    this.id = -1;
    this.limit(0);
    this.stop(reason);
  }

  wake(): void {
    this.asking = this.dialect.waiting !== undefined;
    this.later("work");
  }

  // Work

  /** Gives messages to the application, and the module its next command. */
  private work(): void {
    const dialect = this.dialect;
    const session = this.session;
    const channel = this.modem.channel;
    const most = this.modem.profile.mqtt.window;
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
      this.call("onWritable", () => this.options.onWritable?.call(this, this.modem.profile.mqtt.payloadMax));
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
    const done = (reason: Failure | undefined): void => this.next(reason);
    const interest = request.interests[0];
    if (!interest) return;
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
    const { topic, retain } = message;
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
      [this.id, delivery.id, delivery.qos, retain ? 1 : 0, topic],
      payload,
      reason => {
        if (payload.broken) this.done(delivery, failure("storage", "PUBLISH", undefined, "payload"));
        this.sent(delivery, reason);
      },
    );
    this.progress();
  }

  private sent(delivery: Delivery, reason: Failure | undefined): void {
    if (!reason) {
      // At most once: from here on it is the module's.
      if (!delivery.qos && this.session.remove(delivery)) this.once.push(delivery);
      this.next(undefined);
    } else if (this.phase === "connected" && (reason.kind === "error" || reason.kind === "limit"))
      // Either there is no connection any more, or the module does not take this message at all.
      this.modem.channel.run(mqtt.isMqttConnected(this.id), [], (_, connected) => {
        if (connected) this.done(delivery, reason);
        this.next(connected ? undefined : reason);
      });
    else this.next(reason);
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

  /** Calls the application: nothing is thrown out of here. */
  private call(name: string, callback: () => void): void {
    try {
      callback();
    } catch (exception) {
      this.stop(
        failure("exception", name, undefined, exception instanceof Error ? exception.message : undefined),
      );
    }
  }

  // Time

  /** Has something done in a turn of its own. */
  private later(step: Step, ms = 0): void {
    if (this.phase === "closed") return;
    this.turn ??= this.options.timer.set(() => {
      this.turn = undefined;
      this[step]();
    }, ms);
  }

  /** Sets the one limit that holds at a time; 0: none. */
  private limit(ms: number): void {
    const timer = this.options.timer;
    timer.clear(this.timer);
    this.timer = ms ? timer.set(() => this.expired(), ms) : undefined;
  }

  /** An answer came, or one more is awaited. With QoS 2 there are two. */
  private progress(): void {
    if (this.phase !== "connected") return;
    this.limit(this.session.awaiting || this.once.length ? this.answerS * 4_000 + 15_000 : 0);
    this.later("work");
  }

  private expired(): void {
    this.timer = undefined;
    switch (this.phase) {
      case "closed":
        this.detach();
        break;
      case "connected":
        this.stop(failure("mqtt-timeout", "PUBLISH", undefined, "acknowledgement"));
        break;
      case "open":
        this.openFailed(failure("timeout", "AT+QMTOPEN"));
        break;
      case "DISCONNECT":
        this.stop(failure("peer-closed", "DISCONNECT"));
        break;
      default:
        this.stop(
          failure("mqtt-timeout", "CONNECT", undefined, this.phase === "CONNACK" ? "CONNACK" : "connect"),
        );
    }
  }

  // Ending

  /** The id is free on the module. */
  private detach(): void {
    this.limit(0);
    if (this.id >= 0) this.clients.detach(this.id);
    this.id = -1;
  }

  /** Whether there is nothing to go on with. */
  private over(reason: Failure | undefined): boolean {
    if (reason) this.stop(reason);
    return this.phase === "closed";
  }

  /** Ends the connection and has the reason told in a turn of its own. */
  private stop(reason: Failure): void {
    if (this.phase === "closed") return;
    this.close();
    this.report = reason;
    this.turn = this.options.timer.set(() => this.tellFailure(), 0);
  }

  private tellFailure(): void {
    // Before the application is told: an exception of its own must not end the reconnecting.
    this.owner?.ended(this);
    this.once.splice(0).forEach(delivery => this.tell(() => delivery.message?.done?.(this.report)));
    this.tell(() => this.report && this.options.failure?.call(this, this.report));
    // `failure` may have called `close`, which takes the report back.
    this.tell(() => this.report && this.options.onError?.call(this));
    this.report = undefined;
  }

  private tell(callback: () => void): void {
    try {
      callback();
    } catch {
      // The connection is closed already; there is nobody else to tell.
    }
  }
}
