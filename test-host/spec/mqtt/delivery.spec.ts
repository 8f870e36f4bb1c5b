import assert from "node:assert/strict";
import type { Failure } from "../../../modules/diagnosis/failure.js";
import { MQTTError } from "../../../modules/mqtt/error.js";
import { Session, type Message } from "../../../modules/mqtt/session.js";
import { BytesSource, type Source } from "../../../modules/mqtt/source.js";
import { bytes, connected, join, parse, text, type Bench, type Packet } from "./support.js";

type Done = [name: string, report: Failure | undefined];

/** A message whose payload is its name. */
function message(name: string, qos: 0 | 1 | 2, done?: Done[]): Message {
  return {
    topic: "t",
    qos,
    payload: new BytesSource(bytes(name)),
    ...(done && { done: report => done.push([name, report]) }),
  };
}

/** A packet in short: `publish a 1`, `publish! a 1` for a duplicate, `pubrel 1`. */
function short(packet: Packet): string {
  if (packet.cmd !== "publish") return packet.messageId ? `${packet.cmd} ${packet.messageId}` : packet.cmd;
  return `publish${packet.dup ? "!" : ""} ${String(packet.payload)}${packet.qos ? ` ${packet.messageId}` : ""}`;
}

function sent(made: Bench): string[] {
  made.time.settle();
  return made.socket.packets().map(short);
}

/** The next connection of the same session. */
function again(session: Session, present: boolean, options = {}): Bench {
  const made = connected({ session, clean: false, ...options }, { present });
  made.time.settle();
  return made;
}

function kept(options = {}): Bench {
  const session = new Session(options);
  return again(session, false);
}

describe("mqtt publish", () => {
  it("sends 200 bytes with QoS 0 on a topic of twelve as one group of 217 bytes", () => {
    const made = connected();
    made.client.publish({ topic: "device/1/abc", payload: new BytesSource(bytes(200)) });
    made.time.settle();
    assert.deepEqual(
      made.socket.groups.map(({ bytes: all, announced, writes }) => [all.length, announced, writes]),
      [[217, 217, 1]],
    );
  });

  it("sends a payload beyond its buffer as one group as long as the room allows", () => {
    const made = connected();
    made.client.publish({ topic: "t", payload: new BytesSource(bytes(2000)) });
    made.time.settle();
    assert.deepEqual(
      made.socket.groups.map(({ bytes: all, announced }) => [all.length, announced]),
      [[2006, 2006]],
    );
  });

  it("is done with QoS 0 when the socket has taken the last byte, not within publish", () => {
    const done: Done[] = [];
    const made = connected({}, { room: 8 });
    made.client.publish(message("abcdefgh", 0, done));
    made.time.settle();
    assert.deepEqual(done, []);
    made.socket.writable(100);
    assert.deepEqual(done, [["abcdefgh", undefined]]);
  });

  it("is done with QoS 1 at PUBACK", () => {
    const done: Done[] = [];
    const made = connected();
    made.client.publish(message("a", 1, done));
    assert.deepEqual(sent(made), ["publish a 1"]);
    assert.deepEqual(done, []);
    made.socket.receivePacket({ cmd: "puback", messageId: 1 });
    assert.deepEqual(done, [["a", undefined]]);
    assert.equal(made.client.session.pending, 0);
  });

  it("is done with QoS 2 at PUBCOMP", () => {
    const done: Done[] = [];
    const made = connected();
    made.client.publish(message("a", 2, done));
    assert.deepEqual(sent(made), ["publish a 1"]);
    made.socket.receivePacket({ cmd: "pubrec", messageId: 1 });
    assert.deepEqual(sent(made), ["pubrel 1"]);
    assert.deepEqual(done, []);
    made.socket.receivePacket({ cmd: "pubcomp", messageId: 1 });
    assert.deepEqual(done, [["a", undefined]]);
  });

  it("keeps to the window and goes on in order when an acknowledgement comes", () => {
    const made = kept({ window: 2 });
    for (const name of ["a", "b", "c", "d"]) made.client.publish(message(name, 1));
    assert.deepEqual(sent(made), ["publish a 1", "publish b 2"]);
    made.socket.receivePacket({ cmd: "puback", messageId: 1 });
    assert.deepEqual(sent(made), ["publish c 3"]);
    made.socket.receivePacket({ cmd: "puback", messageId: 2 });
    assert.deepEqual(sent(made), ["publish d 4"]);
  });

  it("does not let QoS 0 overtake what waits for the window", () => {
    const made = kept({ window: 1 });
    made.client.publish(message("a", 1));
    made.client.publish(message("b", 1));
    made.client.publish(message("c", 0));
    assert.deepEqual(sent(made), ["publish a 1"]);
    made.socket.receivePacket({ cmd: "puback", messageId: 1 });
    assert.deepEqual(sent(made), ["publish b 2", "publish c"]);
  });

  it("refuses more messages than its capacity, wildcards and empty topics, and keeps nothing of them", () => {
    const made = kept({ capacity: 2 });
    const attempt = (topic: string) => () =>
      made.client.publish({ topic, payload: new BytesSource(bytes(1)) });
    assert.throws(attempt("a/#"), MQTTError);
    assert.throws(attempt(""), MQTTError);
    assert.throws(attempt("x".repeat(65536)), MQTTError);
    assert.equal(made.client.session.pending, 0);
    attempt("a")();
    attempt("b")();
    assert.throws(
      attempt("c"),
      (error: unknown) => error instanceof MQTTError && error.report.kind === "limit",
    );
    assert.equal(made.client.session.pending, 2);
  });

  it("reads the source again when the message is sent again", () => {
    const reads: number[] = [];
    const payload: Source = {
      byteLength: 600,
      read(view, offset) {
        reads.push(offset);
        view.fill(0x61);
        return view.length;
      },
    };
    const first = kept();
    first.client.publish({ topic: "t", qos: 1, payload });
    first.time.settle();
    first.client.close();
    const before = reads.length;
    const second = again(first.client.session, true);
    assert.deepEqual(sent(second), [`publish! ${"a".repeat(600)} 1`]);
    assert.deepEqual(reads.slice(before), reads.slice(0, before));
  });

  it("takes a source that gives fewer bytes than asked", () => {
    const all = bytes(700);
    const payload: Source = {
      byteLength: 700,
      read(view, offset) {
        const piece = all.subarray(offset, offset + Math.min(view.length, 11));
        view.set(piece);
        return piece.length;
      },
    };
    const made = connected();
    made.client.publish({ topic: "t", payload });
    made.time.settle();
    const [packet] = made.socket.packets();
    assert.ok(packet?.cmd === "publish");
    assert.deepEqual(new Uint8Array(packet.payload as Buffer), all);
  });

  for (const [name, read] of [
    ["gives nothing", () => 0],
    [
      "throws",
      () => {
        throw new Error("flash");
      },
    ],
  ] as const) {
    it(`gives a message up whose source ${name}, and the connection with it`, () => {
      const done: Done[] = [];
      const made = connected();
      made.client.publish({
        topic: "t",
        qos: 1,
        payload: { byteLength: 10, read },
        done: report => done.push(["m", report]),
      });
      made.time.settle();
      const report = { kind: "storage", command: "PUBLISH", detail: "payload" };
      assert.deepEqual(done, [["m", report]]);
      assert.deepEqual(made.failures, [report]);
      assert.equal(made.client.session.pending, 0);
      assert.ok(made.socket.closed);
    });
  }

  it("writes through a room of a few bytes without ever exceeding it", () => {
    const payload = bytes(300);
    const made = connected({}, { room: 3 });
    made.client.publish({ topic: "topic", qos: 1, payload: new BytesSource(payload) });
    made.time.settle();
    const pieces = [made.socket.sent()];
    for (let i = 0; i < 200; i++) {
      made.socket.writable(1 + (i % 4));
      pieces.push(made.socket.sent());
      assert.equal(made.socket.stuck, 0);
    }
    const [packet] = parse(join(pieces));
    assert.ok(packet?.cmd === "publish");
    assert.deepEqual(new Uint8Array(packet.payload as Buffer), payload);
  });

  it("never leaves bytes held back when the room shrinks faster than was written", () => {
    const made = connected();
    const { socket } = made;
    const plain = socket.write.bind(socket);
    // As TLS does: every write costs 29 bytes more.
    socket.write = (piece, options) => {
      plain(piece, options);
      socket.room = Math.max(0, socket.room - 29);
      return socket.room;
    };
    const payload = bytes(3000);
    made.client.publish({ topic: "t", payload: new BytesSource(payload) });
    socket.writable(1000);
    made.time.settle();
    const pieces = [socket.sent()];
    for (let i = 0; i < 10; i++) {
      socket.writable(700);
      pieces.push(socket.sent());
    }
    assert.equal(socket.stuck, 0);
    const [packet] = parse(join(pieces));
    assert.ok(packet?.cmd === "publish");
    assert.deepEqual(new Uint8Array(packet.payload as Buffer), payload);
  });
});

describe("mqtt resending after reconnect", () => {
  it("sends unacknowledged messages again in order with DUP, then what waited", () => {
    const first = kept({ window: 3 });
    for (const name of ["a", "b", "c", "d"]) first.client.publish(message(name, 1));
    assert.deepEqual(sent(first), ["publish a 1", "publish b 2", "publish c 3"]);
    first.socket.receivePacket({ cmd: "puback", messageId: 2 });
    assert.deepEqual(sent(first), ["publish d 4"]);
    first.socket.end();
    const second = again(first.client.session, true);
    assert.deepEqual(sent(second), ["publish! a 1", "publish! c 3", "publish! d 4"]);
  });

  it("does not set DUP on what was never begun", () => {
    const first = kept({ window: 1 });
    first.client.publish(message("a", 1));
    first.client.publish(message("b", 1));
    sent(first);
    first.socket.end();
    const second = again(first.client.session, true);
    assert.deepEqual(sent(second), ["publish! a 1"]);
    second.socket.receivePacket({ cmd: "puback", messageId: 1 });
    assert.deepEqual(sent(second), ["publish b 2"]);
  });

  it("sets DUP on a message that was cut off in the middle, but not with QoS 0", () => {
    for (const qos of [0, 1] as const) {
      const session = new Session();
      const first = connected({ session, clean: false }, { room: 4 });
      first.client.publish(message("abc", qos));
      first.time.settle();
      first.socket.end();
      assert.deepEqual(sent(again(session, true)), [qos ? "publish! abc 1" : "publish abc"]);
    }
  });

  it("goes on with PUBREL where PUBREC had come, each in its place", () => {
    const first = kept();
    for (const name of ["a", "b", "c"]) first.client.publish(message(name, 2));
    sent(first);
    first.socket.receivePacket({ cmd: "pubrec", messageId: 1 });
    first.socket.receivePacket({ cmd: "pubrec", messageId: 2 });
    assert.deepEqual(sent(first), ["pubrel 1", "pubrel 2"]);
    first.socket.receivePacket({ cmd: "pubcomp", messageId: 1 });
    first.socket.end();
    const second = again(first.client.session, true);
    assert.deepEqual(sent(second), ["pubrel 2", "publish! c 3"]);
  });

  it("sends everything as new when the broker lost the session", () => {
    const first = kept();
    for (const name of ["a", "b"]) first.client.publish(message(name, 2));
    first.client.publish(message("c", 1));
    sent(first);
    first.socket.receivePacket({ cmd: "pubrec", messageId: 1 });
    sent(first);
    first.socket.end();
    const second = again(first.client.session, false);
    assert.deepEqual(sent(second), ["publish a 1", "publish b 2", "publish c 3"]);
  });

  it("is not disturbed by an old client that is closed once more", () => {
    const first = kept();
    first.client.close();
    const second = again(first.client.session, true);
    second.client.publish(message("a", 1));
    assert.deepEqual(sent(second), ["publish a 1"]);
    first.client.close();
    second.socket.receivePacket({ cmd: "puback", messageId: 1 });
    second.time.settle();
    assert.deepEqual(second.failures, []);
    assert.equal(second.client.session.pending, 0);
  });

  it("takes messages while there is no connection", () => {
    const session = new Session();
    session.publish(message("a", 1));
    session.publish(message("b", 0));
    assert.deepEqual(sent(again(session, false)), ["publish a 1", "publish b"]);
  });

  it("forgets a streamed QoS 1 message, and completes a streamed QoS 2 message behind PUBREC", () => {
    const first = kept();
    first.client.write(bytes("x"), { topic: "t", QoS: 1, id: 1 });
    first.client.write(bytes("y"), { topic: "t", QoS: 2, id: 2 });
    first.client.write(bytes("z"), { topic: "t", QoS: 2, id: 3 });
    sent(first);
    first.socket.receivePacket({ cmd: "pubrec", messageId: 3 });
    first.socket.end();
    assert.equal(first.client.session.pending, 1);
    const second = again(first.client.session, true);
    assert.deepEqual(sent(second), ["pubrel 3"]);
  });
});

describe("mqtt packet identifiers", () => {
  it("count from 1 and wrap at 65,535", () => {
    const session = new Session();
    assert.equal(session.identifier(), 1);
    for (let i = 2; i < 65535; i++) session.identifier();
    assert.equal(session.identifier(), 65535);
    assert.equal(session.identifier(), 1);
  });

  it("are never reused while in flight", () => {
    const made = kept();
    made.client.publish(message("stays", 1));
    made.client.subscribe([{ topic: "a" }]);
    assert.deepEqual(sent(made), ["subscribe 1", "publish stays 2"]);
    for (let i = 3; i <= 65535; i++) made.client.session.identifier();
    made.client.publish(message("next", 1));
    made.client.publish(message("after", 2));
    assert.deepEqual(sent(made), ["publish next 3", "publish after 4"]);
  });

  for (const [name, packet] of [
    ["PUBACK for nothing", { cmd: "puback", messageId: 9 }],
    ["PUBREC for nothing", { cmd: "pubrec", messageId: 9 }],
    ["PUBCOMP for nothing", { cmd: "pubcomp", messageId: 9 }],
    ["PUBACK for QoS 2", { cmd: "puback", messageId: 2 }],
    ["PUBREC for QoS 1", { cmd: "pubrec", messageId: 1 }],
    ["PUBCOMP before PUBREC", { cmd: "pubcomp", messageId: 2 }],
    ["SUBACK for nothing", { cmd: "suback", messageId: 9, granted: [0] }],
    ["SUBACK for a PUBLISH", { cmd: "suback", messageId: 1, granted: [0] }],
    ["UNSUBACK for nothing", { cmd: "unsuback", messageId: 9, granted: [] }],
  ] as [string, Packet][]) {
    it(`fails on ${name}`, () => {
      const made = connected();
      made.client.publish(message("a", 1));
      made.client.publish(message("b", 2));
      sent(made);
      made.socket.receivePacket(packet);
      made.time.settle();
      assert.deepEqual(made.failures, [
        { kind: "mqtt-protocol", command: packet.cmd.toUpperCase(), detail: "identifier" },
      ]);
      assert.equal(made.client.session.pending, 2);
    });
  }

  it("fails on a PUBACK for a message that is still being written", () => {
    const made = connected({}, { room: 5 });
    made.client.publish(message("abcdef", 1));
    made.time.settle();
    made.socket.receivePacket({ cmd: "puback", messageId: 1 });
    made.time.settle();
    assert.equal(made.failures[0]?.detail, "identifier");
  });
});

describe("mqtt receiving with QoS 2", () => {
  const publish = (payload: string, messageId: number, dup = false): Packet => ({
    cmd: "publish",
    topic: "t",
    payload,
    qos: 2,
    retain: false,
    dup,
    messageId,
  });

  it("answers PUBREC, and PUBCOMP to PUBREL", () => {
    const made = connected();
    made.socket.receivePacket(publish("x", 5));
    assert.deepEqual(sent(made), ["pubrec 5"]);
    made.socket.receivePacket({ cmd: "pubrel", messageId: 5 });
    assert.deepEqual(sent(made), ["pubcomp 5"]);
  });

  it("hands a message over once, though it comes again on the next connection", () => {
    const first = kept();
    first.socket.receivePacket(publish("x", 5));
    first.socket.end();
    const second = again(first.client.session, true);
    second.socket.receivePacket(publish("x", 5, true));
    assert.equal(second.messages.length, 0);
    assert.deepEqual(sent(second), ["pubrec 5"]);
    second.socket.receivePacket({ cmd: "pubrel", messageId: 5 });
    second.socket.receivePacket(publish("y", 5));
    assert.deepEqual(
      second.messages.map(entry => text(entry.bytes)),
      ["y"],
    );
  });

  it("takes a message again that was cut off before its last byte", () => {
    const first = kept();
    first.socket.receive(Uint8Array.of(0x34, 8, 0, 1, 0x74, 0, 5, 0x61, 0x62));
    assert.equal(first.messages.length, 1);
    first.socket.end();
    const second = again(first.client.session, true);
    second.socket.receivePacket(publish("abc", 5, true));
    assert.deepEqual(
      second.messages.map(entry => text(entry.bytes)),
      ["abc"],
    );
  });

  it("answers PUBREL for an unknown identifier, so that a broker with an older state gets on", () => {
    const made = connected();
    made.socket.receivePacket({ cmd: "pubrel", messageId: 77 });
    assert.deepEqual(sent(made), ["pubcomp 77"]);
  });

  it("takes the same identifier as new when the broker lost the session", () => {
    const first = kept();
    first.socket.receivePacket(publish("x", 5));
    first.socket.end();
    const second = again(first.client.session, false);
    second.socket.receivePacket(publish("other", 5));
    assert.equal(second.messages.length, 1);
  });

  it("fails when more identifiers are open than it can remember", () => {
    const made = kept({ receiveCapacity: 3 });
    for (let id = 1; id <= 4; id++) made.socket.receivePacket(publish("x", id));
    made.time.settle();
    assert.deepEqual(made.failures, [{ kind: "limit", command: "PUBLISH", detail: "QoS 2 identifiers" }]);
  });
});

describe("mqtt subscriptions", () => {
  it("asks for several filters in one packet and tells each what was granted", () => {
    const granted: unknown[] = [];
    const made = connected();
    made.client.subscribe([
      { topic: "a", QoS: 2, done: (report, qos) => granted.push(["a", report, qos]) },
      { topic: "b", done: (report, qos) => granted.push(["b", report, qos]) },
      { topic: "c", QoS: 1, done: (report, qos) => granted.push(["c", report, qos]) },
    ]);
    made.time.settle();
    const [packet] = made.socket.packets();
    assert.ok(packet?.cmd === "subscribe");
    assert.deepEqual(
      packet.subscriptions.map(entry => [entry.topic, entry.qos]),
      [
        ["a", 2],
        ["b", 0],
        ["c", 1],
      ],
    );
    made.socket.receivePacket({ cmd: "suback", messageId: 1, granted: [1, 0, 128] });
    assert.deepEqual(granted, [
      ["a", undefined, 1],
      ["b", undefined, 0],
      ["c", { kind: "mqtt-subscribe", command: "SUBSCRIBE", code: 128, detail: "c" }, undefined],
    ]);
    assert.deepEqual(made.failures, []);
  });

  for (const granted of [[0], [0, 0, 0]]) {
    it(`fails on a SUBACK with ${granted.length} codes for two filters`, () => {
      const made = connected();
      made.client.subscribe([{ topic: "a" }, { topic: "b" }]);
      made.time.settle();
      made.socket.receivePacket({ cmd: "suback", messageId: 1, granted });
      made.time.settle();
      assert.deepEqual(made.failures, [{ kind: "mqtt-protocol", command: "SUBACK", detail: "count" }]);
    });
  }

  it("subscribes again when the broker lost the session, without what was refused or given up", () => {
    const first = kept();
    first.client.subscribe([{ topic: "a", QoS: 1 }, { topic: "b" }, { topic: "c" }]);
    assert.deepEqual(sent(first), ["subscribe 1"]);
    first.socket.receivePacket({ cmd: "suback", messageId: 1, granted: [1, 128, 0] });
    first.client.unsubscribe([{ topic: "c" }]);
    assert.deepEqual(sent(first), ["unsubscribe 2"]);
    first.socket.receivePacket({ cmd: "unsuback", messageId: 2, granted: [] });
    first.socket.end();
    const second = again(first.client.session, false);
    const [packet] = second.socket.packets();
    assert.ok(packet?.cmd === "subscribe");
    assert.deepEqual(
      packet.subscriptions.map(entry => [entry.topic, entry.qos]),
      [["a", 1]],
    );
  });

  it("does not subscribe again while the broker keeps the session", () => {
    const first = kept();
    first.client.subscribe([{ topic: "a" }]);
    sent(first);
    first.socket.receivePacket({ cmd: "suback", messageId: 1, granted: [0] });
    first.socket.end();
    assert.deepEqual(sent(again(first.client.session, true)), []);
  });

  it("asks again for what was not answered", () => {
    const first = kept();
    first.client.subscribe([{ topic: "a" }]);
    sent(first);
    first.socket.end();
    const second = again(first.client.session, true);
    assert.deepEqual(sent(second), ["subscribe 2"]);
    second.socket.receivePacket({ cmd: "suback", messageId: 2, granted: [0] });
    second.client.unsubscribe([{ topic: "a" }]);
    sent(second);
    second.socket.end();
    assert.deepEqual(sent(again(first.client.session, true)), ["unsubscribe 4"]);
  });

  it("follows the last wish when it changes before the answer", () => {
    const answers: string[] = [];
    const made = connected();
    made.client.subscribe([{ topic: "a", done: () => answers.push("subscribed") }]);
    sent(made);
    made.client.unsubscribe([{ topic: "a", done: () => answers.push("unsubscribed") }]);
    assert.deepEqual(sent(made), ["unsubscribe 2"]);
    made.socket.receivePacket({ cmd: "suback", messageId: 1, granted: [0] });
    made.socket.receivePacket({ cmd: "unsuback", messageId: 2, granted: [] });
    assert.deepEqual(answers, ["unsubscribed"]);
    assert.equal(made.client.session.awaiting, false);
  });

  it("subscribes before it publishes", () => {
    const session = new Session();
    session.publish(message("question", 0));
    session.subscribe([{ topic: "answer" }]);
    assert.deepEqual(sent(again(session, false)), ["subscribe 1", "publish question"]);
  });

  it("refuses bad filters before taking any", () => {
    const session = new Session();
    assert.throws(() => session.subscribe([{ topic: "good" }, { topic: "a/#/b" }]), MQTTError);
    assert.throws(() => session.unsubscribe([{ topic: "" }]), MQTTError);
    assert.deepEqual(sent(again(session, false)), []);
  });
});
