import { failure, type Failure } from "../diagnosis/failure.js";
import type { StreamSocket } from "../io/socket.js";
import { refuse } from "./error.js";
import { Inbox } from "./inbox.js";
import type { MQTTLink } from "./link.js";
import { Liveness } from "./liveness.js";
import type { MQTTClientOptions } from "./options.js";
import { Outbox } from "./outbox.js";
import { encodeConnect, encodeShort } from "./packets.js";
import { violation, type Violation } from "./receiver.js";
import { Session, type Delivery, type Message, type Subscription } from "./session.js";
import { isTopic } from "./text.js";

/** What is called from outside: by timers, the resolver and the socket. */
type Entry =
  "begin" | "connect" | "readable" | "writable" | "ended" | "resume" | "tick" | "tellFailure" | "tellError";

/** Who wants to know of a connection's end before the application does. */
export interface ConnectionOwner {
  ended(connection: MQTTLink): void;
}

/**
 * One MQTT 3.1.1 connection over any ECMA-419 stream socket that resolves the name of the host by
 * itself, as those of a module do, up to `close` or the first failure: all that an application needs whose messages and subscriptions are kept in
 * a `Session` and so outlive the connection. `MQTTClient` adds a resolver, and the
 * packet-wise surface of ECMA-419.
 *
 * An incoming message is acknowledged when its last byte has been read; what the application
 * leaves unread stays in the socket. Without `onReadable`, messages are read and dropped.
 *
 * No exception leaves a callback: one that an application's callback throws closes the connection
 * and is reported. `failure` and `onError` come in a turn of their own.
 */
export class MQTTConnection implements MQTTLink {
  readonly session: Session;
  readonly target: unknown;
  /** The clock's ticks at CONNACK; absent before. */
  connectedAt: number | undefined;
  protected readonly options: MQTTClientOptions<MQTTConnection>;
  private readonly owner: ConnectionOwner | undefined;
  private readonly inbox: Inbox;
  protected readonly outbox: Outbox;
  protected readonly liveness: Liveness;
  /** How far it has come. The first three are what a timeout can be about; behind DISCONNECT nothing may be written. */
  protected phase: "resolve" | "connect" | "CONNACK" | "connected" | "DISCONNECT" | "closed" = "resolve";
  protected socket: StreamSocket | undefined;
  private parsing = false;
  /** The application is to be told the room. */
  private announce = false;
  /** The timer looks after an acknowledgement. */
  private waiting = false;
  private timer: unknown;
  private turn: unknown;
  /** The application's callback that is running. */
  private calling = "";
  /** Why the connection ended; before that, what the socket gave as the reason of its coming `onError`. */
  protected report: Failure | undefined;

  /** Begins to connect. Throws when a required option is missing or the will's topic is not allowed. */
  constructor(
    options: MQTTClientOptions<MQTTConnection>,
    session = options.session ?? new Session(),
    owner?: ConnectionOwner,
  ) {
    if (!options.host) refuse("CONNECT", "host");
    if (options.clean === false && !options.id) refuse("CONNECT", "id");
    if (options.will && !isTopic(options.will.topic, false)) refuse("CONNECT", "will topic");
    this.options = options;
    this.owner = owner;
    this.target = options.target;
    this.session = session;
    this.liveness = new Liveness(options);
    this.inbox = new Inbox(options.topicLength ?? 256);
    this.outbox = new Outbox(session, this.liveness, options.bufferLength ?? 256);
    this.wake(options.connectTimeout ?? 30_000);
    this.run("begin");
  }

  /** Ends the connection at once, without DISCONNECT. Nothing calls back afterwards. */
  close(): void {
    const timer = this.options.timer;
    const socket = this.socket;
    timer.clear(this.timer);
    timer.clear(this.turn);
    this.timer = this.turn = this.socket = this.report = undefined;
    if (this.phase !== "closed") this.session.disconnected();
    this.phase = "closed";
    try {
      socket?.close();
    } catch {
      // It is over in any case, and the reason is known already.
    }
  }

  /** Takes leave of the broker with DISCONNECT. False when that cannot be written now. */
  disconnect(): boolean {
    const outbox = this.outbox;
    const socket = this.socket;
    if (this.phase !== "connected" || !socket || outbox.left || outbox.tail || outbox.room < 2) return false;
    outbox.begin(encodeShort(14 /* DISCONNECT */, 0, outbox), undefined, 0);
    this.phase = "DISCONNECT";
    this.run("resume");
    return true;
  }

  /** `read(count)`: at most `count` bytes of the present message; `undefined` when none are there. */
  read(count?: number): ArrayBuffer | undefined;
  /** Fills `view` as far as bytes of the present message are there; returns how many. */
  read(view: Uint8Array): number | undefined;
  read(into?: number | Uint8Array): ArrayBuffer | number | undefined {
    if (!this.parsing) this.later();
    return this.socket && this.inbox.read(this.socket, into);
  }

  /** Sends a message as soon as the connection allows, and again after reconnecting; see `Session.publish`. */
  publish(message: Message): void {
    this.session.publish(message);
    this.later();
  }

  /** Subscribes, now and whenever the broker has lost the session; see `Session.subscribe`. */
  subscribe(subscriptions: readonly Subscription[]): void {
    this.session.subscribe(subscriptions);
    this.later();
  }

  unsubscribe(subscriptions: readonly Subscription[]): void {
    this.session.unsubscribe(subscriptions);
    this.later();
  }

  /** Room for the application's packets: eight bytes are kept back for acknowledgements. */
  protected get room(): number {
    const outbox = this.outbox;
    return outbox.left ? 0 : Math.max(outbox.room - 8, 0);
  }

  /** Every way in from outside: nothing is thrown out of here. */
  protected run(step: Entry, count = 0, address = ""): void {
    try {
      this[step](count, address);
    } catch (exception) {
      this.caught(exception);
    }
  }

  protected begin(): void {
    this.connect(0, "");
  }

  private connect(_count: number, address: string): void {
    const options = this.options;
    const socket = options.socket;
    if (this.phase !== "resolve") return;
    this.phase = "connect";
    this.socket = new socket.io({
      ...socket,
      address,
      host: options.host,
      port: options.port ?? 1883,
      format: "buffer",
      onReadable: count => this.run("readable", count),
      onWritable: count => this.run("writable", count),
      onError: () => this.run("ended"),
      failure: report => (this.report ??= report),
    });
  }

  private readable(count: number): void {
    this.inbox.buffered = count;
    this.liveness.heard();
    if (!this.parsing) this.work();
  }

  private writable(count: number): void {
    this.outbox.room = count;
    this.announce = true;
    if (this.phase === "connect") this.greet();
    this.work();
  }

  /** The socket or the resolver has given up. */
  private ended(): void {
    const phase = this.phase;
    this.fail(failure(phase === "resolve" ? "dns" : phase === "connect" ? "connect" : "peer-closed"));
  }

  private greet(): void {
    const options = this.options;
    const outbox = this.outbox;
    const user = options.user;
    const password = options.password;
    this.calling = "password";
    const length = encodeConnect(
      options.id ?? "",
      options.clean ?? true,
      this.liveness.keepAlive,
      options.will,
      typeof user === "function" ? user() : user,
      typeof password === "function" ? password() : password,
      outbox,
    );
    this.calling = "";
    this.phase = "CONNACK";
    outbox.begin(length, undefined, 0);
  }

  /** Has the work looked at in a turn of its own. */
  protected later(): void {
    if (this.phase !== "closed") this.turn ??= this.options.timer.set(() => this.run("resume"));
  }

  private resume(): void {
    this.turn = undefined;
    this.work();
  }

  /** Reads what came, writes what is due, until either has to wait. */
  private work(): void {
    const outbox = this.outbox;
    let stalled;
    do {
      this.parsing = true;
      stalled = this.parse();
      this.parsing = false;
      this.pump();
    } while (stalled && !outbox.full);
    if (this.announce && this.phase === "connected" && this.room) {
      this.announce = false;
      this.calling = "onWritable";
      this.options.onWritable?.call(this, this.room);
      this.calling = "";
    }
  }

  private pump(): void {
    const outbox = this.outbox;
    let delivery;
    while (this.socket && (delivery = outbox.pump(this.socket, this.phase === "connected")))
      this.done(delivery);
    if (outbox.broken) {
      // The message's source is broken in the middle of a packet: neither can be saved.
      const report = failure("storage", "PUBLISH", undefined, "payload");
      this.fail(report);
      delivery = outbox.delivery;
      if (delivery) this.done(delivery, report);
    }
    if (!this.waiting && this.phase === "connected" && this.session.awaiting) this.tick();
  }

  /** Takes what came apart. Returns whether acknowledgements have to be written before it goes on. */
  private parse(): boolean {
    const inbox = this.inbox;
    while (this.socket) {
      if (this.outbox.full) return true;
      switch (inbox.pull(this.socket)) {
        case "failure":
          if (inbox.failure) this.fail(inbox.failure);
          break;
        case "control":
          this.control();
          break;
        case "message":
          inbox.drop = !this.options.onReadable || (inbox.QoS > 1 && !this.session.fresh(inbox.id));
          break;
        case "piece":
          if (this.deliver()) break;
          return false;
        case "end":
          this.received();
          break;
        case "":
          return false;
      }
    }
    return false;
  }

  /** Hands over what is there of the present message. Returns whether the application took any. */
  private deliver(): boolean {
    const inbox = this.inbox;
    const byteLength = inbox.payload;
    const count = inbox.readable;
    const more = byteLength > count;
    const flags = inbox.flags;
    const info = inbox.first
      ? { topic: inbox.topic, QoS: inbox.QoS, retain: !!(flags & 1), duplicate: flags > 7, byteLength, more }
      : { more };
    inbox.first = false;
    this.calling = "onReadable";
    this.options.onReadable?.call(this, count, info);
    this.calling = "";
    return !count || inbox.payload < byteLength;
  }

  /** The application has the present message. */
  private received(): void {
    const inbox = this.inbox;
    const QoS = inbox.QoS;
    const id = inbox.id;
    inbox.next();
    if (QoS > 1 && !this.session.receive(id))
      this.fail(failure("limit", "PUBLISH", undefined, "QoS 2 identifiers"));
    // PUBACK or PUBREC
    else if (QoS) this.outbox.acknowledge(QoS + 3, id);
  }

  /** Any packet but PUBLISH. */
  private control(): void {
    const inbox = this.inbox;
    const session = this.session;
    const options = this.options;
    const operation = inbox.operation;
    const id = inbox.id;
    const payload = operation === 9 ? inbox.codes() : [];
    const accepted =
      operation === 2 ? { operation, returnCode: id & 255, sessionPresent: id > 255 } : undefined;
    let wrong: Violation | undefined;
    let delivery;
    inbox.next();
    this.liveness.progress();
    if (accepted) {
      if (accepted.sessionPresent && options.clean !== false) wrong = "session present";
      else if (!id || id > 255) {
        session.connected(accepted.sessionPresent);
        this.phase = "connected";
        this.connectedAt = options.clock.ticks;
        this.tick();
      }
    } else if (operation === 6 /* PUBREL */) {
      session.release(id);
      this.outbox.acknowledge(7, id);
    } else if (operation === 13 /* PINGRESP */) {
      this.liveness.pinged = false;
      this.tick();
    } else if (operation > 8 /* SUBACK, UNSUBACK */) {
      this.calling = "done";
      wrong = session.answer(operation, id, payload);
    } else {
      delivery = session.acknowledge(operation, id);
      if (!delivery) wrong = "identifier";
    }
    if (wrong) {
      this.fail(violation(operation, wrong));
      return;
    }
    this.calling = "onControl";
    options.onControl?.call(
      this,
      accepted ?? (operation === 9 ? { operation, id, payload } : { operation, id }),
    );
    this.calling = "";
    if (accepted?.returnCode) this.fail(failure("mqtt-refused", "CONNECT", id));
    // PUBREC leaves it where it is.
    if (delivery && operation !== 5) this.done(delivery);
  }

  /** The message is delivered, or given up. */
  private done(delivery: Delivery, report?: Failure): void {
    this.session.remove(delivery);
    this.calling = "done";
    delivery.message?.done?.(report);
    this.calling = "";
  }

  private wake(ms: number): void {
    this.timer = this.options.timer.set(() => this.run("tick"), ms);
  }

  /** The time for connecting is over, or liveness has to be looked at. */
  private tick(): void {
    const outbox = this.outbox;
    const phase = this.phase;
    this.options.timer.clear(this.timer);
    if (phase !== "connected" && phase !== "DISCONNECT") {
      this.fail(failure("mqtt-timeout", "CONNECT", undefined, phase));
      return;
    }
    this.waiting = this.session.awaiting;
    const wait = this.liveness.look(
      this.waiting,
      this.inbox.readable > 0 || (outbox.tail > 0 && outbox.room > 8),
    );
    if (typeof wait === "object") this.fail(wait);
    else if (wait) this.wake(wait);
    if (this.liveness.ping) this.later();
  }

  protected caught(exception: unknown): void {
    const calling = this.calling;
    // An exception of the code that makes tokens may carry one.
    const detail = exception instanceof Error && calling !== "password" ? exception.message : undefined;
    this.fail(
      calling
        ? failure("exception", calling, undefined, detail)
        : failure("socket", undefined, undefined, detail),
    );
  }

  /** Ends the connection and has the reason told in a turn of its own. */
  private fail(failed: Failure): void {
    if (this.phase === "closed") return;
    const report = this.report ?? failed;
    this.close();
    this.report = report;
    this.turn = this.options.timer.set(() => {
      this.run("tellFailure");
      this.run("tellError");
    });
  }

  private tellFailure(): void {
    // Before the application is told: an exception of its own must not end the reconnecting.
    this.owner?.ended(this);
    if (this.report) this.options.failure?.call(this, this.report);
  }

  private tellError(): void {
    // `failure` may have called `close`, which takes the report back.
    if (this.report) this.options.onError?.call(this);
  }
}
