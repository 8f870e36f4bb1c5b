import { fieldLength, publishLength, putField, putNumber, type Field } from "./text.js";

/*
 * Control packet types (MQTT 3.1.1 §2.2.1). Modules write them as numbers with the name beside:
 * an imported constant costs a device ten times the byte code of a literal.
 *
 *     1 CONNECT   2 CONNACK    3 PUBLISH   4 PUBACK       5 PUBREC     6 PUBREL    7 PUBCOMP
 *     8 SUBSCRIBE 9 SUBACK    10 UNSUBSCRIBE 11 UNSUBACK 12 PINGREQ   13 PINGRESP 14 DISCONNECT
 */

const NAMES =
  "RESERVED CONNECT CONNACK PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK UNSUBSCRIBE UNSUBACK PINGREQ PINGRESP DISCONNECT RESERVED";

/** The name of a packet type, for failures. */
export function nameOf(operation: number): string {
  return NAMES.split(" ")[operation] ?? "write";
}

export type QoS = 0 | 1 | 2;

export interface Will {
  readonly topic: string;
  readonly message?: Field;
  readonly QoS?: QoS;
  readonly retain?: boolean;
}

export interface Filter {
  readonly topic: string;
  /** Ignored in UNSUBSCRIBE. */
  readonly QoS?: QoS;
}

/** Where packets are encoded. Encoders ask once, after everything has been checked. */
export interface Target {
  /** The packet begins at 0. */
  readonly buffer: Uint8Array;
  /** From now on `buffer` has at least `byteLength` bytes. */
  allocate(byteLength: number): void;
}

/**
 * Takes room for a packet with `remaining` bytes, of which `absent` will not be put there, and
 * writes the fixed header; returns the position behind it.
 */
function open(target: Target, first: number, remaining: number, absent: number): number {
  target.allocate(
    (remaining < 128 ? 2 : remaining < 16384 ? 3 : remaining < 2097152 ? 4 : 5) + remaining - absent,
  );
  const view = target.buffer;
  let at = 0;
  view[at++] = first;
  while (remaining > 127) {
    view[at++] = 0x80 | remaining;
    remaining >>= 7;
  }
  view[at++] = remaining;
  return at;
}

/**
 * CONNECT (§3.1), level 4; `keepAlive` in seconds. Returns the packet's length. A password needs a
 * user name, which may be empty (§3.1.2.9).
 */
export function encodeConnect(
  id: string,
  clean: boolean,
  keepAlive: number,
  will: Will | undefined,
  user: Field | undefined,
  password: Field | undefined,
  target: Target,
): number {
  const parts: Field[] = [id];
  let flags = clean ? 2 : 0;
  const add = (flag: number, part: Field): void => {
    flags |= flag;
    parts.push(part);
  };
  if (will) {
    add(4 | ((will.QoS ?? 0) << 3) | (will.retain ? 0x20 : 0), will.topic);
    add(0, will.message ?? "");
  }
  if (user !== undefined || password !== undefined) add(0x80, user ?? "");
  if (password !== undefined) add(0x40, password);
  let at = open(
    target,
    0x10,
    parts.reduce((sum, part) => sum + fieldLength(part), 10),
    0,
  );
  const view = target.buffer;
  at = putField(view, at, "MQTT");
  view[at] = 4;
  view[at + 1] = flags;
  return parts.reduce((end, part) => putField(view, end, part), putNumber(view, at + 2, keepAlive));
}

/**
 * The part of a PUBLISH in front of its payload of `byteLength` bytes (§3.3). `flags`: DUP 8,
 * RETAIN 1. Returns the part's length.
 */
export function encodePublish(
  topic: string,
  qos: QoS,
  flags: number,
  id: number,
  byteLength: number,
  target: Target,
): number {
  const at = open(target, 0x30 | flags | (qos << 1), publishLength(topic, qos, byteLength), byteLength);
  const end = putField(target.buffer, at, topic);
  return qos ? putNumber(target.buffer, end, id) : end;
}

/** SUBSCRIBE (§3.8) or UNSUBSCRIBE (§3.10). Returns the packet's length. */
export function encodeFilters(
  operation: number,
  id: number,
  filters: readonly Filter[],
  target: Target,
): number {
  const extra = operation === 8 ? 1 : 0;
  const remaining = filters.reduce((sum, filter) => sum + fieldLength(filter.topic) + extra, 2);
  const at = open(target, (operation << 4) | 2, remaining, 0);
  const view = target.buffer;
  return filters.reduce(
    (start, filter) => {
      const end = putField(view, start, filter.topic);
      if (extra) view[end] = filter.QoS ?? 0;
      return end + extra;
    },
    putNumber(view, at, id),
  );
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP with `id`; PINGREQ and DISCONNECT without (`id` 0). Returns the packet's length. */
export function encodeShort(operation: number, id: number, target: Target): number {
  const at = open(target, (operation << 4) | (operation === 6 ? 2 : 0), id ? 2 : 0, 0);
  return id ? putNumber(target.buffer, at, id) : at;
}
