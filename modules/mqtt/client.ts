import { failure, type Failure } from "../diagnosis/failure.js";
import type { Resolver, StreamSocket } from "../io/socket.js";
import { compose } from "./compose.js";
import { exceeds, invalid } from "./error.js";
import { CONTROL, END, FAILURE, Inbox, MESSAGE, NOTHING, PIECE } from "./inbox.js";
import type { MQTTClientOptions, WriteOptions } from "./options.js";
import { Liveness } from "./liveness.js";
import {
  CONNACK,
  CONNECT,
  DISCONNECT,
  PINGREQ,
  PINGRESP,
  PUBACK,
  PUBCOMP,
  PUBLISH,
  PUBREC,
  PUBREL,
  SUBACK,
  SUBSCRIBE,
  UNSUBACK,
  UNSUBSCRIBE,
  encodeConnect,
} from "./packets.js";
import { Outbox } from "./outbox.js";
import { violation, type Violation } from "./receiver.js";
import { DELIVERED, Session, type Delivery, type Message, type Subscription } from "./session.js";
import { checkTopic } from "./topic.js";

/** Room that is kept back from the application, for acknowledgements. */
const OVERHEAD = 8;

/** How far the connection has come. */
const RESOLVING = 0;
const CONNECTING = 1;
const GREETING = 2;
const CONNECTED = 3;
/** DISCONNECT was written: nothing may follow. */
const DISCONNECTED = 4;
/** Over, but the failure has yet to be reported. */
const FAILED = 5;
const CLOSED = 6;

/** What was under way when the time for connecting ran out. */
const PHASES: readonly string[] = Object.freeze(["resolve", "connect", "CONNACK"]);

/** What wakes the client. */
const ON_START = 0;
const ON_RESOLVED = 1;
const ON_READABLE = 2;
const ON_WRITABLE = 3;
const ON_ERROR = 4;
const ON_TICK = 5;
const ON_TURN = 6;

/**
 * An MQTT 3.1.1 client over any ECMA-419 stream socket: one connection, from the name of the host
 * to `close` or the first failure.
 *
 * Its surface is that of Moddable's `embedded:network/mqtt/client`: `write`, `read`, `onControl`,
 * `onReadable`, `onWritable`, `onError`. Beside it stand `publish`, `subscribe` and `unsubscribe`,
 * whose effect is kept in a `Session` and so outlives the connection, and `failure`.
 *
 * An incoming message is acknowledged when its last byte has been read; what the application
 * leaves unread stays in the socket. Without `onReadable`, messages are read and dropped.
 *
 * No exception leaves a callback: one that an application's callback throws closes the connection
 * and is reported. `failure` and `onError` come in a turn of their own.
 */
export class MQTTClient {
  static readonly CONNECT = CONNECT;
  static readonly CONNACK = CONNACK;
  static readonly PUBLISH = PUBLISH;
  static readonly PUBACK = PUBACK;
  static readonly PUBREC = PUBREC;
  static readonly PUBREL = PUBREL;
  static readonly PUBCOMP = PUBCOMP;
  static readonly SUBSCRIBE = SUBSCRIBE;
  static readonly SUBACK = SUBACK;
  static readonly UNSUBSCRIBE = UNSUBSCRIBE;
  static readonly UNSUBACK = UNSUBACK;
  static readonly PINGREQ = PINGREQ;
  static readonly PINGRESP = PINGRESP;
  static readonly DISCONNECT = DISCONNECT;

  readonly session: Session;
  readonly target: unknown;
  readonly #options: MQTTClientOptions;
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  readonly #liveness: Liveness;
  #state = RESOLVING;
  #dns: Resolver | undefined;
  #socket: StreamSocket | undefined;
  #parsing = false;
  /** The application is to be told the room. */
  #announce = false;
  /** The timer looks after an acknowledgement. */
  #waiting = false;
  #timer: unknown;
  #turn: unknown;
  /** The application's callback that is running. */
  #calling = "";
  /** What the socket gave as the reason of its coming `onError`. */
  #reason: Failure | undefined;
  #report: Failure | undefined;

  /** Begins to connect. Throws when a required option is missing or the will's topic is not allowed. */
  constructor(options: MQTTClientOptions) {
    const { host, clean = true, id, will, dns } = options;
    if (!host) throw invalid("CONNECT", "host");
    if (!clean && !id) throw invalid("CONNECT", "id");
    if (will) checkTopic(will.topic);
    this.#options = options;
    this.target = options.target;
    this.session = options.session ?? new Session();
    const keepAlive = this.#keepAlive * 1000;
    this.#liveness = new Liveness(
      options.clock,
      keepAlive,
      options.responseTimeout ?? keepAlive / 2,
      options.acknowledgeTimeout ?? 60_000,
    );
    this.#inbox = new Inbox(options.topicLength ?? 256);
    this.#outbox = new Outbox(this.session, this.#liveness, options.bufferLength ?? 256);
    this.#dns = new dns.io(dns);
    this.#timer = options.timer.set(() => this.#on(ON_TICK), options.connectTimeout ?? 30_000);
    this.#on(ON_START);
  }

  /** Ends the connection at once, without DISCONNECT. Nothing calls back afterwards. */
  close(): void {
    if (this.#state === CLOSED) return;
    this.#end();
    this.#state = CLOSED;
  }

  /**
   * Writes a packet, or the next bytes of a streamed payload (`options` absent). Returns the room
   * that is left. Throws a `MQTTError` when the packet is not allowed or does not fit the room,
   * and then has written nothing.
   */
  write(data?: ArrayBuffer | Uint8Array | null, options?: WriteOptions): number {
    const { sender } = this.#outbox;
    const socket = this.#socket;
    let direct;
    if (this.#state !== CONNECTED || !socket) throw invalid("write", "not connected");
    if (sender.tail) {
      if (options || !data || data.byteLength > sender.tail) throw invalid("PUBLISH", "streamed payload");
      if (data.byteLength > sender.room) throw exceeds("PUBLISH", "overflow");
      direct = data.byteLength;
    } else {
      if (!options) throw invalid("write", "options");
      if (sender.left) throw exceeds("write", "overflow");
      direct = compose(data, options, this.session, sender);
      if (options.operation === DISCONNECT) this.#state = DISCONNECTED;
    }
    try {
      if (options) sender.flush(socket, direct);
      if (data && direct) sender.stream(socket, data);
    } catch (exception) {
      this.#caught(exception);
      throw exception;
    }
    this.#liveness.sent();
    this.#liveness.progress();
    this.#watch();
    if (this.#outbox.waits) this.#later();
    return this.#room;
  }

  /** `read(count)`: at most `count` bytes of the present message; `undefined` when none are there. */
  read(count?: number): ArrayBuffer | undefined;
  /** Fills `view` as far as bytes of the present message are there; returns how many. */
  read(view: Uint8Array): number | undefined;
  read(into?: number | Uint8Array): ArrayBuffer | number | undefined {
    const socket = this.#socket;
    const result = socket && this.#inbox.read(socket, into);
    if (!this.#parsing) this.#later();
    return result;
  }

  /** Sends a message as soon as the connection allows, and again after reconnecting; see `Session.publish`. */
  publish(message: Message): void {
    this.session.publish(message);
    this.#later();
  }

  /** Subscribes, now and whenever the broker has lost the session; see `Session.subscribe`. */
  subscribe(subscriptions: readonly Subscription[]): void {
    this.session.subscribe(subscriptions);
    this.#later();
  }

  unsubscribe(subscriptions: readonly Subscription[]): void {
    this.session.unsubscribe(subscriptions);
    this.#later();
  }

  /** Seconds. */
  get #keepAlive(): number {
    return Math.min(Math.ceil((this.#options.keepAlive ?? 0) / 1000), 65535);
  }

  /** Room for the application's packets. */
  get #room(): number {
    const { left, room } = this.#outbox.sender;
    return left || room < OVERHEAD ? 0 : room - OVERHEAD;
  }

  /** Every way in from outside: nothing is thrown out of here. */
  #on(event: number, count = 0, address = ""): void {
    if (this.#state === CLOSED) return;
    try {
      switch (event) {
        case ON_START:
          this.#dns?.resolve({
            host: this.#options.host,
            onResolved: (_, found) => this.#on(ON_RESOLVED, 0, found),
            onError: () => this.#on(ON_ERROR),
            failure: report => (this.#reason = report),
          });
          break;
        case ON_RESOLVED:
          if (this.#state === RESOLVING) this.#connect(address);
          break;
        case ON_READABLE:
          this.#inbox.buffered = count;
          this.#liveness.heard();
          if (!this.#parsing) this.#work();
          break;
        case ON_WRITABLE:
          this.#outbox.sender.room = count;
          this.#announce = true;
          if (this.#state === CONNECTING) this.#greet();
          this.#work();
          break;
        case ON_ERROR:
          this.#fail(
            this.#reason ??
              failure(
                this.#state === RESOLVING ? "dns" : this.#state === CONNECTING ? "connect" : "peer-closed",
              ),
          );
          break;
        case ON_TICK:
          this.#tick();
          break;
        case ON_TURN:
          this.#turn = undefined;
          if (this.#report) this.#tell(this.#report);
          else this.#work();
      }
    } catch (exception) {
      this.#caught(exception);
    }
  }

  #connect(address: string): void {
    const { socket, host, port = 1883 } = this.#options;
    this.#dns = undefined;
    this.#state = CONNECTING;
    this.#socket = new socket.io({
      ...socket,
      address,
      host,
      port,
      format: "buffer",
      onReadable: count => this.#on(ON_READABLE, count),
      onWritable: count => this.#on(ON_WRITABLE, count),
      onError: () => this.#on(ON_ERROR),
      failure: report => (this.#reason = report),
    });
  }

  #greet(): void {
    const { id = "", clean = true, user, password, will } = this.#options;
    this.#calling = "password";
    const fields = {
      id,
      clean,
      keepAlive: this.#keepAlive,
      user: typeof user === "function" ? user() : user,
      password: typeof password === "function" ? password() : password,
      will,
    };
    this.#calling = "";
    this.#state = GREETING;
    const { sender } = this.#outbox;
    sender.begin(encodeConnect(fields, sender), undefined, 0);
  }

  #later(): void {
    if (this.#state < FAILED) this.#turn ??= this.#options.timer.set(() => this.#on(ON_TURN));
  }

  /** Reads what came, writes what is due, until either has to wait. */
  #work(): void {
    const outbox = this.#outbox;
    let stalled;
    do {
      this.#parsing = true;
      stalled = this.#parse();
      this.#parsing = false;
      this.#pump();
    } while (stalled && !outbox.full);
    if (this.#announce && this.#state === CONNECTED && this.#room > 0) {
      this.#announce = false;
      this.#calling = "onWritable";
      this.#options.onWritable?.call(this, this.#room);
      this.#calling = "";
    }
  }

  #pump(): void {
    const outbox = this.#outbox;
    while (this.#socket && outbox.sender.room > 0) {
      const delivery = outbox.pump(this.#socket, this.#state === CONNECTED);
      if (!delivery) break;
      this.#done(delivery);
    }
    if (outbox.sender.broken && this.#socket) this.#abandon();
    this.#watch();
  }

  /** Takes what came apart. Returns whether acknowledgements have to be written before it goes on. */
  #parse(): boolean {
    const inbox = this.#inbox;
    const { receiver } = inbox;
    while (this.#socket) {
      if (this.#outbox.full) return true;
      switch (inbox.step(this.#socket)) {
        case NOTHING:
          return false;
        case FAILURE:
          if (receiver.failure) this.#fail(receiver.failure);
          break;
        case CONTROL:
          this.#control();
          break;
        case MESSAGE:
          inbox.drop = !this.#options.onReadable || (receiver.QoS === 2 && !this.session.fresh(receiver.id));
          break;
        case PIECE:
          if (!this.#deliver()) return false;
          break;
        case END:
          this.#received();
      }
    }
    return false;
  }

  /** Hands over what is there of the present message. Returns whether the application took any. */
  #deliver(): boolean {
    const inbox = this.#inbox;
    const { payload, topic, QoS, retain, duplicate, byteLength } = inbox.receiver;
    const count = inbox.readable;
    const more = payload > count;
    const info = inbox.first ? { topic, QoS, retain, duplicate, byteLength, more } : { more };
    inbox.first = false;
    this.#calling = "onReadable";
    this.#options.onReadable?.call(this, count, info);
    this.#calling = "";
    return count === 0 || inbox.receiver.payload < payload;
  }

  /** The application has the present message. */
  #received(): void {
    const { receiver } = this.#inbox;
    const { QoS, id } = receiver;
    receiver.next();
    if (QoS === 2 && !this.session.receive(id))
      this.#fail(failure("limit", "PUBLISH", undefined, "QoS 2 identifiers"));
    else if (QoS) this.#outbox.acknowledge(QoS === 1 ? PUBACK : PUBREC, id);
  }

  /** Any packet but PUBLISH. */
  #control(): void {
    const { receiver } = this.#inbox;
    const { session } = this;
    const { operation, id, returnCode, sessionPresent } = receiver;
    const payload = operation === SUBACK || operation === UNSUBACK ? receiver.codes() : undefined;
    let wrong: Violation | undefined;
    let delivery;
    receiver.next();
    switch (operation) {
      case CONNACK:
        if (sessionPresent && this.#options.clean !== false) wrong = "session present";
        if (returnCode || wrong) break;
        session.connected(sessionPresent);
        this.#state = CONNECTED;
        this.#tick();
        break;
      case PINGRESP:
        this.#liveness.pinged = false;
        this.#tick();
        break;
      case PUBREL:
        session.release(id);
        this.#outbox.acknowledge(PUBCOMP, id);
        break;
      case SUBACK:
      case UNSUBACK:
        this.#calling = "done";
        wrong = session.answer(operation, id, payload ?? []);
        this.#calling = "";
        this.#liveness.progress();
        break;
      default:
        delivery = session.acknowledge(operation, id);
        if (!delivery) wrong = "identifier";
        this.#liveness.progress();
    }
    if (wrong) return this.#fail(violation(operation, wrong));
    const { onControl } = this.#options;
    if (onControl) {
      this.#calling = "onControl";
      if (operation === CONNACK) onControl.call(this, { operation, returnCode, sessionPresent });
      else if (operation === SUBACK && payload) onControl.call(this, { operation, id, payload });
      else onControl.call(this, operation === PINGRESP ? { operation } : { operation, id });
      this.#calling = "";
    }
    if (operation === CONNACK && returnCode) this.#fail(failure("mqtt-refused", "CONNECT", returnCode));
    if (delivery?.state === DELIVERED) this.#done(delivery);
  }

  /** The message is delivered, or given up. */
  #done(delivery: Delivery, report?: Failure): void {
    if (delivery.state !== DELIVERED) this.session.remove(delivery);
    delivery.state = DELIVERED;
    this.#calling = "done";
    delivery.message?.done?.(report);
    this.#calling = "";
  }

  /** The message's source is broken in the middle of a packet: neither can be saved. */
  #abandon(): void {
    const report = failure("storage", "PUBLISH", undefined, "payload");
    const { delivery } = this.#outbox;
    this.#fail(report);
    if (delivery) this.#done(delivery, report);
  }

  /** The time for connecting is over, or liveness has to be looked at. */
  #tick(): void {
    const { timer } = this.#options;
    timer.clear(this.#timer);
    this.#timer = undefined;
    if (this.#state < CONNECTED) {
      return this.#fail(failure("mqtt-timeout", "CONNECT", undefined, PHASES[this.#state]));
    }
    const { tail, room } = this.#outbox.sender;
    const liveness = this.#liveness;
    this.#waiting = this.session.awaiting;
    const wait = liveness.look(this.#waiting, this.#inbox.readable > 0 || (tail > 0 && room > OVERHEAD));
    if (typeof wait === "object") return this.#fail(wait);
    if (wait) this.#timer = timer.set(() => this.#on(ON_TICK), wait);
    if (liveness.ping) this.#later();
  }

  /** The timer has to look after an acknowledgement from now on. */
  #watch(): void {
    if (!this.#waiting && this.#state === CONNECTED && this.session.awaiting) this.#tick();
  }

  #caught(exception: unknown): void {
    const calling = this.#calling;
    // An exception of the code that makes tokens may carry one.
    const detail = exception instanceof Error && calling !== "password" ? exception.message : undefined;
    this.#fail(failure(calling ? "callback" : "socket", calling || undefined, undefined, detail));
  }

  /** Ends the connection and has the reason reported in a turn of its own. */
  #fail(report: Failure): void {
    if (this.#state >= FAILED) return;
    this.#state = FAILED;
    this.#report = report;
    this.#end();
    this.#turn = this.#options.timer.set(() => this.#on(ON_TURN));
  }

  #tell(report: Failure): void {
    this.#state = CLOSED;
    const { failure: tell, onError } = this.#options;
    try {
      tell?.call(this, report);
    } finally {
      onError?.call(this);
    }
  }

  /** Lets go of everything. */
  #end(): void {
    const { timer } = this.#options;
    const dns = this.#dns;
    const socket = this.#socket;
    timer.clear(this.#timer);
    timer.clear(this.#turn);
    this.#timer = this.#turn = this.#dns = this.#socket = undefined;
    this.session.disconnected();
    try {
      dns?.close?.();
      socket?.close();
    } catch {
      // It is over in any case, and the reason is known already.
    }
  }
}
