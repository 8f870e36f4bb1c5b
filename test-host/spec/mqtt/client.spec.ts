import assert from "node:assert/strict";
import { failure } from "../../../modules/diagnosis/failure.js";
import type { ResolverCallbacks } from "../../../modules/io/socket.js";
import { MQTTClient } from "../../../modules/mqtt/client.js";
import { MQTTError } from "../../../modules/mqtt/error.js";
import { BytesSource } from "../../../modules/mqtt/source.js";
import {
  bench,
  bytes,
  connected,
  FakeTime,
  join,
  parse,
  records,
  ScriptedSocket,
  text,
  wire,
} from "./support.js";

const { PUBLISH, SUBSCRIBE, UNSUBSCRIBE, PUBACK, PUBREC, PUBREL, PUBCOMP, PINGREQ, DISCONNECT } = MQTTClient;

function refused(kind: string, detail?: string): (error: unknown) => boolean {
  return error =>
    error instanceof MQTTError && error.report.kind === kind && (!detail || error.report.detail === detail);
}

describe("mqtt client connecting", () => {
  it("resolves the name and gives the socket address, host and port", () => {
    const { socket } = bench({ port: 8883 });
    assert.equal(socket.options.address, "192.0.2.1");
    assert.equal(socket.options.host, "broker.example");
    assert.equal(socket.options.port, 8883);
  });

  it("takes port 1883 by default", () => {
    assert.equal(bench().socket.options.port, 1883);
  });

  it("writes CONNECT at the first onWritable, as one group", () => {
    const { socket } = bench({
      id: "device",
      user: "u",
      password: "p",
      clean: false,
      keepAlive: 90_500,
      will: { topic: "gone", message: "bye", QoS: 2, retain: true },
    });
    socket.writable(4096);
    assert.equal(socket.groups.length, 1);
    const [packet] = socket.packets();
    assert.ok(packet?.cmd === "connect");
    assert.equal(packet.clientId, "device");
    assert.equal(packet.username, "u");
    assert.equal(String(packet.password), "p");
    assert.equal(packet.clean, false);
    assert.equal(packet.keepalive, 91);
    assert.equal(packet.will?.topic, "gone");
    assert.equal(packet.will.qos, 2);
    assert.equal(packet.will.retain, true);
  });

  it("asks for the password when CONNECT is written", () => {
    let token = "early";
    const { socket } = bench({ user: "unused", password: () => token });
    token = "late";
    socket.writable(4096);
    const [packet] = socket.packets();
    assert.ok(packet?.cmd === "connect");
    assert.equal(String(packet.password), "late");
  });

  it("writes a CONNECT that exceeds room and buffer in pieces", () => {
    const token = "x".repeat(1200);
    const { socket } = bench({ user: "unused", password: token });
    let turns = 0;
    const sent: Uint8Array[] = [];
    while (turns++ < 1000 && join(sent).length < 1230) {
      socket.writable(7);
      sent.push(socket.sent());
      assert.equal(socket.stuck, 0);
    }
    const [packet] = parse(join(sent));
    assert.ok(packet?.cmd === "connect");
    assert.equal(String(packet.password), token);
  });

  it("writes nothing else before CONNACK", () => {
    const made = bench();
    made.client.publish({ topic: "t", payload: new BytesSource(bytes("x")) });
    made.socket.writable(4096);
    made.time.settle();
    assert.deepEqual(
      made.socket.packets().map(packet => packet.cmd),
      ["connect"],
    );
    assert.deepEqual(made.rooms, []);
  });

  it("tells CONNACK with the session, then the room less eight bytes", () => {
    const made = bench({ clean: false });
    made.socket.writable(4096);
    const { room } = made.socket;
    made.socket.receivePacket({ cmd: "connack", returnCode: 0, sessionPresent: true });
    assert.deepEqual(made.controls, [{ operation: 2, returnCode: 0, sessionPresent: true }]);
    assert.deepEqual(made.rooms, [room - 8]);
  });

  for (const returnCode of [1, 2, 3, 4, 5]) {
    it(`reports a refusal with code ${returnCode}`, () => {
      const made = bench({ password: "secret" });
      made.socket.writable(4096);
      made.socket.receivePacket({ cmd: "connack", returnCode, sessionPresent: false });
      made.time.settle();
      assert.deepEqual(made.failures, [{ kind: "mqtt-refused", command: "CONNECT", code: returnCode }]);
      assert.equal(made.errors.length, 1);
      assert.ok(made.socket.closed);
    });
  }

  it("refuses a session after a clean start", () => {
    const made = bench({ clean: true });
    made.socket.writable(4096);
    made.socket.receivePacket({ cmd: "connack", returnCode: 0, sessionPresent: true });
    made.time.settle();
    assert.deepEqual(made.failures, [
      { kind: "mqtt-protocol", command: "CONNACK", detail: "session present" },
    ]);
  });

  for (const [phase, reach] of [
    ["resolve", () => 0],
    ["connect", () => 1],
    ["CONNACK", () => 2],
  ] as const) {
    it(`gives up after connectTimeout in the phase ${phase}`, () => {
      const time = new FakeTime();
      const silent = {
        io: class {
          resolve(): void {}
        },
      };
      const made = reach() === 0 ? undefined : bench({ connectTimeout: 5000 }, time);
      const failures: unknown[] = [];
      if (reach() === 0) {
        new MQTTClient({
          host: "h",
          ...records(time, []),
          dns: silent,
          connectTimeout: 5000,
          failure: report => failures.push(report),
        });
      }
      if (reach() === 2) made?.socket.writable(4096);
      time.advance(4999);
      assert.equal((made?.failures ?? failures).length, 0);
      time.advance(1);
      assert.deepEqual(made?.failures ?? failures, [
        { kind: "mqtt-timeout", command: "CONNECT", detail: phase },
      ]);
    });
  }

  it("passes on why the name was not resolved", () => {
    const time = new FakeTime();
    const failures: unknown[] = [];
    const errors: string[] = [];
    const resolver = {
      io: class {
        resolve(request: ResolverCallbacks): void {
          request.failure?.(failure("dns", "AT+QIDNSGIP", 565));
          request.onError?.call(this, request.host);
        }
      },
    };
    new MQTTClient({
      host: "h",
      ...records(time, []),
      dns: resolver,
      failure: report => failures.push(report),
      onError: () => errors.push("error"),
    });
    assert.deepEqual(failures, [], "not inside the constructor");
    time.settle();
    assert.deepEqual(failures, [{ kind: "dns", command: "AT+QIDNSGIP", code: 565 }]);
    assert.deepEqual(errors, ["error"]);
  });

  it("passes on why the socket failed", () => {
    const made = bench();
    made.socket.end(failure("tls", "AT+QSSLOPEN", 579));
    made.time.settle();
    assert.deepEqual(made.failures, [{ kind: "tls", command: "AT+QSSLOPEN", code: 579 }]);
  });

  it("names the phase when the socket gives no reason", () => {
    const early = bench();
    early.socket.end();
    early.time.settle();
    assert.deepEqual(early.failures, [{ kind: "connect" }]);
    const late = connected();
    late.socket.end();
    late.time.settle();
    assert.deepEqual(late.failures, [{ kind: "peer-closed" }]);
  });

  it("reports a socket whose constructor throws", () => {
    const time = new FakeTime();
    const failures: unknown[] = [];
    class Broken extends ScriptedSocket {
      constructor() {
        super({ port: 1 });
        throw new Error("no network");
      }
    }
    new MQTTClient({
      host: "h",
      ...records(time, []),
      socket: { io: Broken },
      failure: report => failures.push(report),
    });
    time.settle();
    assert.deepEqual(failures, [{ kind: "socket", detail: "no network" }]);
    assert.equal(time.pending, 0);
  });

  it("requires a host, and an identifier for a kept session", () => {
    const time = new FakeTime();
    const make = (options: object) => () => new MQTTClient({ host: "h", ...records(time, []), ...options });
    assert.throws(make({ host: "" }), refused("argument", "host"));
    assert.throws(make({ clean: false }), refused("argument", "id"));
    assert.throws(make({ will: { topic: "a/#" } }), refused("argument", "will topic"));
    assert.equal(time.pending, 0);
  });
});

describe("mqtt client write, as Moddable's", () => {
  it("sends 200 bytes on a topic of twelve as one group of 217 bytes", () => {
    const { client, socket } = connected();
    client.write(bytes(200), { topic: "device/1/abc" });
    assert.equal(socket.groups.length, 1);
    assert.equal(socket.groups[0]?.bytes.length, 217);
    assert.equal(socket.groups[0].announced, 217);
    assert.equal(socket.groups[0].writes, 1);
  });

  it("sends a payload beyond its buffer as one group whose length is announced", () => {
    const { client, socket } = connected({}, { room: 4096 });
    client.write(bytes(1000), { topic: "t" });
    assert.equal(socket.groups.length, 1);
    assert.equal(socket.groups[0]?.bytes.length, 1006);
    assert.equal(socket.groups[0].announced, 1006);
    assert.equal(socket.groups[0].writes, 2);
  });

  it("returns the room that is left less eight bytes", () => {
    const { client, socket } = connected({}, { room: 100 });
    const left = client.write(bytes(20), { topic: "t" });
    assert.equal(left, socket.room - 8);
  });

  it("takes ArrayBuffer and typed array", () => {
    const { client, socket } = connected();
    client.write(new Uint8Array(bytes("ab")).buffer, { topic: "t" });
    client.write(bytes("cd"), { topic: "t" });
    assert.deepEqual(
      socket.packets().map(packet => packet.cmd === "publish" && String(packet.payload)),
      ["ab", "cd"],
    );
  });

  it("sends an empty message", () => {
    const { client, socket } = connected();
    client.write(null, { topic: "t", retain: true });
    const [packet] = socket.packets();
    assert.ok(packet?.cmd === "publish");
    assert.equal(packet.payload.length, 0);
    assert.equal(packet.retain, true);
  });

  it("streams a payload over several writes", () => {
    const { client, socket } = connected({}, { room: 400 });
    const payload = bytes(1000);
    client.write(payload.subarray(0, 100), { topic: "t", byteLength: 1000 });
    let at = 100;
    while (at < 1000) {
      socket.writable(300);
      at += 92;
      client.write(payload.subarray(at - 92, Math.min(at, 1000)));
    }
    const [packet] = socket.packets();
    assert.ok(packet?.cmd === "publish");
    assert.deepEqual(new Uint8Array(packet.payload as Buffer), payload);
  });

  it("holds the pieces of a streamed payload together while all of it fits the room", () => {
    const { client, socket } = connected();
    client.write(bytes(10), { topic: "t", byteLength: 30 });
    client.write(bytes(10));
    assert.equal(socket.groups.length, 0);
    client.write(bytes(10));
    assert.equal(socket.groups.length, 1);
    assert.equal(socket.groups[0]?.announced, 35);
  });

  it("lets the pieces go one by one when the payload exceeds the room", () => {
    const { client, socket } = connected({}, { room: 100 });
    client.write(bytes(10), { topic: "t", byteLength: 1000 });
    assert.equal(socket.groups.length, 1);
    assert.equal(socket.stuck, 0);
  });

  it("keeps acknowledgements back until a streamed payload has ended", () => {
    const made = connected();
    made.client.write(bytes(1), { topic: "t", byteLength: 3 });
    made.socket.receivePacket({
      cmd: "publish",
      topic: "in",
      payload: "x",
      qos: 1,
      retain: false,
      dup: false,
      messageId: 77,
    });
    made.client.write(bytes(2));
    made.time.settle();
    assert.deepEqual(
      made.socket.packets().map(packet => [packet.cmd, packet.messageId]),
      [
        ["publish", undefined],
        ["puback", 77],
      ],
    );
  });

  it("sends SUBSCRIBE and UNSUBSCRIBE with several items, each as one write", () => {
    const { client, socket } = connected();
    client.write(null, { operation: SUBSCRIBE, items: [{ topic: "a/#", QoS: 1 }, { topic: "b" }] });
    client.write(null, { operation: UNSUBSCRIBE, id: 900, items: [{ topic: "a/#" }, { topic: "b" }] });
    assert.deepEqual(
      socket.groups.map(group => group.writes),
      [1, 1],
    );
    const [subscribe, unsubscribe] = socket.packets();
    assert.ok(subscribe?.cmd === "subscribe" && unsubscribe?.cmd === "unsubscribe");
    assert.deepEqual(
      subscribe.subscriptions.map(entry => [entry.topic, entry.qos]),
      [
        ["a/#", 1],
        ["b", 0],
      ],
    );
    assert.equal(unsubscribe.messageId, 900);
  });

  it("tells SUBACK with its codes", () => {
    const made = connected();
    made.client.write(null, { operation: SUBSCRIBE, id: 5, items: [{ topic: "a", QoS: 2 }, { topic: "b" }] });
    made.socket.receivePacket({ cmd: "suback", messageId: 5, granted: [1, 128] });
    assert.deepEqual(made.controls, [{ operation: 9, id: 5, payload: [1, 128] }]);
  });

  it("releases a QoS 2 message that was written with write", () => {
    const made = connected();
    made.client.write(bytes("x"), { topic: "t", QoS: 2, id: 9 });
    made.socket.sent();
    made.socket.receivePacket({ cmd: "pubrec", messageId: 9 });
    assert.deepEqual(
      made.socket.packets().map(packet => [packet.cmd, packet.messageId]),
      [["pubrel", 9]],
    );
    made.socket.receivePacket({ cmd: "pubcomp", messageId: 9 });
    assert.equal(made.client.session.pending, 0);
    assert.deepEqual(
      made.controls.map(control => control.operation),
      [PUBREC, PUBCOMP],
    );
  });

  const SHORT: [number, string][] = [
    [PUBACK, "puback"],
    [PUBREC, "pubrec"],
    [PUBREL, "pubrel"],
    [PUBCOMP, "pubcomp"],
    [PINGREQ, "pingreq"],
    [DISCONNECT, "disconnect"],
  ];
  for (const [operation, cmd] of SHORT) {
    it(`sends ${cmd.toUpperCase()} on demand`, () => {
      const { client, socket } = connected();
      client.write(null, { operation, id: 3 });
      assert.equal(socket.packets()[0]?.cmd, cmd);
    });
  }

  it("writes nothing behind DISCONNECT", () => {
    const made = connected();
    made.client.write(null, { operation: DISCONNECT });
    made.socket.sent();
    assert.throws(() => made.client.write(bytes("x"), { topic: "t" }), refused("argument", "not connected"));
    made.client.publish({ topic: "t", payload: new BytesSource(bytes("x")) });
    made.socket.receivePacket({
      cmd: "publish",
      topic: "t",
      payload: "x",
      qos: 1,
      retain: false,
      dup: false,
      messageId: 1,
    });
    made.time.settle();
    assert.equal(made.socket.sent().length, 0);
  });

  const REFUSED: [string, (client: MQTTClient) => unknown, string, string][] = [
    ["a message beyond the room", c => c.write(bytes(100), { topic: "t" }), "limit", "overflow"],
    [
      "a first piece beyond the room",
      c => c.write(bytes(100), { topic: "t", byteLength: 5000 }),
      "limit",
      "overflow",
    ],
    [
      "filters beyond the room",
      c => c.write(null, { operation: SUBSCRIBE, items: [{ topic: "t".repeat(90) }] }),
      "limit",
      "overflow",
    ],
    [
      "more data than byteLength",
      c => c.write(bytes(2), { topic: "t", byteLength: 1 }),
      "argument",
      "byteLength",
    ],
    ["a wildcard in the topic", c => c.write(bytes(1), { topic: "a/+" }), "argument", "topic"],
    ["no topic", c => c.write(bytes(1), {}), "argument", "topic"],
    ["no options", c => c.write(bytes(1)), "argument", "topic"],
    ["no items", c => c.write(null, { operation: SUBSCRIBE }), "argument", "items"],
    [
      "a bad filter",
      c => c.write(null, { operation: SUBSCRIBE, items: [{ topic: "a#" }] }),
      "argument",
      "topic filter",
    ],
    ["packet identifier 0", c => c.write(bytes(1), { topic: "t", QoS: 1, id: 0 }), "argument", "id"],
    ["packet identifier 65,536", c => c.write(bytes(1), { topic: "t", QoS: 1, id: 65536 }), "argument", "id"],
    ["CONNECT", c => c.write(null, { operation: 1, id: 1 }), "argument", "operation"],
    [
      "a packet type that does not exist",
      c => c.write(null, { operation: 15, id: 1 }),
      "argument",
      "operation",
    ],
  ];
  for (const [name, attempt, kind, detail] of REFUSED) {
    it(`throws on ${name} and writes nothing`, () => {
      const { client, socket } = connected({}, { room: 110 });
      socket.writable(80);
      assert.throws(() => attempt(client), refused(kind, detail));
      assert.equal(socket.sent().length, 0);
      assert.equal(client.session.pending, 0);
      client.write(bytes("ok"), { topic: "t" });
      assert.equal(socket.packets()[0]?.cmd, "publish");
    });
  }

  it("throws on an identifier in use, but takes it for a duplicate", () => {
    const { client, socket } = connected();
    client.write(bytes("x"), { topic: "t", QoS: 1, id: 4 });
    assert.throws(
      () => client.write(bytes("x"), { topic: "t", QoS: 1, id: 4 }),
      refused("argument", "id in use"),
    );
    assert.throws(
      () => client.write(null, { operation: SUBSCRIBE, id: 4, items: [{ topic: "t" }] }),
      refused("argument", "id in use"),
    );
    client.write(bytes("x"), { topic: "t", QoS: 1, id: 4, duplicate: true });
    assert.deepEqual(
      socket.packets().map(packet => packet.cmd === "publish" && packet.dup),
      [false, true],
    );
  });

  it("throws on options or too much data in the middle of a streamed payload", () => {
    const { client } = connected();
    client.write(bytes(1), { topic: "t", byteLength: 3 });
    assert.throws(() => client.write(bytes(1), { topic: "t" }), refused("argument", "streamed payload"));
    assert.throws(() => client.write(bytes(3)), refused("argument", "streamed payload"));
  });

  it("throws when not connected", () => {
    const { client } = bench();
    assert.throws(() => client.write(bytes(1), { topic: "t" }), refused("argument", "not connected"));
  });

  it("has the constants of Moddable's class", () => {
    assert.deepEqual(
      [PUBLISH, SUBSCRIBE, UNSUBSCRIBE, PUBACK, PUBREC, PUBREL, PUBCOMP, PINGREQ, DISCONNECT],
      [3, 8, 10, 4, 5, 6, 7, 12, 14],
    );
    assert.deepEqual(
      [MQTTClient.CONNECT, MQTTClient.CONNACK, MQTTClient.SUBACK, MQTTClient.UNSUBACK, MQTTClient.PINGRESP],
      [1, 2, 9, 11, 13],
    );
  });
});

describe("mqtt client reading", () => {
  const hello = wire({
    cmd: "publish",
    topic: "a/b",
    payload: "hello",
    qos: 1,
    retain: true,
    dup: false,
    messageId: 6,
  });

  it("tells topic, QoS and length with the first piece, and whether more follows", () => {
    const made = connected();
    made.socket.receive(hello.subarray(0, 11));
    made.socket.receive(hello.subarray(11));
    assert.deepEqual(
      made.messages.map(message => message.info),
      [{ topic: "a/b", QoS: 1, retain: true, duplicate: false, byteLength: 5, more: true }, { more: false }],
    );
    assert.equal(text(join(made.messages.map(message => message.bytes))), "hello");
  });

  it("tells an empty message with a count of zero", () => {
    const counts: number[] = [];
    const made = connected({ onReadable: count => counts.push(count) });
    made.socket.receivePacket({
      cmd: "publish",
      topic: "t",
      payload: "",
      qos: 1,
      retain: false,
      dup: false,
      messageId: 6,
    });
    assert.deepEqual(counts, [0]);
    assert.equal(made.socket.packets()[0]?.cmd, "puback");
  });

  it("acknowledges only when the last byte has been read", () => {
    const made = connected({ onReadable: () => undefined });
    made.socket.receive(hello);
    made.time.settle();
    assert.equal(made.socket.sent().length, 0);
    assert.equal(text(new Uint8Array(made.client.read(4) ?? [])), "hell");
    made.time.settle();
    assert.equal(made.socket.sent().length, 0);
    assert.equal(text(new Uint8Array(made.client.read() ?? [])), "o");
    made.time.settle();
    assert.deepEqual(
      made.socket.packets().map(packet => [packet.cmd, packet.messageId]),
      [["puback", 6]],
    );
  });

  it("leaves what is not read in the socket", () => {
    const made = connected({ onReadable: () => undefined });
    made.socket.receive(join([hello, hello]));
    made.time.settle();
    assert.equal(made.socket.unread, 5 + hello.length);
  });

  it("calls again while the application reads piece by piece", () => {
    const counts: number[] = [];
    const made = connected({
      onReadable(count) {
        counts.push(count);
        this.read(2);
      },
    });
    made.socket.receive(hello);
    assert.deepEqual(counts, [5, 3, 1]);
    assert.equal(made.socket.packets()[0]?.cmd, "puback");
  });

  it("reads into a view and tells how many bytes there were", () => {
    const view = new Uint8Array(8);
    const made = connected({ onReadable: () => undefined });
    made.socket.receive(hello);
    assert.equal(made.client.read(view), 5);
    assert.equal(text(view.subarray(0, 5)), "hello");
    assert.equal(made.client.read(view), undefined);
  });

  it("gives no bytes of the next packet", () => {
    const made = connected({ onReadable: () => undefined });
    made.socket.receive(join([hello, hello]));
    assert.equal(made.client.read(1000)?.byteLength, 5);
    assert.equal(made.client.read(1000), undefined);
  });

  it("reads and drops messages when nobody wants them", () => {
    const made = connected({ topicLength: 16 });
    const quiet = bench({ topicLength: 16 });
    quiet.client.close();
    const time = new FakeTime();
    const sockets: ScriptedSocket[] = [];
    new MQTTClient({ host: "h", ...records(time, sockets), topicLength: 16 });
    time.settle();
    const [socket] = sockets;
    socket?.writable(1000);
    socket?.sent();
    socket?.receivePacket({ cmd: "connack", returnCode: 0, sessionPresent: false });
    socket?.receivePacket({
      cmd: "publish",
      topic: "t",
      payload: "y".repeat(500),
      qos: 1,
      retain: false,
      dup: false,
      messageId: 3,
    });
    assert.equal(socket?.unread, 0);
    assert.equal(socket.packets()[0]?.cmd, "puback");
    assert.equal(made.failures.length, 0);
  });

  it("stops reading when acknowledgements find no room, and goes on when they do", () => {
    const made = connected({}, { room: 100 });
    const flood = Array.from({ length: 30 }, (_, i) =>
      wire({ cmd: "publish", topic: "t", payload: "x", qos: 1, retain: false, dup: false, messageId: i + 1 }),
    );
    made.socket.room = 0;
    made.socket.writable(0);
    made.socket.receive(join(flood));
    // Eight wait, and one more is on its way into the socket.
    assert.equal(made.messages.length, 9);
    made.socket.writable(1000);
    assert.equal(made.messages.length, 30);
    assert.deepEqual(
      made.socket.packets().map(packet => packet.messageId),
      Array.from({ length: 30 }, (_, i) => i + 1),
    );
  });

  it("works over a socket with number format, and with a room of a few bytes", () => {
    const made = connected({}, { room: 200 });
    made.socket.format = "number";
    made.socket.room = 0;
    made.socket.writable(0);
    made.socket.receive(hello);
    const pieces: Uint8Array[] = [];
    for (let i = 0; i < 4; i++) {
      made.socket.writable(1);
      pieces.push(made.socket.sent());
    }
    assert.equal(parse(join(pieces))[0]?.cmd, "puback");
  });
});

describe("mqtt client ending", () => {
  it("closes, then tells failure and onError in a turn of their own", () => {
    const order: string[] = [];
    const made = connected({
      failure: report => order.push(`failure ${report.kind}`),
      onError: () => order.push("error"),
    });
    made.socket.end(failure("network-lost"));
    assert.ok(made.socket.closed);
    assert.deepEqual(order, []);
    made.time.settle();
    assert.deepEqual(order, ["failure network-lost", "error"]);
    assert.equal(made.time.pending, 0);
  });

  it("calls nothing back after close", () => {
    const made = connected({ keepAlive: 10_000 });
    made.client.close();
    made.client.close();
    made.socket.options.onReadable?.call(made.socket, 5);
    made.socket.options.onWritable?.call(made.socket, 5);
    made.socket.options.onError?.call(made.socket);
    made.time.advance(100_000);
    assert.deepEqual(made.errors, []);
    assert.deepEqual(made.failures, []);
    assert.equal(made.time.pending, 0);
    assert.equal(made.client.read(), undefined);
  });

  it("does not call onError when failure closes", () => {
    const made = connected({
      failure() {
        this.close();
      },
    });
    made.socket.end();
    made.time.settle();
    assert.deepEqual(made.errors, []);
  });

  it("calls nothing back when it is closed between the failure and its report", () => {
    const made = connected();
    made.socket.end();
    made.client.close();
    made.time.settle();
    assert.deepEqual(made.failures, []);
  });

  it("may be closed in any callback", () => {
    for (const name of ["onControl", "onReadable", "onWritable"] as const) {
      const made = bench({
        [name](this: MQTTClient) {
          this.close();
        },
      });
      made.socket.writable(1000);
      made.socket.receivePacket({ cmd: "connack", returnCode: 0, sessionPresent: false });
      made.socket.receivePacket({
        cmd: "publish",
        topic: "t",
        payload: "x",
        qos: 0,
        retain: false,
        dup: false,
      });
      made.time.settle();
      assert.ok(made.socket.closed, name);
      assert.deepEqual(made.failures, [], name);
    }
  });

  const THROWING = [
    "onControl",
    "onReadable",
    "onWritable",
    "password",
    "done",
    "failure",
    "onError",
  ] as const;
  for (const name of THROWING) {
    it(`lets no exception of ${name} out, closes and reports`, () => {
      const failures: unknown[] = [];
      let calls = 0;
      const bad = (): never => {
        calls++;
        throw new Error("oh no");
      };
      const made = bench({
        failure: report => failures.push(report),
        ...(name === "done" ? undefined : { [name]: bad }),
      });
      made.socket.writable(1000);
      made.socket.receivePacket({ cmd: "connack", returnCode: 0, sessionPresent: false });
      if (!made.socket.closed) {
        made.client.publish({
          topic: "t",
          payload: new BytesSource(bytes("x")),
          ...(name === "done" && { done: bad }),
        });
      }
      made.socket.receivePacket({
        cmd: "publish",
        topic: "t",
        payload: "x",
        qos: 1,
        retain: false,
        dup: false,
        messageId: 1,
      });
      made.time.settle();
      if (name === "failure" || name === "onError") made.socket.end();
      made.time.settle();
      assert.ok(made.socket.closed);
      assert.equal(calls, 1);
      if (name === "failure") assert.equal(made.errors.length, 1, "onError is still told");
      else if (name === "onError") assert.deepEqual(failures, [{ kind: "peer-closed" }]);
      else if (name === "password") assert.deepEqual(failures, [{ kind: "exception", command: "password" }]);
      else assert.deepEqual(failures, [{ kind: "exception", command: name, detail: "oh no" }]);
    });
  }

  it("does not acknowledge a message whose onReadable threw", () => {
    const made = connected({
      onReadable() {
        this.read();
        throw new Error("oh no");
      },
    });
    made.socket.receivePacket({
      cmd: "publish",
      topic: "t",
      payload: "x",
      qos: 1,
      retain: false,
      dup: false,
      messageId: 1,
    });
    made.time.settle();
    assert.equal(made.socket.sent().length, 0);
  });

  it("reports a socket that throws in write, and passes the exception to the caller", () => {
    const made = connected();
    made.socket.write = () => {
      throw new Error("torn");
    };
    assert.throws(() => made.client.write(bytes("x"), { topic: "t" }), /torn/);
    made.time.settle();
    assert.deepEqual(made.failures, [{ kind: "socket", detail: "torn" }]);
  });

  it("reports a socket that throws while it is read", () => {
    const made = connected();
    made.socket.read = () => {
      throw new Error("bad record");
    };
    made.socket.receive(Uint8Array.of(0xd0, 0));
    made.time.settle();
    assert.deepEqual(made.failures, [{ kind: "socket", detail: "bad record" }]);
  });

  it("reports what the broker did wrong", () => {
    const made = connected();
    made.socket.receive(Uint8Array.of(0x36, 5, 0, 1, 0x74, 0, 1));
    made.time.settle();
    assert.deepEqual(made.failures, [{ kind: "mqtt-protocol", command: "PUBLISH", detail: "QoS 3" }]);
    assert.ok(made.socket.closed);
  });

  it("names no secret in any failure", () => {
    for (const end of ["refused", "ended", "timeout"] as const) {
      const made = bench({ user: "user-secret", password: "password-secret" });
      made.socket.writable(1000);
      if (end === "refused")
        made.socket.receivePacket({ cmd: "connack", returnCode: 4, sessionPresent: false });
      if (end === "ended") made.socket.end();
      made.time.advance(30_000);
      assert.equal(made.failures.length, 1);
      assert.doesNotMatch(JSON.stringify(made.failures), /secret/);
    }
  });
});
