import { failure, type Failure } from "../diagnosis/failure.js";
import { CONNACK, NAMES, PINGRESP, PUBCOMP, PUBLISH, PUBREL, SUBACK, UNSUBACK, type QoS } from "./packets.js";
import { decode } from "./text.js";

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
  /** Packet identifier 0. */
  | "identifier 0"
  /** A packet identifier that nothing is in flight under, or in another state. */
  | "identifier"
  /** The topic is empty, has wildcards or is not UTF-8 as MQTT allows it. */
  | "topic"
  /** A CONNACK or SUBACK code that does not exist. */
  | "return code"
  /** A SUBACK with more or fewer codes than filters were asked for. */
  | "count"
  /** A session is said to be present after a clean start. */
  | "session present";

/** A violation as a failure, with the packet's name as the command. */
export function violation(operation: number, detail: Violation): Failure {
  return failure("mqtt-protocol", NAMES[operation], undefined, detail);
}

type Field = "header" | "length" | "topic length" | "topic" | "body";

/**
 * Takes a broker's byte stream apart, up to a PUBLISH's payload, which it only counts.
 *
 * It owns no socket and no clock: `need` tells how many bytes it wants next (they never reach
 * beyond the present packet's header), `window` gives the place to put some of them, `advance`
 * takes them. When `advance` says true, `operation` and the fields of that packet stand (or
 * `failure`, and then the stream is of no more use); `next` goes on.
 *
 *     bytes                        | event
 *     CONNACK                      | sessionPresent, returnCode
 *     PUBLISH up to the payload    | topic, QoS, retain, duplicate, id, byteLength, payload
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
  retain = false;
  duplicate = false;
  returnCode = 0;
  sessionPresent = false;
  /** Bytes of the payload as the PUBLISH announced them. */
  byteLength = 0;
  /** Bytes of the payload that the reader still has to take from the stream before `next`. */
  payload = 0;

  readonly buffer: Uint8Array;
  #field: Field = "header";
  #have = 0;
  #wanted = 2;
  #type = 0;
  #flags = 0;
  #length = 0;
  #shift = 0;
  #connected = false;

  /** `capacity`: bytes of the longest topic. */
  constructor(capacity: number) {
    this.buffer = new Uint8Array(capacity + 2);
  }

  /** Bytes that are certain to belong to the header that is being read; 0 while an event stands. */
  get need(): number {
    return this.operation === 0 ? this.#wanted - this.#have : 0;
  }

  /** The place for the next `count` bytes, at most `need`. */
  window(count: number): Uint8Array {
    return this.buffer.subarray(this.#have, this.#have + count);
  }

  /** `count` bytes stand in the window. Returns whether an event or a failure stands now. */
  advance(count: number): boolean {
    this.#have += count;
    while (this.operation === 0 && this.failure === undefined && this.#have === this.#wanted) {
      this.#have = 0;
      const wrong = this.#step();
      if (wrong !== undefined) this.failure = violation(this.#type, wrong);
    }
    return this.operation !== 0 || this.failure !== undefined;
  }

  /** Goes on behind an event, and behind its payload if it had one. */
  next(): void {
    this.operation = 0;
    this.#want("header", 2);
  }

  /** The codes of a SUBACK, in the order of its filters. */
  codes(): number[] {
    return Array.from(this.buffer.subarray(2, this.#length));
  }

  #want(field: Field, count: number): undefined {
    this.#field = field;
    this.#wanted = count;
    this.#have = 0;
    return undefined;
  }

  /** The wanted field is complete. */
  #step(): Violation | undefined {
    const { buffer } = this;
    const first = buffer[0] ?? 0;
    const second = buffer[1] ?? 0;
    switch (this.#field) {
      case "header": {
        this.#type = first >> 4;
        this.#flags = first & 0x0f;
        this.#length = 0;
        this.#shift = 0;
        const wrong = this.#checkHeader();
        return wrong ?? this.#lengthByte(second);
      }
      case "length":
        return this.#lengthByte(first);
      case "topic length": {
        const length = (first << 8) | second;
        const rest = length + (this.QoS ? 2 : 0);
        if (length === 0) return "topic";
        this.payload = this.byteLength = this.#length - 2 - rest;
        if (this.payload < 0) return "length";
        if (rest > buffer.length) return this.#oversized("topic");
        return this.#want("topic", rest);
      }
      case "topic":
        return this.#publish();
      case "body":
        return this.#control(first, second);
    }
  }

  #checkHeader(): Violation | undefined {
    const type = this.#type;
    const flags = this.#flags;
    const known =
      type === CONNACK ||
      (type >= PUBLISH && type <= PUBCOMP) ||
      type === SUBACK ||
      type === UNSUBACK ||
      type === PINGRESP;
    if (!known) return "packet type";
    if ((type === CONNACK) === this.#connected) return "order";
    if (type === PUBLISH) {
      const qos = (flags >> 1) & 3;
      if (qos === 3) return "QoS 3";
      if (qos === 0 && flags & 8) return "flags";
      this.QoS = qos as QoS;
      this.retain = (flags & 1) !== 0;
      this.duplicate = (flags & 8) !== 0;
    } else if (flags !== (type === PUBREL ? 2 : 0)) {
      return "flags";
    }
    return undefined;
  }

  #lengthByte(byte: number): Violation | undefined {
    this.#length |= (byte & 0x7f) << this.#shift;
    this.#shift += 7;
    if (byte & 0x80) return this.#shift === 28 ? "remaining length" : this.#want("length", 1);
    const type = this.#type;
    const length = this.#length;
    if (type === PUBLISH) return length < 2 ? "length" : this.#want("topic length", 2);
    if (type === PINGRESP ? length !== 0 : type === SUBACK ? length < 3 : length !== 2) return "length";
    if (length > this.buffer.length) return this.#oversized("codes");
    return this.#want("body", length);
  }

  #publish(): Violation | undefined {
    const { buffer } = this;
    const end = this.#wanted - (this.QoS ? 2 : 0);
    const topic = decode(buffer, 0, end);
    if (topic === undefined || topic.includes("+") || topic.includes("#")) return "topic";
    this.topic = topic;
    this.id = this.QoS ? ((buffer[end] ?? 0) << 8) | (buffer[end + 1] ?? 0) : 0;
    if (this.QoS && this.id === 0) return "identifier 0";
    this.operation = PUBLISH;
    return undefined;
  }

  #control(first: number, second: number): Violation | undefined {
    const type = this.#type;
    if (type === CONNACK) {
      this.sessionPresent = first === 1;
      this.returnCode = second;
      if (first > 1) return "flags";
      if (second > 5) return "return code";
      if (this.sessionPresent && second) return "session present";
      this.#connected = true;
    } else if (type !== PINGRESP) {
      this.id = (first << 8) | second;
      if (this.id === 0) return "identifier 0";
      for (let i = 2; i < this.#length; i += 1) {
        const code = this.buffer[i] ?? 0;
        if (code > 2 && code !== 0x80) return "return code";
      }
    }
    this.operation = type;
    return undefined;
  }

  #oversized(detail: string): undefined {
    this.failure = failure("limit", NAMES[this.#type], this.#length, detail);
    return undefined;
  }
}
