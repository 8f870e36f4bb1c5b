import assert from "node:assert/strict";
import { BytesSource } from "../../../modules/mqtt/source.js";
import { bytes, connected, FakeTime, type Bench } from "./support.js";

const PINGRESP = { cmd: "pingresp" } as const;

function commands(made: Bench): string[] {
  return made.socket.packets().map(packet => packet.cmd);
}

describe("mqtt keep-alive", () => {
  it("pings after three quarters of the interval without traffic, again and again", () => {
    const made = connected({ keepAlive: 60_000 });
    for (let round = 0; round < 3; round++) {
      made.time.advance(44_999);
      assert.deepEqual(commands(made), []);
      made.time.advance(1);
      assert.deepEqual(commands(made), ["pingreq"]);
      made.socket.receivePacket(PINGRESP);
    }
    assert.deepEqual(made.failures, []);
  });

  it("does not ping without a keep-alive interval", () => {
    const made = connected({ keepAlive: 0 });
    made.time.advance(10_000_000);
    assert.deepEqual(commands(made), []);
    assert.equal(made.time.pending, 0);
  });

  it("does not ping while packets go both ways", () => {
    const made = connected({ keepAlive: 60_000 });
    for (let i = 0; i < 10; i++) {
      made.time.advance(30_000);
      made.client.publish({ topic: "t", qos: 1, payload: new BytesSource(bytes("x")) });
      made.time.settle();
      made.socket.receivePacket({ cmd: "puback", messageId: i + 1 });
    }
    assert.ok(!commands(made).includes("pingreq"));
  });

  it("pings a broker that is only talked to, to learn whether it listens", () => {
    const made = connected({ keepAlive: 60_000 });
    for (let i = 0; i < 3; i++) {
      made.time.advance(20_000);
      made.client.write(bytes("x"), { topic: "t" });
    }
    assert.equal(commands(made).filter(name => name === "pingreq").length, 1);
  });

  it("gives up when nothing answers the ping within half an interval", () => {
    const made = connected({ keepAlive: 60_000 });
    made.time.advance(45_000 + 29_999);
    assert.deepEqual(made.failures, []);
    made.time.advance(1);
    assert.deepEqual(made.failures, [{ kind: "mqtt-timeout", command: "PINGREQ", detail: "PINGRESP" }]);
    assert.ok(made.socket.closed);
  });

  it("gives up after responseTimeout when that is set", () => {
    const made = connected({ keepAlive: 60_000, responseTimeout: 5000 });
    made.time.advance(49_999);
    assert.deepEqual(made.failures, []);
    made.time.advance(1);
    assert.equal(made.failures.length, 1);
  });

  it("gives up when the ping finds no room at all", () => {
    const made = connected({ keepAlive: 60_000 });
    made.socket.room = 0;
    made.socket.options.onWritable?.call(made.socket, 0);
    made.time.advance(75_000);
    assert.equal(made.failures[0]?.kind, "mqtt-timeout");
  });

  it("counts any byte as a sign of life", () => {
    const made = connected({ keepAlive: 60_000 });
    made.time.advance(45_000);
    made.socket.receive(Uint8Array.of(0x30, 100, 0, 1, 0x74));
    for (let i = 0; i < 9; i++) {
      made.time.advance(20_000);
      made.socket.receive(bytes(10));
    }
    assert.deepEqual(made.failures, []);
  });

  it("waits while the application leaves a message unread, behind which the answer may stand", () => {
    const made = connected({ keepAlive: 60_000, onReadable: () => undefined });
    made.socket.receivePacket({
      cmd: "publish",
      topic: "t",
      payload: "x",
      qos: 0,
      retain: false,
      dup: false,
    });
    made.time.advance(200_000);
    assert.deepEqual(made.failures, []);
    made.client.read();
    made.time.advance(200_000);
    assert.equal(made.failures.length, 1);
  });

  it("waits while the application has yet to stream the rest of its message", () => {
    const made = connected({ keepAlive: 60_000 });
    made.client.write(bytes(1), { topic: "t", byteLength: 2 });
    made.time.advance(200_000);
    assert.deepEqual(made.failures, []);
    made.client.write(bytes(1));
    made.time.settle();
    assert.deepEqual(commands(made), ["publish", "pingreq"]);
  });

  it("lets a long message out before it judges the silence", () => {
    const made = connected({ keepAlive: 10_000, responseTimeout: 3000, acknowledgeTimeout: 0 });
    made.socket.room = 0;
    made.socket.options.onWritable?.call(made.socket, 0);
    made.client.publish({ topic: "t", payload: new BytesSource(bytes(4000)) });
    for (let i = 0; i < 40; i++) {
      made.time.advance(1000);
      made.socket.writable(100);
    }
    assert.deepEqual(made.failures, []);
    made.socket.writable(100);
    made.time.settle();
    assert.deepEqual(commands(made), ["publish", "pingreq"]);
  });

  it("survives the wrap of the clock", () => {
    const made = connected({ keepAlive: 60_000 }, { time: new FakeTime(2 ** 32 - 30_000) });
    made.time.advance(44_999);
    assert.deepEqual(commands(made), []);
    made.time.advance(1);
    assert.deepEqual(commands(made), ["pingreq"]);
    made.socket.receivePacket(PINGRESP);
    assert.deepEqual(made.failures, []);
  });
});

describe("mqtt acknowledgement deadline", () => {
  const report = { kind: "mqtt-timeout", command: "PUBLISH", detail: "acknowledgement" };

  it("gives the connection up when nothing is acknowledged for 60 seconds", () => {
    const made = connected();
    made.client.publish({ topic: "t", qos: 1, payload: new BytesSource(bytes("x")) });
    made.time.advance(59_999);
    assert.deepEqual(made.failures, []);
    made.time.advance(1);
    assert.deepEqual(made.failures, [report]);
    assert.equal(made.client.session.pending, 1);
  });

  it("begins anew with each acknowledgement", () => {
    const made = connected();
    for (let i = 0; i < 3; i++)
      made.client.publish({ topic: "t", qos: 1, payload: new BytesSource(bytes("x")) });
    for (let id = 1; id <= 3; id++) {
      made.time.advance(59_000);
      made.socket.receivePacket({ cmd: "puback", messageId: id });
    }
    made.time.advance(200_000);
    assert.deepEqual(made.failures, []);
    assert.equal(made.time.pending, 0);
  });

  it("watches SUBSCRIBE, PUBREL and what write sent, too", () => {
    const cases: ((made: Bench) => void)[] = [
      made => made.client.subscribe([{ topic: "a" }]),
      made => made.client.write(null, { operation: 8, items: [{ topic: "a" }] }),
      made => made.client.write(bytes("x"), { topic: "t", QoS: 1 }),
      made => {
        made.client.publish({ topic: "t", qos: 2, payload: new BytesSource(bytes("x")) });
        made.time.settle();
        made.socket.receivePacket({ cmd: "pubrec", messageId: 1 });
      },
    ];
    for (const begin of cases) {
      const made = connected();
      begin(made);
      made.time.advance(60_000);
      assert.deepEqual(made.failures, [report]);
    }
  });

  it("is not waited for when it is turned off", () => {
    const made = connected({ acknowledgeTimeout: 0 });
    made.client.publish({ topic: "t", qos: 1, payload: new BytesSource(bytes("x")) });
    made.time.advance(10_000_000);
    assert.deepEqual(made.failures, []);
  });

  it("is seen in time when the keep-alive interval is long", () => {
    const made = connected({ keepAlive: 3_600_000 });
    made.client.publish({ topic: "t", qos: 1, payload: new BytesSource(bytes("x")) });
    made.time.advance(60_000);
    assert.deepEqual(made.failures, [report]);
  });
});
