import assert from "node:assert/strict";
import fc from "fast-check";
import { Receiver } from "../../../modules/mqtt/receiver.js";
import { bytes, join, text, wire, type Packet } from "./support.js";

type Event = Record<string, unknown>;

/** Feeds a stream in pieces of the given sizes (the last one repeats) and notes what the receiver tells. */
function receive(stream: Uint8Array, sizes: readonly number[], capacity = 64): Event[] {
  const receiver = new Receiver(capacity);
  const events: Event[] = [];
  let payload: Uint8Array[] = [];
  let at = 0;
  let piece = 0;
  while (at < stream.length) {
    const end = Math.min(stream.length, at + (sizes[Math.min(piece++, sizes.length - 1)] ?? 1));
    while (at < end) {
      if (receiver.operation === 3) {
        const count = Math.min(receiver.payload, end - at);
        payload.push(stream.subarray(at, at + count));
        receiver.payload -= count;
        at += count;
      } else {
        const count = Math.min(receiver.need, end - at);
        assert.ok(count > 0, "wants bytes while no event stands");
        receiver.window(count).set(stream.subarray(at, at + count));
        at += count;
        if (!receiver.advance(count)) continue;
        if (receiver.failure) return [...events, { ...receiver.failure }];
        if (receiver.operation === 3) {
          const { operation, topic, QoS, flags, id, payload: byteLength } = receiver;
          events.push({
            operation,
            topic,
            QoS,
            retain: (flags & 1) > 0,
            duplicate: (flags & 8) > 0,
            id,
            byteLength,
          });
        } else {
          const { operation, id } = receiver;
          if (operation === 2) events.push({ operation, returnCode: id & 255, sessionPresent: id > 255 });
          else if (operation === 9) events.push({ operation, id, codes: receiver.codes() });
          else events.push(operation === 13 ? { operation } : { operation, id });
          receiver.next();
        }
      }
      if (receiver.operation === 3 && receiver.payload === 0) {
        events.push({ payload: text(join(payload)) });
        payload = [];
        receiver.next();
      }
    }
  }
  return events;
}

const ACCEPTED: Packet = { cmd: "connack", returnCode: 0, sessionPresent: false };
const accepted = wire(ACCEPTED);
const acceptedEvent = { operation: 2, returnCode: 0, sessionPresent: false };

const VECTORS: { name: string; packet: Packet; events: Event[] }[] = [
  {
    name: "PUBLISH with QoS 0",
    packet: { cmd: "publish", topic: "a/b", payload: "hello", qos: 0, retain: false, dup: false },
    events: [
      { operation: 3, topic: "a/b", QoS: 0, retain: false, duplicate: false, id: 0, byteLength: 5 },
      { payload: "hello" },
    ],
  },
  {
    name: "PUBLISH with QoS 2, retained and repeated, with characters of two to four bytes",
    packet: {
      cmd: "publish",
      topic: "ä€😀",
      payload: "x",
      qos: 2,
      retain: true,
      dup: true,
      messageId: 65535,
    },
    events: [
      { operation: 3, topic: "ä€😀", QoS: 2, retain: true, duplicate: true, id: 65535, byteLength: 1 },
      { payload: "x" },
    ],
  },
  {
    name: "PUBLISH without a payload",
    packet: { cmd: "publish", topic: "t", payload: "", qos: 1, retain: false, dup: false, messageId: 1 },
    events: [
      { operation: 3, topic: "t", QoS: 1, retain: false, duplicate: false, id: 1, byteLength: 0 },
      { payload: "" },
    ],
  },
  {
    name: "PUBLISH with a two-byte length and a topic that fills the buffer",
    packet: {
      cmd: "publish",
      topic: "t".repeat(64),
      payload: "y".repeat(200),
      qos: 1,
      retain: false,
      dup: false,
      messageId: 2,
    },
    events: [
      {
        operation: 3,
        topic: "t".repeat(64),
        QoS: 1,
        retain: false,
        duplicate: false,
        id: 2,
        byteLength: 200,
      },
      { payload: "y".repeat(200) },
    ],
  },
  { name: "PUBACK", packet: { cmd: "puback", messageId: 258 }, events: [{ operation: 4, id: 258 }] },
  { name: "PUBREC", packet: { cmd: "pubrec", messageId: 258 }, events: [{ operation: 5, id: 258 }] },
  { name: "PUBREL", packet: { cmd: "pubrel", messageId: 258 }, events: [{ operation: 6, id: 258 }] },
  { name: "PUBCOMP", packet: { cmd: "pubcomp", messageId: 258 }, events: [{ operation: 7, id: 258 }] },
  {
    name: "SUBACK with all codes",
    packet: { cmd: "suback", messageId: 3, granted: [0, 1, 2, 128] },
    events: [{ operation: 9, id: 3, codes: [0, 1, 2, 128] }],
  },
  {
    name: "UNSUBACK",
    packet: { cmd: "unsuback", messageId: 4, granted: [] },
    events: [{ operation: 11, id: 4 }],
  },
  { name: "PINGRESP", packet: { cmd: "pingresp" }, events: [{ operation: 13 }] },
];

describe("mqtt receiver", () => {
  for (const { name, packet, events } of VECTORS) {
    it(`reads ${name}`, () => {
      assert.deepEqual(receive(join([accepted, wire(packet)]), [1e9]), [acceptedEvent, ...events]);
    });
  }

  it("reads every CONNACK", () => {
    for (let returnCode = 0; returnCode <= 5; returnCode++) {
      assert.deepEqual(receive(Uint8Array.of(0x20, 2, 0, returnCode), [1]), [
        { operation: 2, returnCode, sessionPresent: false },
      ]);
    }
    assert.deepEqual(receive(Uint8Array.of(0x20, 2, 1, 0), [1]), [
      { operation: 2, returnCode: 0, sessionPresent: true },
    ]);
  });

  it("reads a remaining length of four bytes", () => {
    const events = receive(join([accepted, Uint8Array.of(0x30, 0x80, 0x80, 0x80, 1, 0, 1, 0x74)]), [1]);
    assert.equal(events[1]?.["byteLength"], 2097152 - 3);
  });

  const stream = join([accepted, ...VECTORS.map(({ packet }) => wire(packet))]);
  const expected = [acceptedEvent, ...VECTORS.flatMap(({ events }) => events)];

  it("reads the same in pieces of 1, 2, 3, 5 and 7 bytes", () => {
    for (const size of [1, 2, 3, 5, 7]) assert.deepEqual(receive(stream, [size]), expected);
  });

  it("reads the same split in two at every byte", () => {
    for (let at = 1; at < stream.length; at++) assert.deepEqual(receive(stream, [at, 1e9]), expected);
  });

  it("reads the same however the stream is split", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 60 }), sizes => {
        assert.deepEqual(receive(stream, sizes), expected);
      }),
    );
  });

  it("reads any PUBLISH that mqtt-packet writes", () => {
    const topic = fc
      .string({ unit: "binary", minLength: 1, maxLength: 15 })
      .filter(value => !/[+#\0]|\p{Cs}/u.test(value));
    fc.assert(
      fc.property(
        topic,
        fc.string({ maxLength: 300 }),
        fc.constantFrom<0 | 1 | 2>(0, 1, 2),
        fc.boolean(),
        (name, payload, qos, retain) => {
          const packet: Packet = { cmd: "publish", topic: name, payload, qos, retain, dup: false };
          const events = receive(join([accepted, wire(qos ? { ...packet, messageId: 9 } : packet)]), [3]);
          assert.deepEqual(events.slice(1), [
            {
              operation: 3,
              topic: name,
              QoS: qos,
              retain,
              duplicate: false,
              id: qos ? 9 : 0,
              byteLength: Buffer.byteLength(payload),
            },
            { payload },
          ]);
        },
      ),
    );
  });

  it("never asks for bytes behind the present packet's header", () => {
    const receiver = new Receiver(64);
    for (const byte of accepted) {
      receiver.window(1)[0] = byte;
      receiver.advance(1);
    }
    receiver.next();
    const publish = wire({
      cmd: "publish",
      topic: "ab",
      payload: "zz",
      qos: 1,
      retain: false,
      dup: false,
      messageId: 7,
    });
    let at = 0;
    while (receiver.operation === 0) {
      const count = receiver.need;
      assert.ok(at + count <= publish.length - 2);
      receiver.window(count).set(publish.subarray(at, at + count));
      receiver.advance(count);
      at += count;
    }
    assert.equal(at, publish.length - 2);
    assert.equal(receiver.need, 0);
  });

  const MALFORMED: { name: string; bytes: number[]; first?: boolean; command: string; detail: string }[] = [
    { name: "packet type 0", bytes: [0x00, 0], command: "RESERVED", detail: "packet type" },
    { name: "packet type 15", bytes: [0xf0, 0], command: "RESERVED", detail: "packet type" },
    { name: "CONNECT from a broker", bytes: [0x10, 0], command: "CONNECT", detail: "packet type" },
    {
      name: "SUBSCRIBE from a broker",
      bytes: [0x82, 5, 0, 1, 0, 0, 0],
      command: "SUBSCRIBE",
      detail: "packet type",
    },
    {
      name: "UNSUBSCRIBE from a broker",
      bytes: [0xa2, 4, 0, 1, 0, 0],
      command: "UNSUBSCRIBE",
      detail: "packet type",
    },
    { name: "PINGREQ from a broker", bytes: [0xc0, 0], command: "PINGREQ", detail: "packet type" },
    { name: "DISCONNECT from a broker", bytes: [0xe0, 0], command: "DISCONNECT", detail: "packet type" },
    {
      name: "PUBLISH before CONNACK",
      first: true,
      bytes: [0x30, 3, 0, 1, 0x74],
      command: "PUBLISH",
      detail: "order",
    },
    { name: "PINGRESP before CONNACK", first: true, bytes: [0xd0, 0], command: "PINGRESP", detail: "order" },
    { name: "CONNACK twice", bytes: [0x20, 2, 0, 0], command: "CONNACK", detail: "order" },
    {
      name: "reserved flags in CONNACK's header",
      first: true,
      bytes: [0x21, 2, 0, 0],
      command: "CONNACK",
      detail: "flags",
    },
    {
      name: "reserved bits in CONNACK",
      first: true,
      bytes: [0x20, 2, 2, 0],
      command: "CONNACK",
      detail: "flags",
    },
    {
      name: "a CONNACK code of 6",
      first: true,
      bytes: [0x20, 2, 0, 6],
      command: "CONNACK",
      detail: "return code",
    },
    {
      name: "a refusal with a session present",
      first: true,
      bytes: [0x20, 2, 1, 5],
      command: "CONNACK",
      detail: "session present",
    },
    {
      name: "a CONNACK of three bytes",
      first: true,
      bytes: [0x20, 3, 0, 0, 0],
      command: "CONNACK",
      detail: "length",
    },
    { name: "reserved flags in PUBACK", bytes: [0x41, 2, 0, 1], command: "PUBACK", detail: "flags" },
    { name: "PUBREL without its flag", bytes: [0x60, 2, 0, 1], command: "PUBREL", detail: "flags" },
    { name: "PUBREL with too many flags", bytes: [0x66, 2, 0, 1], command: "PUBREL", detail: "flags" },
    { name: "reserved flags in PINGRESP", bytes: [0xd2, 0], command: "PINGRESP", detail: "flags" },
    { name: "QoS 3", bytes: [0x36, 5, 0, 1, 0x74, 0, 1], command: "PUBLISH", detail: "QoS 3" },
    { name: "DUP with QoS 0", bytes: [0x38, 3, 0, 1, 0x74], command: "PUBLISH", detail: "flags" },
    {
      name: "a remaining length of five bytes",
      bytes: [0x30, 0xff, 0xff, 0xff, 0xff, 1],
      command: "PUBLISH",
      detail: "remaining length",
    },
    { name: "a PUBACK of one byte", bytes: [0x40, 1, 0], command: "PUBACK", detail: "length" },
    { name: "a PUBCOMP of three bytes", bytes: [0x70, 3, 0, 1, 0], command: "PUBCOMP", detail: "length" },
    { name: "a SUBACK without codes", bytes: [0x90, 2, 0, 1], command: "SUBACK", detail: "length" },
    { name: "a PINGRESP with content", bytes: [0xd0, 1, 0], command: "PINGRESP", detail: "length" },
    {
      name: "a PUBLISH shorter than its topic's length",
      bytes: [0x30, 1, 0],
      command: "PUBLISH",
      detail: "length",
    },
    {
      name: "a topic longer than the packet",
      bytes: [0x30, 4, 0, 3, 0x74, 0x74],
      command: "PUBLISH",
      detail: "length",
    },
    {
      name: "no room for the packet identifier",
      bytes: [0x32, 4, 0, 1, 0x74, 0],
      command: "PUBLISH",
      detail: "length",
    },
    { name: "an empty topic", bytes: [0x30, 2, 0, 0], command: "PUBLISH", detail: "topic" },
    { name: "a + in a topic", bytes: [0x30, 3, 0, 1, 0x2b], command: "PUBLISH", detail: "topic" },
    { name: "a # in a topic", bytes: [0x30, 4, 0, 2, 0x61, 0x23], command: "PUBLISH", detail: "topic" },
    { name: "NUL in a topic", bytes: [0x30, 4, 0, 2, 0x61, 0], command: "PUBLISH", detail: "topic" },
    { name: "a stray continuation byte", bytes: [0x30, 3, 0, 1, 0x80], command: "PUBLISH", detail: "topic" },
    { name: "an overlong NUL", bytes: [0x30, 4, 0, 2, 0xc0, 0x80], command: "PUBLISH", detail: "topic" },
    {
      name: "an overlong slash of three bytes",
      bytes: [0x30, 5, 0, 3, 0xe0, 0x80, 0xaf],
      command: "PUBLISH",
      detail: "topic",
    },
    {
      name: "an overlong character of four bytes",
      bytes: [0x30, 6, 0, 4, 0xf0, 0x80, 0x80, 0xaf],
      command: "PUBLISH",
      detail: "topic",
    },
    { name: "a surrogate", bytes: [0x30, 5, 0, 3, 0xed, 0xa0, 0x80], command: "PUBLISH", detail: "topic" },
    {
      name: "a code point beyond U+10FFFF",
      bytes: [0x30, 6, 0, 4, 0xf4, 0x90, 0x80, 0x80],
      command: "PUBLISH",
      detail: "topic",
    },
    {
      name: "a character cut short by the topic's end",
      bytes: [0x30, 4, 0, 2, 0xe2, 0x82],
      command: "PUBLISH",
      detail: "topic",
    },
    {
      name: "a character without its continuation",
      bytes: [0x30, 5, 0, 3, 0xe2, 0x82, 0x41],
      command: "PUBLISH",
      detail: "topic",
    },
    {
      name: "packet identifier 0 in PUBLISH",
      bytes: [0x32, 5, 0, 1, 0x74, 0, 0],
      command: "PUBLISH",
      detail: "identifier",
    },
    {
      name: "packet identifier 0 in PUBREL",
      bytes: [0x62, 2, 0, 0],
      command: "PUBREL",
      detail: "identifier",
    },
    { name: "a SUBACK code of 3", bytes: [0x90, 4, 0, 1, 0, 3], command: "SUBACK", detail: "return code" },
  ];
  for (const { name, bytes: malformed, first, command, detail } of MALFORMED) {
    it(`fails on ${name}`, () => {
      const whole = first ? Uint8Array.from(malformed) : join([accepted, Uint8Array.from(malformed)]);
      for (const size of [1e9, 1, 2, 3]) {
        assert.deepEqual(receive(whole, [size]).at(-1), { kind: "mqtt-protocol", command, detail });
      }
    });
  }

  it("fails with a limit on a topic that exceeds the buffer", () => {
    const stream = wire({
      cmd: "publish",
      topic: "t".repeat(65),
      payload: "",
      qos: 1,
      retain: false,
      dup: false,
      messageId: 1,
    });
    assert.deepEqual(receive(join([accepted, stream]), [1]).at(-1), {
      kind: "limit",
      command: "PUBLISH",
      code: 67,
      detail: "topic",
    });
  });

  it("fails with a limit on more SUBACK codes than the buffer takes", () => {
    const stream = wire({ cmd: "suback", messageId: 1, granted: new Array<number>(65).fill(0) });
    assert.equal(receive(join([accepted, stream]), [1]).at(-1)?.["kind"], "limit");
  });

  it("takes no more bytes after a failure", () => {
    const receiver = new Receiver(64);
    receiver.window(2).set([0xf0, 0]);
    assert.equal(receiver.advance(2), true);
    const { failure } = receiver;
    assert.equal(receiver.operation, 0);
    assert.equal(receiver.advance(0), true);
    assert.equal(receiver.failure, failure);
  });

  it("fails or reads on, but never throws, whatever comes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (noise, first) => {
        receive(first ? noise : join([accepted, noise]), [5]);
      }),
      { numRuns: 500 },
    );
  });

  it("reads a payload of every length at the edges of its length's size", () => {
    for (const size of [0, 1, 122, 123, 124, 16378, 16379]) {
      const events = receive(
        join([
          accepted,
          wire({
            cmd: "publish",
            topic: "t",
            payload: Buffer.from(bytes(size)),
            qos: 0,
            retain: false,
            dup: false,
          }),
        ]),
        [1e9],
      );
      assert.equal(events[1]?.["byteLength"], size);
    }
  });
});
