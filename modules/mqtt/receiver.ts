import { decode } from "./decode.js";
import { failure, type Failure } from "../diagnosis/failure.js";
import { nameOf, type QoS } from "./packets.js";
import { isTopic } from "./text.js";

/** What a broker did that MQTT 3.1.1 forbids: the `detail` of an `mqtt-protocol` failure. */
export type Violation =
  /** Packet type 0 or 15, or one that only clients send. */
  | "packet type"
  /** Reserved bits of the fixed header, DUP with QoS 0, or reserved bits of CONNACK. */
  | "flags"
  | "QoS 3"
  /** More than four bytes of remaining length. */
  | "remaining length"
  /** The remaining length does not fit the packet type. */
  | "length"
  /** Something else before CONNACK, or CONNACK twice. */
  | "order"
  /** A packet identifier of 0, one that nothing is in flight under, or one that is in another state. */
  | "identifier"
  /** The topic is empty, has wildcards or is not UTF-8 as MQTT allows it. */
  | "topic"
  /** A CONNACK or SUBACK code that does not exist. */
  | "return code"
  /** A SUBACK with more or fewer codes than filters were asked for. */
  | "count"
  /** A session is said to be present after a clean start, or with a refusal. */
  | "session present";

/** A violation as a failure, with the packet's name as the command. */
export function violation(operation: number, detail: Violation): Failure {
  return failure("mqtt-protocol", nameOf(operation), undefined, detail);
}

/**
 * Takes a broker's byte stream apart, up to a PUBLISH's payload, which it only counts.
 *
 * It owns no socket and no clock: `need` tells how many bytes it wants next (they never reach
 * beyond the present packet's header), `window` gives the place to put some of them, `advance`
 * takes them. When `advance` says true, `operation` and the fields of that packet stand (or
 * `failure`, and then the stream is of no more use); `next` goes on.
 *
 *     bytes                        | event
 *     CONNACK                      | id: the return code, and 256 more with a session present
 *     PUBLISH up to the payload    | topic, QoS, flags, id (0 with QoS 0), payload
 *     PUBACK PUBREC PUBREL PUBCOMP | id
 *     SUBACK                       | id, codes()
 *     UNSUBACK                     | id
 *     PINGRESP                     |
 *
 * The buffer holds a topic with its packet identifier, or the codes of a SUBACK: longer ones are
 * a `limit` failure. Nothing is allocated but the topic's string and the view of a piece.
 */
export class Receiver {
  /** The packet type of the event that stands; 0: none. */
  operation = 0;
  failure: Failure | undefined;
  id = 0;
  topic = "";
  QoS: QoS = 0;
  /** Bits of the fixed header: RETAIN 1, DUP 8. */
  flags = 0;
  /** Bytes of the payload that the reader still has to take from the stream before `next`. */
  payload = 0;
  readonly buffer: Uint8Array;
  private field: "header" | "length" | "topic length" | "topic" | "body" = "header";
  private have = 0;
  private wanted = 2;
  private type = 0;
  private length = 0;
  private shift = 0;
  private connected = false;

  /** `capacity`: bytes of the longest topic. */
  constructor(capacity: number) {
    this.buffer = new Uint8Array(capacity + 2);
  }

  /** Bytes that are certain to belong to the header that is being read; 0 while an event stands. */
  get need(): number {
    return this.operation ? 0 : this.wanted - this.have;
  }

  /** The place for the next `count` bytes, at most `need`. */
  window(count: number): Uint8Array {
    return this.buffer.subarray(this.have, this.have + count);
  }

  /** `count` bytes stand in the window. Returns whether an event or a failure stands now. */
  advance(count: number): boolean {
    this.have += count;
    while (!this.operation && !this.failure && this.have === this.wanted) {
      const wrong = this.step();
      if (wrong) this.failure = violation(this.type, wrong);
    }
    return !!(this.operation || this.failure);
  }

  /** Goes on behind an event, and behind its payload if it had one. */
  next(): void {
    this.operation = 0;
    this.want("header", 2);
  }

  /** The codes of a SUBACK, in the order of its filters. */
  codes(): number[] {
    return Array.from(this.buffer.subarray(2, this.length));
  }

  private want(field: typeof this.field, count: number): void {
    if (count > this.buffer.length) this.failure = failure("limit", nameOf(this.type), count, field);
    this.field = field;
    this.wanted = count;
    this.have = 0;
  }

  /** The wanted field is complete. */
  private step(): Violation | undefined {
    const first = this.buffer[0] ?? 0;
    const second = this.buffer[1] ?? 0;
    const number = (first << 8) | second;
    switch (this.field) {
      case "header":
        this.type = first >> 4;
        this.flags = first & 15;
        this.length = this.shift = 0;
        return this.header() ?? this.more(second);
      case "length":
        return this.more(first);
      case "topic length":
        this.want("topic", number + (this.QoS ? 2 : 0));
        this.payload = this.length - 2 - this.wanted;
        if (!number) return "topic";
        return this.payload < 0 ? "length" : undefined;
      case "topic":
        return this.publish();
      case "body":
        return this.control(number);
    }
  }

  private header(): Violation | undefined {
    const type = this.type;
    const flags = this.flags;
    const qos = (flags >> 1) & 3;
    // Bits by packet type: CONNACK, PUBLISH to PUBCOMP, SUBACK, UNSUBACK, PINGRESP.
    if (!((0x2afc >> type) & 1)) return "packet type";
    if ((type === 2) === this.connected) return "order";
    if (type !== 3) return flags === (type === 6 ? 2 : 0) ? undefined : "flags";
    if (qos > 2) return "QoS 3";
    this.QoS = qos > 1 ? 2 : qos ? 1 : 0;
    return flags > 7 && !qos ? "flags" : undefined;
  }

  /** A byte of the remaining length. */
  private more(byte: number): Violation | undefined {
    const type = this.type;
    const length = (this.length |= (byte & 0x7f) << this.shift);
    this.shift += 7;
    if (byte > 127) {
      if (this.shift > 27) return "remaining length";
      this.want("length", 1);
    } else if (type === 3) {
      if (length < 2) return "length";
      this.want("topic length", 2);
    } else {
      if (type === 9 ? length < 3 : length !== (type === 13 ? 0 : 2)) return "length";
      this.want("body", length);
    }
    return undefined;
  }

  private publish(): Violation | undefined {
    const buffer = this.buffer;
    const end = this.wanted - (this.QoS ? 2 : 0);
    const topic = decode(buffer, end);
    if (!topic || !isTopic(topic, false)) return "topic";
    this.topic = topic;
    this.id = this.QoS ? ((buffer[end] ?? 0) << 8) | (buffer[end + 1] ?? 0) : 0;
    if (this.QoS && !this.id) return "identifier";
    this.operation = 3;
    return undefined;
  }

  private control(number: number): Violation | undefined {
    const type = this.type;
    this.id = number;
    if (type === 2 /* CONNACK */) {
      this.connected = true;
      if (number > 511) return "flags";
      if ((number & 255) > 5) return "return code";
      if (number > 256) return "session present";
    } else if (type !== 13 /* PINGRESP */) {
      if (!number) return "identifier";
      for (let i = 2; i < this.length; i++) {
        const code = this.buffer[i] ?? 0;
        if (code > 2 && code !== 0x80) return "return code";
      }
    }
    this.operation = type;
    return undefined;
  }
}
