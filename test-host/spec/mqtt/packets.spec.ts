import assert from "node:assert/strict";
import fc from "fast-check";
import type mqttPacket from "mqtt-packet";
import {
  encodeConnect,
  encodeFilters,
  encodePublish,
  encodeShort,
  type Target,
} from "../../../modules/mqtt/packets.js";
import { MQTTError } from "../../../modules/mqtt/error.js";
import { isTopic } from "../../../modules/mqtt/text.js";
import { bytes, join, parse, text, wire, type Packet } from "./support.js";

class Paper implements Target {
  buffer = new Uint8Array(0);
  allocate(byteLength: number): void {
    this.buffer = new Uint8Array(byteLength);
  }
}

function written(encode: (target: Target) => number, payload = new Uint8Array(0)): Uint8Array {
  const paper = new Paper();
  const length = encode(paper);
  assert.equal(length, paper.buffer.length, "takes exactly the buffer that it asked for");
  return join([paper.buffer, payload]);
}

/** Text that MQTT can carry, with characters of one to four bytes. */
const character = fc.oneof(
  fc.integer({ min: 1, max: 0x7f }),
  fc.integer({ min: 0x80, max: 0x7ff }),
  fc.integer({ min: 0x800, max: 0xd7ff }),
  fc.integer({ min: 0xe000, max: 0xffff }),
  fc.integer({ min: 0x10000, max: 0x10ffff }),
);
const anyText = fc.array(character, { maxLength: 60 }).map(codes => String.fromCodePoint(...codes));
const topic = anyText.map(value => value.replace(/[+#]/g, "_") || "t");
const qos = fc.constantFrom<0 | 1 | 2>(0, 1, 2);
const id = fc.integer({ min: 1, max: 65535 });
const binary = fc.uint8Array({ maxLength: 400 });

function only(list: Packet[]): Packet {
  assert.equal(list.length, 1);
  const [packet] = list;
  assert.ok(packet);
  return packet;
}

describe("mqtt packets, against mqtt-packet", () => {
  it("writes CONNECT with every combination of will, credentials and session", () => {
    fc.assert(
      fc.property(
        anyText,
        fc.boolean(),
        fc.integer({ min: 0, max: 65535 }),
        fc.option(anyText, { nil: undefined }),
        fc.option(binary, { nil: undefined }),
        fc.option(fc.record({ topic, message: binary, QoS: qos, retain: fc.boolean() }), { nil: undefined }),
        (clientId, clean, keepAlive, user, password, will) => {
          // mqtt-packet does not read a CONNECT with an empty identifier and a kept session.
          fc.pre(clean || clientId !== "");
          const packet = only(
            parse(written(target => encodeConnect(clientId, clean, keepAlive, will, user, password, target))),
          );
          assert.ok(packet.cmd === "connect");
          assert.equal(packet.protocolId, "MQTT");
          assert.equal(packet.protocolVersion, 4);
          assert.equal(packet.clientId, clientId);
          assert.equal(packet.clean, clean);
          assert.equal(packet.keepalive, keepAlive);
          assert.equal(packet.username, user ?? (password === undefined ? undefined : ""));
          assert.deepEqual(packet.password && new Uint8Array(packet.password), password);
          assert.equal(packet.will?.topic, will?.topic);
          assert.equal(packet.will?.qos, will?.QoS);
          assert.equal(packet.will?.retain, will?.retain);
          if (will) assert.deepEqual(new Uint8Array(packet.will?.payload as Buffer), will.message);
        },
      ),
    );
  });

  it("writes the same CONNECT as mqtt-packet does", () => {
    const ours = written(target =>
      encodeConnect(
        "device",
        false,
        300,
        { topic: "gone", message: "bye", QoS: 1, retain: true },
        "unused",
        bytes("token"),
        target,
      ),
    );
    const theirs: mqttPacket.IConnectPacket = {
      cmd: "connect",
      clientId: "device",
      clean: false,
      keepalive: 300,
      username: "unused",
      password: Buffer.from("token"),
      will: { topic: "gone", payload: Buffer.from("bye"), qos: 1, retain: true },
    };
    assert.deepEqual(ours, wire(theirs));
  });

  it("writes PUBLISH", () => {
    fc.assert(
      fc.property(
        topic,
        qos,
        fc.boolean(),
        fc.boolean(),
        id,
        binary,
        (name, QoS, retain, dup, messageId, payload) => {
          const duplicate = dup && QoS > 0;
          const flags = (duplicate ? 8 : 0) | (retain ? 1 : 0);
          const ours = written(
            target => encodePublish(name, QoS, flags, messageId, payload.length, target),
            payload,
          );
          const theirs: mqttPacket.IPublishPacket = {
            cmd: "publish",
            topic: name,
            qos: QoS,
            retain,
            dup: duplicate,
            payload: Buffer.from(payload),
          };
          assert.deepEqual(ours, wire(QoS ? { ...theirs, messageId } : theirs));
        },
      ),
    );
  });

  it("writes remaining lengths of one to four bytes", () => {
    for (const byteLength of [0, 124, 125, 16380, 16381, 2097148, 2097149, 268435452]) {
      const paper = new Paper();
      const length = encodePublish("t", 0, 0, 0, byteLength, paper);
      const remaining = byteLength + 3;
      let told = 0;
      let at = 1;
      for (let shift = 0; ; shift += 7) {
        const byte = paper.buffer[at++] ?? 0;
        told += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) break;
      }
      assert.equal(told, remaining);
      assert.equal(length, at + 3);
    }
  });

  it("writes SUBSCRIBE and UNSUBSCRIBE with several filters", () => {
    const filters = fc.array(fc.record({ topic: anyText.map(value => value || "f"), QoS: qos }), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(filters, id, (items, messageId) => {
        const subscribe = only(parse(written(target => encodeFilters(8, messageId, items, target))));
        assert.ok(subscribe.cmd === "subscribe");
        assert.equal(subscribe.messageId, messageId);
        assert.deepEqual(
          subscribe.subscriptions.map(entry => ({ topic: entry.topic, QoS: entry.qos })),
          items.map(item => ({ ...item })),
        );
        const unsubscribe = only(parse(written(target => encodeFilters(10, messageId, items, target))));
        assert.ok(unsubscribe.cmd === "unsubscribe");
        assert.equal(unsubscribe.messageId, messageId);
        assert.deepEqual(
          unsubscribe.unsubscriptions,
          items.map(item => item.topic),
        );
      }),
    );
  });

  const short: [number, Packet][] = [
    [4, { cmd: "puback", messageId: 258 }],
    [5, { cmd: "pubrec", messageId: 258 }],
    [6, { cmd: "pubrel", messageId: 258 }],
    [7, { cmd: "pubcomp", messageId: 258 }],
    [12, { cmd: "pingreq" }],
    [14, { cmd: "disconnect" }],
  ];
  for (const [operation, packet] of short) {
    it(`writes ${packet.cmd.toUpperCase()}`, () => {
      const numbered = "messageId" in packet ? 258 : 0;
      assert.deepEqual(
        written(target => encodeShort(operation, numbered, target)),
        wire(packet),
      );
    });
  }

  it("has a fixed header of three bytes for 200 bytes of payload on a topic of twelve", () => {
    const paper = new Paper();
    assert.equal(encodePublish("device/1/abc", 0, 0, 0, 200, paper), 3 + 2 + 12);
  });
});

describe("mqtt text and topics before sending", () => {
  const refused: [string, () => unknown, string][] = [
    ["a NUL character", () => encodePublish("a\0b", 0, 0, 0, 0, new Paper()), "argument"],
    [
      "the first half of a surrogate pair alone",
      () => encodePublish("a\ud83d", 0, 0, 0, 0, new Paper()),
      "argument",
    ],
    [
      "the second half of a surrogate pair alone",
      () => encodePublish("\ude00a", 0, 0, 0, 0, new Paper()),
      "argument",
    ],
    ["halves in the wrong order", () => encodePublish("\ude00\ud83d", 0, 0, 0, 0, new Paper()), "argument"],
    [
      "a second half too many",
      () => encodePublish("\ud83d\ude00\ude00", 0, 0, 0, 0, new Paper()),
      "argument",
    ],
    ["a topic of 65,536 bytes", () => encodePublish("a".repeat(65536), 0, 0, 0, 0, new Paper()), "limit"],
    [
      "a topic of 65,536 bytes in fewer characters",
      () => encodePublish("\u00e4".repeat(32768), 0, 0, 0, 0, new Paper()),
      "limit",
    ],
    [
      "a packet beyond four bytes of length",
      () => encodePublish("t", 0, 0, 0, 268435453, new Paper()),
      "limit",
    ],
  ];
  for (const [name, attempt, kind] of refused) {
    it(`refuses ${name}`, () => {
      assert.throws(attempt, (error: unknown) => error instanceof MQTTError && error.report.kind === kind);
    });
  }

  for (const filter of ["#", "+", "a", "/", "a/#", "+/b/#", "a//b", "$SYS/+", "/+", "+/+/+"]) {
    it(`accepts the filter ${filter}`, () => assert.ok(isTopic(filter, true)));
  }

  for (const filter of ["", "a/#/b", "a#", "#a", "##", "a/b+/c", "+b", "++", "#/", "/#/", "a/+#"]) {
    it(`refuses the filter "${filter}"`, () => assert.ok(!isTopic(filter, true)));
  }

  for (const topic of ["", "#", "a/#", "+", "a/+/b"]) {
    it(`refuses the topic "${topic}"`, () => assert.ok(!isTopic(topic, false)));
  }

  it("takes a topic of 65,535 bytes", () => {
    const paper = new Paper();
    assert.equal(encodePublish("a".repeat(65535), 0, 0, 0, 0, paper), 4 + 2 + 65535);
    assert.equal(text(paper.buffer.subarray(6, 9)), "aaa");
  });
});
