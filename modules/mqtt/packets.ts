import { exceeds } from "./error.js";
import { fieldLength, putField, type Field } from "./text.js";

/** Control packet types (MQTT 3.1.1 §2.2.1). */
export const CONNECT = 1;
export const CONNACK = 2;
export const PUBLISH = 3;
export const PUBACK = 4;
export const PUBREC = 5;
export const PUBREL = 6;
export const PUBCOMP = 7;
export const SUBSCRIBE = 8;
export const SUBACK = 9;
export const UNSUBSCRIBE = 10;
export const UNSUBACK = 11;
export const PINGREQ = 12;
export const PINGRESP = 13;
export const DISCONNECT = 14;

/** Names by packet type, for failures. */
export const NAMES: readonly string[] = Object.freeze([
  "RESERVED",
  "CONNECT",
  "CONNACK",
  "PUBLISH",
  "PUBACK",
  "PUBREC",
  "PUBREL",
  "PUBCOMP",
  "SUBSCRIBE",
  "SUBACK",
  "UNSUBSCRIBE",
  "UNSUBACK",
  "PINGREQ",
  "PINGRESP",
  "DISCONNECT",
  "RESERVED",
]);

/** What the four bytes of the remaining length can say (§2.2.3). */
export const MAXIMUM_REMAINING = 268435455;

export type QoS = 0 | 1 | 2;

export interface Will {
  readonly topic: string;
  readonly message?: Field;
  readonly QoS?: QoS;
  readonly retain?: boolean;
}

export interface ConnectFields {
  readonly id: string;
  readonly clean: boolean;
  /** Seconds, 0..65535. */
  readonly keepAlive: number;
  readonly user?: Field | undefined;
  readonly password?: Field | undefined;
  readonly will?: Will | undefined;
}

export interface Filter {
  readonly topic: string;
  /** Ignored in UNSUBSCRIBE. */
  readonly QoS?: QoS;
}

/** Where packets are encoded. Encoders ask once, after everything has been checked. */
export interface Target {
  /** A buffer of at least `byteLength` bytes; the packet begins at 0. */
  allocate(byteLength: number): Uint8Array;
}

/** Bytes of the fixed header in front of `remaining` bytes. */
export function headerLength(remaining: number): number {
  return remaining < 128 ? 2 : remaining < 16384 ? 3 : remaining < 2097152 ? 4 : 5;
}

function putHeader(view: Uint8Array, first: number, remaining: number): number {
  let at = 1;
  view[0] = first;
  while (remaining >= 128) {
    view[at] = 0x80 | (remaining & 0x7f);
    at += 1;
    remaining >>= 7;
  }
  view[at] = remaining;
  return at + 1;
}

function putNumber(view: Uint8Array, at: number, value: number): number {
  view[at] = value >> 8;
  view[at + 1] = value & 0xff;
  return at + 2;
}

/** CONNECT (§3.1), level 4. Returns the packet's length. */
export function encodeConnect(fields: ConnectFields, target: Target): number {
  const { will, password } = fields;
  // A password needs a user name, which may be empty (§3.1.2.9).
  const user = fields.user ?? (password === undefined ? undefined : "");
  const parts: Field[] = [fields.id];
  let flags = fields.clean ? 0x02 : 0;
  if (will) {
    flags |= 0x04 | ((will.QoS ?? 0) << 3) | (will.retain ? 0x20 : 0);
    parts.push(will.topic, will.message ?? "");
  }
  if (user !== undefined) {
    flags |= 0x80;
    parts.push(user);
  }
  if (password !== undefined) {
    flags |= 0x40;
    parts.push(password);
  }
  let remaining = 10;
  for (const part of parts) remaining += fieldLength(part);
  const view = target.allocate(headerLength(remaining) + remaining);
  let at = putField(view, putHeader(view, CONNECT << 4, remaining), "MQTT");
  view[at] = 4;
  view[at + 1] = flags;
  at = putNumber(view, at + 2, fields.keepAlive);
  for (const part of parts) at = putField(view, at, part);
  return at;
}

/** The part of a PUBLISH in front of its payload of `byteLength` bytes (§3.3). Returns the part's length. */
export function encodePublish(
  topic: string,
  qos: QoS,
  retain: boolean,
  duplicate: boolean,
  id: number,
  byteLength: number,
  target: Target,
): number {
  const remaining = publishLength(topic, qos, byteLength);
  const view = target.allocate(headerLength(remaining) + remaining - byteLength);
  const first = (PUBLISH << 4) | (duplicate ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
  const at = putField(view, putHeader(view, first, remaining), topic);
  return qos ? putNumber(view, at, id) : at;
}

/** The remaining length of such a PUBLISH; throws when it cannot be told in four bytes. */
export function publishLength(topic: string, qos: QoS, byteLength: number): number {
  const remaining = fieldLength(topic) + (qos ? 2 : 0) + byteLength;
  if (remaining > MAXIMUM_REMAINING) throw exceeds("PUBLISH", "268435455 bytes");
  return remaining;
}

/** SUBSCRIBE (§3.8) or UNSUBSCRIBE (§3.10). Returns the packet's length. */
export function encodeFilters(
  operation: number,
  id: number,
  filters: readonly Filter[],
  target: Target,
): number {
  const extra = operation === SUBSCRIBE ? 1 : 0;
  let remaining = 2;
  for (const filter of filters) remaining += fieldLength(filter.topic) + extra;
  const view = target.allocate(headerLength(remaining) + remaining);
  let at = putNumber(view, putHeader(view, (operation << 4) | 2, remaining), id);
  for (const filter of filters) {
    at = putField(view, at, filter.topic);
    if (extra) {
      view[at] = filter.QoS ?? 0;
      at += 1;
    }
  }
  return at;
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP with `id`; PINGREQ and DISCONNECT without (`id` 0). Returns the packet's length. */
export function encodeShort(operation: number, id: number, target: Target): number {
  const view = target.allocate(id ? 4 : 2);
  const at = putHeader(view, (operation << 4) | (operation === PUBREL ? 2 : 0), id ? 2 : 0);
  return id ? putNumber(view, at, id) : at;
}
