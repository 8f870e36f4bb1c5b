import { failure, type Failure } from "../diagnosis/failure.js";
import { refuse } from "./error.js";
import { publishLength, type Filter, type QoS } from "./packets.js";
import type { Source } from "./source.js";
import { fieldLength } from "./text.js";
import { checkFilter, checkTopic } from "./topic.js";

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

/** Where an outgoing message stands. */
export type DeliveryState =
  /** It has not been begun. */
  | "queued"
  /** It has an identifier and its PUBLISH is to be written on this connection. */
  | "ready"
  /** PUBLISH was written; PUBACK or PUBREC is awaited. */
  | "sent"
  /** PUBREC came; PUBREL is to be written on this connection. */
  | "release"
  /** PUBREL was written; PUBCOMP is awaited. */
  | "released"
  /** Acknowledged, and no longer listed. */
  | "delivered";

export interface Delivery {
  id: number;
  readonly qos: QoS;
  state: DeliveryState;
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
  state: "wanted" | "asked" | "granted" | "unwanted" | "leaving";
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

function find(list: readonly { readonly id: number }[], id: number): number {
  return list.findIndex(entry => entry.id === id);
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
  private readonly window: number;
  private readonly capacity: number;
  private readonly receiveCapacity: number;
  /** In the order of `publish`. */
  private outgoing: Delivery[] = [];
  private interests: Interest[] = [];
  private readonly requests: Request[] = [];
  /** Identifiers of QoS 2 messages that the application has, until their PUBREL. */
  private readonly received: number[] = [];
  private lastId = 0;

  constructor(options: SessionOptions = {}) {
    this.window = options.window ?? 8;
    this.capacity = options.capacity ?? 32;
    this.receiveCapacity = options.receiveCapacity ?? 64;
  }

  /** Messages that are not delivered yet. */
  get pending(): number {
    return this.outgoing.length;
  }

  /** Something was written on this connection that waits for an acknowledgement. */
  get awaiting(): boolean {
    return (
      this.requests.length > 0 || this.outgoing.some(({ state }) => state === "sent" || state === "released")
    );
  }

  /** Takes a message. Throws a `MQTTError` when its topic or size is not allowed, or `capacity` is reached. */
  publish(message: Message): void {
    const qos = message.qos ?? 0;
    checkTopic(message.topic);
    publishLength(message.topic, qos, message.payload.byteLength);
    if (this.outgoing.length >= this.capacity) refuse("PUBLISH", "messages waiting", "limit");
    this.outgoing.push({ id: 0, qos, state: "queued", duplicate: false, message });
  }

  /** Wishes for subscriptions; one with the same filter is replaced. Kept until `unsubscribe` or refused. */
  subscribe(subscriptions: readonly Subscription[]): void {
    this.wish(subscriptions, "wanted");
  }

  /** Ends subscriptions, also such as an earlier client with the same id made. */
  unsubscribe(subscriptions: readonly Subscription[]): void {
    this.wish(subscriptions, "unwanted");
  }

  private wish(subscriptions: readonly Subscription[], state: "wanted" | "unwanted"): void {
    // All are checked before the first is taken.
    subscriptions.forEach(({ topic }) => {
      checkFilter(topic);
      fieldLength(topic);
    });
    subscriptions.forEach(subscription => {
      const { topic, QoS = 0 } = subscription;
      this.interests = this.interests.filter(interest => interest.topic !== topic);
      this.interests.push({ topic, QoS, subscription, state });
    });
  }

  /** A packet identifier that nothing in flight has: 1..65535, in turn (§2.3.1). */
  identifier(): number {
    for (let i = 0; i < 65535; i++) {
      this.lastId = (this.lastId % 65535) + 1;
      if (!this.uses(this.lastId)) return this.lastId;
    }
    return refuse("PUBLISH", "identifiers", "limit");
  }

  uses(id: number): boolean {
    return find(this.outgoing, id) >= 0 || find(this.requests, id) >= 0;
  }

  /** The next message of which something is to be written now: state `ready` or `release`. */
  next(): Delivery | undefined {
    let delivery;
    for (let i = 0; (delivery = this.outgoing[i]); i++) {
      const state = delivery.state;
      if (state === "ready" || state === "release") return delivery;
      if (state === "queued") {
        if (delivery.qos) {
          // All in front of it are in flight.
          if (i >= this.window) return undefined;
          delivery.id = this.identifier();
        }
        delivery.state = "ready";
        return delivery;
      }
    }
    return undefined;
  }

  /** Notes a PUBLISH or PUBREL that the application writes itself. */
  track(id: number, qos: QoS, state: DeliveryState): void {
    this.outgoing = this.outgoing.filter(delivery => delivery.id !== id);
    this.outgoing.push({ id, qos, state, duplicate: true, message: undefined });
  }

  /** Takes a message out of the list: delivered, or given up. */
  remove(delivery: Delivery): void {
    delivery.state = "delivered";
    this.outgoing = this.outgoing.filter(other => other !== delivery);
  }

  /** PUBACK, PUBREC or PUBCOMP. Returns the message in its new state; `undefined`: nothing waits for that. */
  acknowledge(operation: number, id: number): Delivery | undefined {
    const delivery = this.outgoing[find(this.outgoing, id)];
    const expected = !delivery
      ? 0
      : delivery.state === "released"
        ? 7 /* PUBCOMP */
        : delivery.state === "sent"
          ? delivery.qos + 3 /* PUBACK, PUBREC */
          : 0;
    if (!delivery || operation !== expected) return undefined;
    if (operation === 5 /* PUBREC */) delivery.state = "release";
    else this.remove(delivery);
    return delivery;
  }

  /** All that is to be subscribed, or else unsubscribed, as one packet; from now on its acknowledgement is awaited. */
  request(): Request | undefined {
    const first = this.interests.find(({ state }) => state === "wanted" || state === "unwanted");
    if (!first) return undefined;
    const state = first.state;
    const interests = this.interests.filter(interest => interest.state === state);
    const subscribing = state === "wanted";
    interests.forEach(interest => {
      interest.state = subscribing ? "asked" : "leaving";
    });
    return this.expect(subscribing ? 8 : 10, this.identifier(), interests.length, interests);
  }

  /** Notes a SUBSCRIBE or UNSUBSCRIBE of `count` filters that is being written. */
  expect(operation: number, id: number, count: number, interests: readonly Interest[]): Request {
    const request = { id, operation, count, interests };
    this.requests.push(request);
    return request;
  }

  /** SUBACK or UNSUBACK: calls back who asked. Returns what is wrong with it. */
  answer(operation: number, id: number, codes: readonly number[]): "identifier" | "count" | undefined {
    const index = find(this.requests, id);
    const request = this.requests[index];
    // An acknowledgement's type is the number behind its request's.
    if (request?.operation !== operation - 1) return "identifier";
    if (operation === 9 && codes.length !== request.count) return "count";
    this.requests.splice(index, 1);
    request.interests.forEach((interest, i) => {
      // Replaced by a later wish in the meantime: that one will be answered for itself.
      if (!this.interests.includes(interest)) return;
      const code = codes[i];
      const granted = code === 0 || code === 1 || code === 2 ? code : undefined;
      if (granted === undefined) this.interests = this.interests.filter(other => other !== interest);
      else interest.state = "granted";
      interest.subscription.done?.(
        code === 0x80 ? failure("mqtt-subscribe", "SUBSCRIBE", code, interest.topic) : undefined,
        granted,
      );
    });
    return undefined;
  }

  /** A received QoS 2 message with this identifier is new, and not one that the application has already. */
  fresh(id: number): boolean {
    return !this.received.includes(id);
  }

  /** The application has the QoS 2 message whole. Returns false when there is no room to remember it. */
  receive(id: number): boolean {
    return !this.fresh(id) || (this.received.length < this.receiveCapacity && this.received.push(id) > 0);
  }

  /** PUBREL: the broker will not send that message again. */
  release(id: number): void {
    const index = this.received.indexOf(id);
    if (index >= 0) this.received.splice(index, 1);
  }

  /** The connection has ended: what it carried without an acknowledgement is to be written again. */
  disconnected(): void {
    this.requests.length = 0;
    this.interests.forEach(interest => {
      if (interest.state === "asked") interest.state = "wanted";
      else if (interest.state === "leaving") interest.state = "unwanted";
    });
    // Without a copy, a message that the application streamed can go on only behind its PUBREC.
    this.outgoing = this.outgoing.filter(({ state, message }) => state !== "sent" || message);
    this.outgoing.forEach(delivery => {
      if (delivery.state === "sent") delivery.state = "ready";
      else if (delivery.state === "released") delivery.state = "release";
    });
  }

  /** The broker accepted the connection, and tells whether it still has its half of the session. */
  connected(present: boolean): void {
    if (present) return;
    this.received.length = 0;
    this.interests.forEach(interest => {
      if (interest.state === "granted") interest.state = "wanted";
    });
    this.outgoing = this.outgoing.filter(({ message }) => message);
    this.outgoing.forEach(delivery => {
      delivery.duplicate = false;
      if (delivery.state === "release") delivery.state = "ready";
    });
  }
}
