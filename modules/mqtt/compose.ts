import { exceeds, invalid } from "./error.js";
import type { WriteOptions } from "./options.js";
import {
  DISCONNECT,
  NAMES,
  PINGREQ,
  PUBACK,
  PUBCOMP,
  PUBLISH,
  PUBREC,
  PUBREL,
  SUBSCRIBE,
  UNSUBSCRIBE,
  encodeFilters,
  encodePublish,
  encodeShort,
} from "./packets.js";
import type { Sender } from "./sender.js";
import { RELEASED, SENT, type Session } from "./session.js";
import { BytesSource, type Source } from "./source.js";
import { checkFilter, checkTopic } from "./topic.js";

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
  const { operation = PUBLISH, topic = "", QoS = 0, items = [], retain = false, duplicate = false } = options;
  const name = NAMES[operation] ?? "write";
  const publish = operation === PUBLISH;
  const size = publish && data ? data.byteLength : 0;
  const total = publish ? (options.byteLength ?? size) : 0;
  let id = 0;
  if (publish ? QoS > 0 : operation !== PINGREQ && operation !== DISCONNECT) {
    id = options.id ?? session.identifier();
    if (!(id > 0 && id < 65536)) throw invalid(name, "id");
  }
  let source: Source | undefined;
  let length;
  switch (operation) {
    case PUBLISH:
      checkTopic(topic);
      if (QoS > 2) throw invalid(name, "QoS");
      if (size > total) throw invalid(name, "byteLength");
      if (session.uses(id) && !duplicate) throw invalid(name, "id");
      length = encodePublish(topic, QoS, retain, duplicate, id, total, sender);
      if (data && size && length + size <= sender.capacity) source = new BytesSource(data);
      break;
    case SUBSCRIBE:
    case UNSUBSCRIBE:
      if (!items.length) throw invalid(name, "items");
      if (session.uses(id)) throw invalid(name, "id");
      for (const item of items) checkFilter(item.topic);
      length = encodeFilters(operation, id, items, sender);
      break;
    case PUBACK:
    case PUBREC:
    case PUBREL:
    case PUBCOMP:
    case PINGREQ:
    case DISCONNECT:
      length = encodeShort(operation, id, sender);
      break;
    default:
      throw invalid(name, "operation");
  }
  if (length + size > sender.room) throw exceeds(name, "overflow");
  if (publish && QoS) session.track(id, QoS, SENT);
  else if (operation === PUBREL) session.track(id, 2, RELEASED);
  else if (operation === SUBSCRIBE || operation === UNSUBSCRIBE) session.expect(operation, id, items.length);
  const direct = source ? 0 : size;
  sender.begin(length, source, total - size + direct);
  return direct;
}
