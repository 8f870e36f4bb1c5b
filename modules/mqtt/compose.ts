import type { StreamSocket } from "../io/socket.js";
import { refuse } from "./error.js";
import type { WriteOptions } from "./options.js";
import { encodeFilters, encodePublish, encodeShort, nameOf } from "./packets.js";
import type { Sender } from "./sender.js";
import type { Session } from "./session.js";
import { isTopic } from "./text.js";

/**
 * Makes a packet of the application ready to be flushed. Throws a `MQTTError` and changes nothing
 * when it is not allowed or exceeds the room. Returns how many bytes of `data` have to follow the
 * flush from where they are: few bytes are copied behind the header instead.
 */
export function compose(
  data: ArrayBuffer | Uint8Array | null | undefined,
  options: WriteOptions,
  session: Session,
  sender: Sender,
): number {
  const operation = options.operation ?? 3;
  const name = nameOf(operation);
  const publish = operation === 3;
  const qos = options.QoS ?? 0;
  const items = options.items ?? [];
  const size = publish && data ? data.byteLength : 0;
  const total = publish ? (options.byteLength ?? size) : 0;
  let id = 0;
  let length;
  if (publish ? qos : operation < 12) {
    id = options.id ?? session.identifier();
    if (!(id > 0 && id < 65536)) refuse(name, "id");
  }
  // Only PUBLISH, SUBSCRIBE and UNSUBSCRIBE begin an exchange under a new identifier.
  if ((publish ? !options.duplicate : operation > 7) && id && session.uses(id)) refuse(name, "id in use");
  if (publish) {
    const topic = options.topic ?? "";
    if (!isTopic(topic, false)) refuse(name, "topic");
    if (qos > 2) refuse(name, "QoS");
    if (size > total) refuse(name, "byteLength");
    length = encodePublish(
      topic,
      qos,
      (options.duplicate ? 8 : 0) | (options.retain ? 1 : 0),
      id,
      total,
      sender,
    );
  } else if (operation === 8 /* SUBSCRIBE */ || operation === 10 /* UNSUBSCRIBE */) {
    if (!items.length) refuse(name, "items");
    if (!items.every(item => isTopic(item.topic, true))) refuse(name, "topic filter");
    length = encodeFilters(operation, id, items, sender);
  } else {
    // PUBACK, PUBREC, PUBREL, PUBCOMP, PINGREQ, DISCONNECT
    if (!((0x50f0 >> operation) & 1)) refuse(name, "operation");
    length = encodeShort(operation, id, sender);
  }
  if (length + size > sender.room) refuse(name, "overflow", "limit");
  if (publish ? qos : operation === 6) {
    session.outgoing = session.outgoing.filter(delivery => delivery.id !== id);
    session.outgoing.push({
      id,
      qos: publish ? qos : 2,
      state: publish ? 3 : 5,
      duplicate: true,
      message: undefined,
    });
  }
  if (operation === 8 || operation === 10) session.expect(operation, id, items.length, []);
  if (data && length + size <= sender.buffer.length) {
    sender.buffer.set(data instanceof Uint8Array ? data : new Uint8Array(data), length);
    sender.begin(length + size, undefined, total - size);
    return 0;
  }
  sender.begin(length, undefined, total);
  return size;
}

/** Writes the next bytes of a payload that the application streams, at most `sender.room` and `sender.tail`. */
export function streamTail(data: ArrayBuffer | Uint8Array, sender: Sender, socket: StreamSocket): void {
  sender.tail -= data.byteLength;
  const more = sender.tail > 0 && sender.tail <= sender.room - data.byteLength;
  sender.room = socket.write(data, more ? { more } : undefined);
}
