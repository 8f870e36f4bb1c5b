import assert from "node:assert/strict";
import { ScriptedBroker } from "../simulator/mqtt-support.js";
import { Bench, pattern, type BenchSettings } from "./bench.js";
import { App, type Scene } from "./module-mqtt-support.js";

interface Stage {
  readonly bench: Bench;
  readonly broker: ScriptedBroker;
  readonly app: App;
}

async function stage(scene: Scene = {}, settings: BenchSettings = {}): Promise<Stage> {
  const bench = await new Bench(settings).goOnline();
  return { bench, broker: new ScriptedBroker(bench.network), app: new App(bench, scene) };
}

describe("MQTT by the BG95", () => {
  it("sets the client up, opens and connects", async () => {
    const { bench, broker, app } = await stage({
      id: "meter",
      user: "u",
      password: () => Uint8Array.from([0x70, 0x77]),
      keepAlive: 90_000,
    });
    await app.connect();
    assert.deepEqual(bench.sent("AT+QMT"), [
      "AT+QMTOPEN?",
      'AT+QMTCFG="ssl",0,0',
      'AT+QMTCFG="pdpcid",0,1',
      'AT+QMTCFG="recv/mode",0,1,1',
      'AT+QMTCFG="version",0,4',
      'AT+QMTCFG="session",0,1',
      'AT+QMTCFG="keepalive",0,90',
      'AT+QMTCFG="timeout",0,30,1,0',
      'AT+QMTCFG="will",0,0',
      'AT+QMTOPEN=0,"broker.test",1883',
      'AT+QMTCONN=0,"meter","u","pw"',
    ]);
    const connect = broker.last("connect");
    assert.equal(connect.clientId, "meter");
    assert.equal(connect.protocolVersion, 4);
    assert.equal(connect.keepalive, 90);
    assert.deepEqual(app.controls, [{ operation: 2, returnCode: 0 }]);
    await bench.until("room", () => app.rooms === 1);
  });

  for (const qos of [0, 1, 2] as const)
    it(`publishes with QoS ${String(qos)}, whatever the bytes are`, async () => {
      const { broker, app } = await stage();
      const client = await app.connect();
      const payload = Uint8Array.from({ length: 256 }, (_, i) => i);
      app.publish(client, payload, { qos, retain: true, topic: "a/b" });
      await app.bench.until("result", () => app.results.length > 0);
      assert.deepEqual(app.results, [undefined]);
      const packet = broker.last("publish");
      assert.deepEqual(Uint8Array.from(Buffer.from(packet.payload)), payload);
      assert.deepEqual([packet.topic, packet.qos, packet.retain], ["a/b", qos, true]);
      assert.equal(client.session.pending, 0);
    });

  it("publishes an empty message, which takes a retained one away", async () => {
    const { broker, app } = await stage();
    const client = await app.connect();
    app.publish(client, "", { qos: 1, retain: true });
    await app.bench.until("result", () => app.results.length > 0);
    assert.deepEqual(app.results, [undefined]);
    assert.equal(broker.last("publish").payload.length, 0);
  });

  it("publishes the longest message that the module takes", async () => {
    const { broker, app } = await stage();
    const client = await app.connect();
    const payload = pattern(4_096);
    app.publish(client, payload, { qos: 1 });
    await app.bench.until("result", () => app.results.length > 0);
    assert.deepEqual(Uint8Array.from(Buffer.from(broker.last("publish").payload)), payload);
  });

  it("has five messages in flight and no more", async () => {
    const { bench, broker, app } = await stage();
    broker.mute.add("publish");
    const client = await app.connect();
    for (let i = 0; i < 7; i++) app.publish(client, String(i), { qos: 1 });
    await bench.pass(5_000);
    assert.equal(bench.sent("AT+QMTPUB=").length, 5);
    for (const packet of broker.packets.filter(({ cmd }) => cmd === "publish"))
      broker.send({ cmd: "puback", messageId: packet.messageId ?? 0 });
    broker.mute.clear();
    await bench.until("all results", () => app.results.length === 7);
    assert.deepEqual(app.results, Array(7).fill(undefined));
    assert.deepEqual(
      broker.packets.flatMap(packet => (packet.cmd === "publish" ? [packet.payload.toString()] : [])),
      ["0", "1", "2", "3", "4", "5", "6"],
    );
  });

  it("receives whatever bytes come, in the order in which they come", async () => {
    const { bench, broker, app } = await stage();
    const client = await app.connect();
    app.subscribe(client, "in/#", 2);
    await bench.until("grant", () => app.grants.length > 0);
    assert.deepEqual(app.grants, [2]);
    const payloads = [
      'say "hi", twice: "","',
      "\r\nOK\r\n\r\n+QMTRECV: 0,1\r\nERROR\r\n> ",
      "",
      "\0\x1a\x1b",
      "last",
    ];
    payloads.forEach((payload, i) =>
      broker.send({
        cmd: "publish",
        topic: `in/${String(i)}`,
        payload: Buffer.from(payload, "latin1"),
        qos: 1,
        messageId: 10 + i,
        dup: false,
        retain: false,
      }),
    );
    await bench.until("messages", () => app.messages.length === 5);
    assert.deepEqual(
      app.messages.map(({ bytes }) => Buffer.from(bytes).toString("latin1")),
      payloads,
    );
    assert.deepEqual(app.messages[1]?.info, { topic: "in/1", byteLength: payloads[1]?.length, more: false });
  });
});
