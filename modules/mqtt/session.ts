import { failure, type Failure } from "../diagnosis/failure.js";
import { exceeds } from "./error.js";
import {
  publishLength,
  PUBACK,
  PUBCOMP,
  PUBREC,
  SUBSCRIBE,
  UNSUBSCRIBE,
  type Filter,
  type QoS,
} from "./packets.js";
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
export const QUEUED = 0;
/** It has an identifier and its PUBLISH is to be written on this connection. */
export const READY = 1;
/** PUBLISH was written; PUBACK or PUBREC is awaited. */
export const SENT = 2;
/** PUBREC came; PUBREL is to be written on this connection. */
export const RELEASE = 3;
/** PUBREL was written; PUBCOMP is awaited. */
export const RELEASED = 4;
/** Acknowledged, and no longer listed. */
export const DELIVERED = 5;

export interface Delivery {
  id: number;
  readonly qos: QoS;
  state: number;
  /** It was written before, at least in part. */
  duplicate: boolean;
  /** Absent: streamed by the application, which keeps no copy that could be sent again. */
  readonly message?: Message | undefined;
}

export interface Subscription extends Filter {
  /** The broker's answer: granted with this QoS, or refused (`mqtt-subscribe`); for UNSUBSCRIBE without arguments. */
  readonly done?: (report?: Failure, granted?: QoS) => void;
}

/** Where a subscription stands. */
const WANTED = 0;
const ASKED = 1;
const GRANTED = 2;
const UNWANTED = 3;
const LEAVING = 4;

interface Interest extends Subscription {
  state: number;
}

/** A SUBSCRIBE or UNSUBSCRIBE that waits for its acknowledgement. */
export interface Request {
  readonly id: number;
  readonly operation: number;
  readonly count: number;
  /** Absent when the application wrote the packet itself. */
  readonly interests?: readonly Interest[];
}

export interface SessionOptions {
  /** Most messages of QoS 1 and 2 that wait for their acknowledgement at the same time (default 8). */
  readonly window?: number;
  /** Most messages that wait altogether, those in the window included (default 32). */
  readonly capacity?: number;
  /** Most identifiers of received QoS 2 messages whose PUBREL has not come (default 64). */
  readonly receiveCapacity?: number;
}

function find<T extends { readonly id: number }>(list: readonly T[], id: number): number {
  for (let i = 0; i < list.length; i += 1) if (list[i]?.id === id) return i;
  return -1;
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
  readonly #window: number;
  readonly #capacity: number;
  readonly #receiveCapacity: number;
  readonly #outgoing: Delivery[] = [];
  readonly #interests: Interest[] = [];
  readonly #requests: Request[] = [];
  /** Identifiers of QoS 2 messages that the application has, until their PUBREL. */
  readonly #received: number[] = [];
  #id = 0;

  constructor(options: SessionOptions = {}) {
    this.#window = options.window ?? 8;
    this.#capacity = options.capacity ?? 32;
    this.#receiveCapacity = options.receiveCapacity ?? 64;
  }

  /** Messages that are not delivered yet. */
  get pending(): number {
    return this.#outgoing.length;
  }

  /** Something was written on this connection that waits for an acknowledgement. */
  get awaiting(): boolean {
    return (
      this.#requests.length > 0 || this.#outgoing.some(({ state }) => state === SENT || state === RELEASED)
    );
  }

  /** Takes a message. Throws a `MQTTError` when its topic or size is not allowed, or `capacity` is reached. */
  publish(message: Message): void {
    const qos = message.qos ?? 0;
    checkTopic(message.topic);
    publishLength(message.topic, qos, message.payload.byteLength);
    if (this.#outgoing.length >= this.#capacity) throw exceeds("PUBLISH", "messages waiting");
    this.#outgoing.push({ id: 0, qos, state: QUEUED, duplicate: false, message });
  }

  /** Wishes for subscriptions; one with the same filter is replaced. Kept until `unsubscribe` or refused. */
  subscribe(subscriptions: readonly Subscription[]): void {
    for (const { topic } of subscriptions) {
      checkFilter(topic);
      fieldLength(topic);
    }
    for (const subscription of subscriptions) this.#wish(subscription, WANTED);
  }

  /** Ends subscriptions, also such as an earlier client with the same id made. */
  unsubscribe(subscriptions: readonly Subscription[]): void {
    for (const { topic } of subscriptions) {
      checkFilter(topic);
      fieldLength(topic);
    }
    for (const subscription of subscriptions) this.#wish(subscription, UNWANTED);
  }

  #wish({ topic, QoS = 0, done }: Subscription, state: number): void {
    const index = this.#interests.findIndex(interest => interest.topic === topic);
    if (index >= 0) this.#interests.splice(index, 1);
    this.#interests.push({ topic, QoS, ...(done && { done }), state });
  }

  /** A packet identifier that nothing in flight has: 1..65535, in turn (§2.3.1). */
  identifier(): number {
    for (let i = 0; i < 65535; i += 1) {
      this.#id = (this.#id % 65535) + 1;
      if (!this.uses(this.#id)) return this.#id;
    }
    throw exceeds("PUBLISH", "identifiers");
  }

  uses(id: number): boolean {
    return find(this.#outgoing, id) >= 0 || find(this.#requests, id) >= 0;
  }

  /** The next message of which something is to be written now: state READY or RELEASE. */
  next(): Delivery | undefined {
    let inFlight = 0;
    for (const delivery of this.#outgoing) {
      const { state } = delivery;
      if (state === READY || state === RELEASE) return delivery;
      if (state === QUEUED) {
        if (delivery.qos) {
          if (inFlight >= this.#window) return undefined;
          delivery.id = this.identifier();
        }
        delivery.state = READY;
        return delivery;
      }
      inFlight += 1;
    }
    return undefined;
  }

  /** Notes a PUBLISH or PUBREL that the application writes itself. */
  track(id: number, qos: QoS, state: number): void {
    const index = find(this.#outgoing, id);
    if (index >= 0) this.#outgoing.splice(index, 1);
    this.#outgoing.push({ id, qos, state, duplicate: true });
  }

  /** Takes a message out of the list: delivered with QoS 0, or given up. */
  remove(delivery: Delivery): void {
    this.#outgoing.splice(this.#outgoing.indexOf(delivery), 1);
  }

  /** PUBACK, PUBREC or PUBCOMP. Returns the message in its new state; `undefined`: nothing waits for that. */
  acknowledge(operation: number, id: number): Delivery | undefined {
    const delivery = this.#outgoing[find(this.#outgoing, id)];
    if (!delivery) return undefined;
    const { qos, state } = delivery;
    if (operation === PUBREC && qos === 2 && state === SENT) {
      delivery.state = RELEASE;
    } else if (
      (operation === PUBACK && qos === 1 && state === SENT) ||
      (operation === PUBCOMP && state === RELEASED)
    ) {
      delivery.state = DELIVERED;
      this.remove(delivery);
    } else {
      return undefined;
    }
    return delivery;
  }

  /** All that is to be subscribed, or else unsubscribed, as one packet; from now on its acknowledgement is awaited. */
  request(): Request | undefined {
    const first = this.#interests.find(({ state }) => state === WANTED || state === UNWANTED);
    if (!first) return undefined;
    const { state } = first;
    const interests = this.#interests.filter(interest => interest.state === state);
    const request = {
      id: this.identifier(),
      operation: state === WANTED ? SUBSCRIBE : UNSUBSCRIBE,
      count: interests.length,
      interests,
    };
    for (const interest of interests) interest.state += 1;
    this.#requests.push(request);
    return request;
  }

  /** Notes a SUBSCRIBE or UNSUBSCRIBE that the application writes itself. */
  expect(operation: number, id: number, count: number): void {
    this.#requests.push({ id, operation, count });
  }

  /** SUBACK or UNSUBACK: calls back who asked. Returns what is wrong with it. */
  answer(operation: number, id: number, codes: readonly number[]): "identifier" | "count" | undefined {
    const index = find(this.#requests, id);
    const request = this.#requests[index];
    if (request?.operation !== operation - 1) return "identifier";
    if (operation - 1 === SUBSCRIBE && codes.length !== request.count) return "count";
    this.#requests.splice(index, 1);
    request.interests?.forEach((interest, i) => {
      const at = this.#interests.indexOf(interest);
      // Replaced by a later wish in the meantime: that one will be answered for itself.
      if (at < 0) return;
      const { done, topic } = interest;
      const code = codes[i];
      if (code === 0 || code === 1 || code === 2) {
        interest.state = GRANTED;
        done?.(undefined, code);
      } else {
        this.#interests.splice(at, 1);
        done?.(code === undefined ? undefined : failure("mqtt-subscribe", "SUBSCRIBE", code, topic));
      }
    });
    return undefined;
  }

  /** A received QoS 2 message with this identifier is new, and not one that the application has already. */
  fresh(id: number): boolean {
    return !this.#received.includes(id);
  }

  /** The application has the QoS 2 message whole. Returns false when there is no room to remember it. */
  receive(id: number): boolean {
    if (!this.fresh(id)) return true;
    return this.#received.length < this.#receiveCapacity && this.#received.push(id) > 0;
  }

  /** PUBREL: the broker will not send that message again. */
  release(id: number): void {
    const index = this.#received.indexOf(id);
    if (index >= 0) this.#received.splice(index, 1);
  }

  /** The connection has ended: what it carried without an acknowledgement is to be written again. */
  disconnected(): void {
    this.#requests.length = 0;
    for (const interest of this.#interests)
      if (interest.state === ASKED || interest.state === LEAVING) interest.state -= 1;
    const outgoing = this.#outgoing;
    for (let i = outgoing.length - 1; i >= 0; i -= 1) {
      const delivery = outgoing[i];
      if (!delivery) continue;
      if (delivery.state === RELEASED) delivery.state = RELEASE;
      if (delivery.state !== SENT) continue;
      if (delivery.message) delivery.state = READY;
      else outgoing.splice(i, 1);
    }
  }

  /** The broker accepted the connection, and tells whether it still has its half of the session. */
  connected(present: boolean): void {
    if (present) return;
    this.#received.length = 0;
    const interests = this.#interests;
    for (let i = interests.length - 1; i >= 0; i -= 1) {
      const interest = interests[i];
      if (interest?.state === GRANTED) interest.state = WANTED;
    }
    const outgoing = this.#outgoing;
    for (let i = outgoing.length - 1; i >= 0; i -= 1) {
      const delivery = outgoing[i];
      if (!delivery || delivery.state === QUEUED) continue;
      delivery.duplicate = false;
      if (delivery.message) delivery.state = READY;
      else outgoing.splice(i, 1);
    }
  }
}
