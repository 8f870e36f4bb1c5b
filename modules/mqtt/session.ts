import { failure, type Failure } from "../diagnosis/failure.js";
import { refuse } from "./error.js";
import type { Filter, QoS } from "./packets.js";
import type { Source } from "./source.js";
import { fieldLength, isTopic, publishLength } from "./text.js";

/** A message whose delivery is tracked until it is acknowledged, over as many connections as that takes. */
export interface Message {
  readonly topic: string;
  /** Default 0: at most once, done when the socket has taken the last byte. */
  readonly qos?: QoS;
  readonly retain?: boolean;
  readonly payload: Source;
  /** Once: delivered (no argument), or given up for the reason told. */
  readonly done?: (report?: Failure) => void;
}

export interface Delivery {
  id: number;
  readonly qos: QoS;
  /**
   * 0 queued, 2 PUBLISH is to be written, 3 PUBACK or PUBREC is awaited, 4 PUBREL is to be
   * written, 5 PUBCOMP is awaited. Odd: written on this connection, an answer is awaited.
   */
  state: number;
  /** It was written before, at least in part. */
  duplicate: boolean;
  /** Absent: streamed by the application, which keeps no copy that could be sent again. */
  readonly message: Message | undefined;
}

export interface Subscription extends Filter {
  /** The broker's answer: granted with this QoS, or refused (`mqtt-subscribe`); for UNSUBSCRIBE without arguments. */
  readonly done?: (report?: Failure, granted?: QoS) => void;
}

interface Interest extends Filter {
  readonly subscription: Subscription;
  /**
   * 0 SUBSCRIBE is to be written, 1 SUBACK is awaited, 2 granted, 4 UNSUBSCRIBE is to be written,
   * 5 UNSUBACK is awaited. Odd: written on this connection, an answer is awaited.
   */
  state: number;
}

/** A SUBSCRIBE or UNSUBSCRIBE that waits for its acknowledgement. */
export interface Request {
  readonly id: number;
  readonly operation: number;
  readonly count: number;
  /** Empty when the application wrote the packet itself. */
  readonly interests: readonly Interest[];
}

export interface SessionOptions {
  /** Most messages of QoS 1 and 2 that wait for their acknowledgement at the same time (default 8). */
  readonly window?: number;
  /** Most messages that wait altogether, those in the window included (default 32). */
  readonly capacity?: number;
  /** Most identifiers of received QoS 2 messages whose PUBREL has not come (default 64). */
  readonly receiveCapacity?: number;
}

function find<T extends { readonly id: number }>(list: readonly T[], id: number): T | undefined {
  return list.find(entry => entry.id === id);
}

/** Takes `entry` out of `list`, if it is there. Returns whether it was. */
function take<T>(list: T[], entry: T): boolean {
  const index = list.indexOf(entry);
  return index >= 0 && !!list.splice(index, 1);
}

/**
 * The client's half of an MQTT session (MQTT 3.1.1 §4.1): it outlives connections as long as it is
 * given to each new client. It knows no socket and no time.
 *
 * What it promises: QoS 1 at least once and QoS 2 exactly once, in the order of `publish`, while
 * the broker keeps its half. When the broker lost it (always so with a clean session), what is not
 * acknowledged is sent as new, so QoS 2 then is at least once, and everything is subscribed again.
 */
export class Session {
  private readonly options: SessionOptions;
  /** In the order of `publish`. The packet-wise client notes here what it writes itself. */
  outgoing: Delivery[] = [];
  private readonly interests: Interest[] = [];
  private readonly requests: Request[] = [];
  /** Identifiers of QoS 2 messages that the application has, until their PUBREL. */
  private readonly received: number[] = [];
  private lastId = 0;

  constructor(options: SessionOptions = {}) {
    this.options = options;
  }

  /** Messages that are not delivered yet. */
  get pending(): number {
    return this.outgoing.length;
  }

  /** Something was written on this connection that waits for an acknowledgement. */
  get awaiting(): boolean {
    return this.requests.length > 0 || this.outgoing.some(delivery => delivery.state & 1);
  }

  /** Takes a message. Throws a `MQTTError` when its topic or size is not allowed, or `capacity` is reached. */
  publish(message: Message): void {
    const qos = message.qos ?? 0;
    if (!isTopic(message.topic, false)) refuse("PUBLISH", "topic");
    publishLength(message.topic, qos, message.payload.byteLength);
    if (this.pending >= (this.options.capacity ?? 32)) refuse("PUBLISH", "messages waiting", "limit");
    this.outgoing.push({ id: 0, qos, state: 0, duplicate: false, message });
  }

  /** Wishes for subscriptions; one with the same filter is replaced. Kept until `unsubscribe` or refused. */
  subscribe(subscriptions: readonly Subscription[]): void {
    this.wish(subscriptions, 0);
  }

  /** Ends subscriptions, also such as an earlier client with the same id made. */
  unsubscribe(subscriptions: readonly Subscription[]): void {
    this.wish(subscriptions, 4);
  }

  private wish(subscriptions: readonly Subscription[], state: number): void {
    const interests = this.interests;
    // All are checked before the first is taken.
    subscriptions.forEach(subscription => {
      if (!isTopic(subscription.topic, true)) refuse("SUBSCRIBE", "topic filter");
      fieldLength(subscription.topic);
    });
    subscriptions.forEach(subscription => {
      const topic = subscription.topic;
      const former = interests.find(interest => interest.topic === topic);
      if (former) take(interests, former);
      interests.push({ topic, QoS: subscription.QoS ?? 0, subscription, state });
    });
  }

  /** A packet identifier that nothing in flight has: 1..65535, in turn (§2.3.1). */
  identifier(): number {
    do this.lastId = (this.lastId % 65535) + 1;
    while (this.uses(this.lastId));
    return this.lastId;
  }

  uses(id: number): boolean {
    return !!(find(this.outgoing, id) ?? find(this.requests, id));
  }

  /**
   * The next message of which something is to be written now: state 2 or 4. `window`: most messages in
   * flight that the connection allows.
   */
  next(window = Infinity): Delivery | undefined {
    const index = this.outgoing.findIndex(entry => !(entry.state & 1));
    const delivery = this.outgoing[index];
    if (delivery && !delivery.state) {
      if (delivery.qos) {
        // All in front of it are in flight.
        if (index >= Math.min(this.options.window ?? 8, window)) return undefined;
        delivery.id = this.identifier();
      }
      delivery.state = 2;
    }
    return delivery;
  }

  /** Takes a message out of the list: delivered, or given up. Returns whether it was there. */
  remove(delivery: Delivery): boolean {
    return take(this.outgoing, delivery);
  }

  /** PUBACK, PUBREC or PUBCOMP. Returns the message that waited for just that. */
  acknowledge(operation: number, id: number): Delivery | undefined {
    const delivery = find(this.outgoing, id);
    if (!delivery) return undefined;
    const state = delivery.state;
    if (operation !== (state === 5 ? 7 : state === 3 ? delivery.qos + 3 : 0)) return undefined;
    if (operation === 5 /* PUBREC */) delivery.state = 4;
    return delivery;
  }

  /**
   * All that is to be subscribed, or else unsubscribed, at most so many filters, as one packet; from now
   * on its acknowledgement is awaited.
   */
  request(most?: number): Request | undefined {
    const state = this.interests.find(interest => !(interest.state & 3))?.state;
    if (state === undefined) return undefined;
    const interests = this.interests.filter(interest => interest.state === state).slice(0, most);
    interests.forEach(interest => {
      interest.state |= 1;
    });
    return this.expect(state ? 10 : 8, this.identifier(), interests.length, interests);
  }

  /** Notes a SUBSCRIBE or UNSUBSCRIBE of `count` filters that is being written. */
  expect(operation: number, id: number, count: number, interests: readonly Interest[]): Request {
    const request = { id, operation, count, interests };
    this.requests.push(request);
    return request;
  }

  /** SUBACK or UNSUBACK: calls back who asked. Returns what is wrong with it. */
  answer(operation: number, id: number, codes: readonly number[]): "identifier" | "count" | undefined {
    const request = find(this.requests, id);
    // An acknowledgement's type is the number behind its request's.
    if (request?.operation !== operation - 1) return "identifier";
    if (operation === 9 && codes.length !== request.count) return "count";
    take(this.requests, request);
    request.interests.forEach((interest, i) => {
      const code = codes[i] ?? 3;
      const done = interest.subscription.done;
      // Replaced by a later wish in the meantime: that one will be answered for itself.
      if (!take(this.interests, interest)) return;
      if (code < 3) {
        interest.state = 2;
        this.interests.push(interest);
        done?.(undefined, code > 1 ? 2 : code ? 1 : 0);
      } else {
        done?.(code > 3 ? failure("mqtt-subscribe", "SUBSCRIBE", code, interest.topic) : undefined);
      }
    });
    return undefined;
  }

  /** A request that could not be written: its wishes are given up for the reason told, or stay without one. */
  refuse(request: Request, report?: Failure): void {
    take(this.requests, request);
    request.interests.forEach(interest => {
      interest.state &= 6;
      if (report && take(this.interests, interest)) interest.subscription.done?.(report);
    });
  }

  /** A received QoS 2 message with this identifier is new, and not one that the application has already. */
  fresh(id: number): boolean {
    return !this.received.includes(id);
  }

  /** The application has the QoS 2 message whole. Returns false when there is no room to remember it. */
  receive(id: number): boolean {
    const received = this.received;
    if (this.fresh(id)) received.push(id);
    return received.length <= (this.options.receiveCapacity ?? 64);
  }

  /** PUBREL: the broker will not send that message again. */
  release(id: number): void {
    take(this.received, id);
  }

  /** The connection has ended: what it carried without an acknowledgement is to be written again. */
  disconnected(): void {
    this.requests.length = 0;
    this.interests.forEach(interest => {
      interest.state &= 6;
    });
    // Without a copy, a message that the application streamed can go on only behind its PUBREC.
    this.outgoing = this.outgoing.filter(delivery => {
      const again = delivery.message || delivery.state > 3;
      delivery.state &= 6;
      return again;
    });
  }

  /** The broker accepted the connection, and tells whether it still has its half of the session. */
  connected(present: boolean): void {
    if (present) return;
    this.received.length = 0;
    this.interests.forEach(interest => {
      interest.state &= 4;
    });
    this.outgoing = this.outgoing.filter(delivery => {
      delivery.duplicate = false;
      if (delivery.state) delivery.state = 2;
      return delivery.message;
    });
  }
}
