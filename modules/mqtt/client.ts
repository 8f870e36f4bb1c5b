import { failure, type Failure } from "../diagnosis/failure.js";
import type { Resolver, StreamSocket } from "../io/socket.js";
import { exceeds, invalid } from "./error.js";
import type { MQTTClientOptions, WriteOptions } from "./options.js";
import {
  CONNACK,
  CONNECT,
  DISCONNECT,
  NAMES,
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
  encodeFilters,
  encodePublish,
  encodeShort,
} from "./packets.js";
import { Liveness } from "./liveness.js";
import { Receiver, violation, type Violation } from "./receiver.js";
import { Sender } from "./sender.js";
import {
  DELIVERED,
  RELEASE,
  RELEASED,
  SENT,
  Session,
  type Delivery,
  type Message,
  type Subscription,
} from "./session.js";
import { BytesSource, type Source } from "./source.js";
import { checkFilter, checkTopic } from "./topic.js";

/** Room that is kept back from the application, for acknowledgements. */
const OVERHEAD = 8;

/** Acknowledgements that may wait for room; beyond that nothing more is read from the socket. */
const MAXIMUM_ACKNOWLEDGEMENTS = 8;

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
  readonly #receiver: Receiver;
  readonly #sender: Sender;
  #state = RESOLVING;
  #dns: Resolver | undefined;
  #socket: StreamSocket | undefined;
  /** Bytes in the socket's receive buffer. */
  #buffered = 0;
  /** Waiting acknowledgements: operation * 65536 + identifier. */
  readonly #acknowledgements: number[] = [];
  /** The message that the packet under way belongs to. */
  #delivery: Delivery | undefined;
  /** The next `onReadable` is the first of its message. */
  #first = false;
  /** The present message is one that the application has already. */
  #repeated = false;
  #parsing = false;
  /** Parsing stopped because acknowledgements wait for room. */
  #stalled = false;
  /** The application is to be told the room. */
  #announce = false;
  /** The timer looks after an acknowledgement. */
  #waiting = false;
  #liveness: Liveness;
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
    this.#receiver = new Receiver(options.topicLength ?? 256);
    this.#sender = new Sender(options.bufferLength ?? 256);
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
    const sender = this.#sender;
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
      direct = this.#compose(data, options);
    }
    try {
      // What did not go into the buffer behind the header goes out as it is, in the same group.
      if (options) sender.flush(socket, direct);
      if (data && direct) sender.stream(socket, data);
    } catch (exception) {
      this.#caught(exception);
      throw exception;
    }
    this.#written();
    return this.#room;
  }

  /** `read(count)`: at most `count` bytes of the present message; `undefined` when none are there. */
  read(count?: number): ArrayBuffer | undefined;
  /** Fills `view` as far as bytes of the present message are there; returns how many. */
  read(view: Uint8Array): number | undefined;
  read(into?: number | Uint8Array): ArrayBuffer | number | undefined {
    const available = this.#readable;
    const socket = this.#socket;
    if (!available || !socket) return undefined;
    const wanted = into === undefined ? available : typeof into === "number" ? into : into.length;
    const count = wanted < available ? wanted : available;
    let result;
    if (typeof into === "object") result = socket.read(count === wanted ? into : into.subarray(0, count));
    else result = socket.read(count);
    this.#receiver.payload -= count;
    this.#buffered -= count;
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
    const { left, room } = this.#sender;
    return left || room < OVERHEAD ? 0 : room - OVERHEAD;
  }

  /** Bytes of the present message that can be read. */
  get #readable(): number {
    const { operation, payload } = this.#receiver;
    return operation !== PUBLISH ? 0 : payload < this.#buffered ? payload : this.#buffered;
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
          this.#buffered = count;
          this.#liveness.heard();
          if (!this.#parsing) this.#work();
          break;
        case ON_WRITABLE:
          this.#sender.room = count;
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
    this.#sender.begin(encodeConnect(fields, this.#sender), undefined, 0);
  }

  /** Encodes a packet of the application. Returns how many bytes of `data` have to follow from where they are. */
  #compose(data: ArrayBuffer | Uint8Array | null | undefined, options: WriteOptions): number {
    const {
      operation = PUBLISH,
      topic = "",
      QoS = 0,
      items = [],
      retain = false,
      duplicate = false,
    } = options;
    const { session } = this;
    const sender = this.#sender;
    const name = NAMES[operation] ?? "write";
    const size = operation === PUBLISH && data ? data.byteLength : 0;
    const total = operation === PUBLISH ? (options.byteLength ?? size) : 0;
    const numbered = operation !== PUBLISH || QoS > 0;
    const id = options.id ?? (numbered ? session.identifier() : 0);
    if (numbered && !(id > 0 && id < 65536)) throw invalid(name, "id");
    let source: Source | undefined;
    let length;
    switch (operation) {
      case PUBLISH:
        checkTopic(topic);
        if (QoS > 2 || size > total) throw invalid(name, QoS > 2 ? "QoS" : "byteLength");
        if (QoS && session.uses(id) && !duplicate) throw invalid(name, "id");
        length = encodePublish(topic, QoS, retain, duplicate, id, total, sender);
        if (data && size && length + size <= sender.capacity) source = new BytesSource(data);
        break;
      case SUBSCRIBE:
      case UNSUBSCRIBE:
        if (!items.length) throw invalid(name, "items");
        for (const item of items) checkFilter(item.topic);
        if (session.uses(id)) throw invalid(name, "id");
        length = encodeFilters(operation, id, items, sender);
        break;
      case PUBACK:
      case PUBREC:
      case PUBREL:
      case PUBCOMP:
        length = encodeShort(operation, id, sender);
        break;
      case PINGREQ:
      case DISCONNECT:
        length = encodeShort(operation, 0, sender);
        break;
      default:
        throw invalid(name, "operation");
    }
    if (length + size > sender.room) throw exceeds(name, "overflow");
    if (operation === PUBLISH && QoS) session.track(id, QoS, SENT);
    else if (operation === PUBREL) session.track(id, 2, RELEASED);
    else if (items.length) session.expect(operation, id, items.length);
    else if (operation === DISCONNECT) this.#state = DISCONNECTED;
    const direct = source ? 0 : size;
    sender.begin(length, source, total - size + direct);
    return direct;
  }

  #later(): void {
    if (this.#state < FAILED) this.#turn ??= this.#options.timer.set(() => this.#on(ON_TURN));
  }

  /** Reads what came, writes what is due, until either has to wait. */
  #work(): void {
    do {
      this.#parse();
      this.#pump();
    } while (this.#stalled && this.#acknowledgements.length < MAXIMUM_ACKNOWLEDGEMENTS);
  }

  /** Writes whatever is due and fits. */
  #pump(): void {
    const sender = this.#sender;
    for (;;) {
      const socket = this.#socket;
      if (!socket) return;
      if (sender.left) {
        const before = sender.left;
        const whole = sender.flush(socket);
        if (sender.broken) return this.#abandon();
        if (sender.left !== before) this.#liveness.sent();
        if (!whole) return;
        this.#written();
      } else if (this.#state !== CONNECTED || sender.tail || !this.#next()) {
        break;
      }
    }
    if (this.#announce && this.#state === CONNECTED && sender.room > OVERHEAD) {
      this.#announce = false;
      this.#calling = "onWritable";
      this.#options.onWritable?.call(this, this.#room);
      this.#calling = "";
    }
  }

  /** Begins the packet that is due next. Returns whether there is one. */
  #next(): boolean {
    const { session } = this;
    const sender = this.#sender;
    const acknowledgement = this.#acknowledgements.shift();
    let request, delivery, source;
    let length;
    if (acknowledgement) {
      length = encodeShort(acknowledgement >> 16, acknowledgement & 0xffff, sender);
    } else if (this.#liveness.ping) {
      this.#liveness.pinging();
      length = encodeShort(PINGREQ, 0, sender);
    } else if ((request = session.request())) {
      length = encodeFilters(request.operation, request.id, request.interests ?? [], sender);
    } else if ((delivery = session.next())) {
      const { state, id, qos, duplicate, message } = delivery;
      this.#delivery = delivery;
      if (state === RELEASE || !message) {
        length = encodeShort(PUBREL, id, sender);
      } else {
        source = message.payload;
        length = encodePublish(
          message.topic,
          qos,
          message.retain ?? false,
          duplicate,
          id,
          source.byteLength,
          sender,
        );
        delivery.duplicate = qos > 0;
      }
    } else {
      return false;
    }
    sender.begin(length, source, 0);
    return true;
  }

  /** The packet under way is out. */
  #written(): void {
    const delivery = this.#delivery;
    this.#liveness.sent();
    this.#delivery = undefined;
    if (delivery) {
      if (delivery.state === RELEASE) delivery.state = RELEASED;
      else if (delivery.qos) delivery.state = SENT;
      else this.#done(delivery);
    }
    if (this.session.awaiting) {
      this.#liveness.progress();
      if (!this.#waiting) this.#tick();
    }
    if (!this.#sender.tail && this.#acknowledgements.length) this.#later();
  }

  /** Takes what came apart; stops where the application, the socket or an acknowledgement has to move first. */
  #parse(): void {
    const receiver = this.#receiver;
    this.#parsing = true;
    this.#stalled = false;
    for (;;) {
      const socket = this.#socket;
      if (!socket) break;
      if (this.#acknowledgements.length >= MAXIMUM_ACKNOWLEDGEMENTS) {
        this.#stalled = true;
        break;
      }
      if (receiver.operation === PUBLISH) {
        if (!this.#deliver(socket)) break;
        continue;
      }
      const count = receiver.need < this.#buffered ? receiver.need : this.#buffered;
      if (!count) break;
      socket.read(receiver.window(count));
      this.#buffered -= count;
      if (!receiver.advance(count)) continue;
      if (receiver.failure) this.#fail(receiver.failure);
      else if (receiver.operation === PUBLISH) {
        this.#first = true;
        this.#repeated = receiver.QoS === 2 && !this.session.fresh(receiver.id);
      } else this.#control();
    }
    this.#parsing = false;
  }

  /** The present message: hands over what is there of it. Returns false when the next move is not ours. */
  #deliver(socket: StreamSocket): boolean {
    const receiver = this.#receiver;
    const { onReadable } = this.#options;
    const { payload, topic, QoS, retain, duplicate, byteLength } = receiver;
    const count = this.#readable;
    const first = this.#first;
    if (payload && !count) return false;
    if (!onReadable || this.#repeated) {
      // The buffer is free for this: the topic has been taken out.
      const { buffer } = receiver;
      const dropped = count < buffer.length ? count : buffer.length;
      if (dropped) socket.read(buffer.subarray(0, dropped));
      receiver.payload -= dropped;
      this.#buffered -= dropped;
    } else if (payload || first) {
      const more = payload > count;
      this.#first = false;
      this.#calling = "onReadable";
      onReadable.call(this, count, first ? { topic, QoS, retain, duplicate, byteLength, more } : { more });
      this.#calling = "";
      if (payload && receiver.payload === payload) return false;
    }
    if (receiver.payload === 0 && this.#socket) this.#received();
    return true;
  }

  /** The application has the present message. */
  #received(): void {
    const { QoS, id } = this.#receiver;
    this.#receiver.next();
    if (QoS === 2 && !this.session.receive(id))
      this.#fail(failure("limit", "PUBLISH", undefined, "QoS 2 identifiers"));
    if (QoS) this.#acknowledgements.push(((QoS === 1 ? PUBACK : PUBREC) << 16) | id);
  }

  /** Any packet but PUBLISH. */
  #control(): void {
    const receiver = this.#receiver;
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
        this.#acknowledgements.push((PUBCOMP << 16) | id);
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
    const delivery = this.#delivery;
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
    const { tail, room } = this.#sender;
    const liveness = this.#liveness;
    this.#waiting = this.session.awaiting;
    const wait = liveness.look(this.#waiting, this.#readable > 0 || (tail > 0 && room > OVERHEAD));
    if (typeof wait === "object") return this.#fail(wait);
    if (wait) this.#timer = timer.set(() => this.#on(ON_TICK), wait);
    if (liveness.ping) this.#later();
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
    this.#buffered = this.#sender.left = this.#sender.tail = 0;
    this.#delivery = undefined;
    this.session.disconnected();
    try {
      dns?.close?.();
      socket?.close();
    } catch {
      // It is over in any case, and the reason is known already.
    }
  }
}
