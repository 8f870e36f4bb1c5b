import assert from "node:assert/strict";
import { bc66Mqtt } from "../../../drivers/bc66/mqtt.js";
import type { Failure } from "../../../modules/diagnosis/failure.js";
import { MQTTError } from "../../../modules/mqtt/error.js";
import type { MqttSettings } from "../../simulator/modem/mqtt-settings.js";
import { ScriptedBroker } from "../simulator/mqtt-support.js";
import { Bc66Bench, pattern, type Bc66BenchSettings } from "./bench.js";
import { App, type Scene } from "./module-mqtt-support.js";

interface Stage {
  readonly bench: Bc66Bench;
  readonly broker: ScriptedBroker;
  readonly app: App;
}

async function stage(
  scene: Scene = {},
  mqtt: Partial<MqttSettings> = {},
  more: Bc66BenchSettings = {},
): Promise<Stage> {
  const bench = await new Bc66Bench({ ...more, settings: { ...more.settings, mqtt } }).goOnline();
  return {
    bench,
    broker: new ScriptedBroker(bench.network),
    app: new App(bench, { dialect: bc66Mqtt, ...scene }),
  };
}

async function failed({ bench, app }: Stage): Promise<Failure | undefined> {
  await bench.until("end", () => app.errors > 0);
  await bench.pass(120_000);
  assert.equal(app.errors, 1);
  assert.equal(app.failures.length, 1);
  return app.failures[0];
}

describe("MQTT by the BC66", () => {
  it("sets the client up, opens and connects", async () => {
    const { bench, broker, app } = await stage({
      user: "u",
      password: "p".repeat(256),
      keepAlive: 9_000_000,
      clean: false,
      will: { topic: "gone", message: "m".repeat(255), QoS: 1, retain: true },
    });
    await app.connect();
    assert.deepEqual(bench.sent("AT+QMT"), [
      "AT+QMTOPEN?",
      'AT+QMTCFG="ssl",0,0',
      'AT+QMTCFG="dataformat",0,1,1',
      'AT+QMTCFG="version",0,4',
      'AT+QMTCFG="session",0,0',
      'AT+QMTCFG="keepalive",0,3600',
      'AT+QMTCFG="timeout",0,30,1,0',
      `AT+QMTCFG="will",0,1,1,1,"gone","${"m".repeat(255)}"`,
      'AT+QMTOPEN=0,"broker.test",1883',
      `AT+QMTCONN=0,"device","u","${"p".repeat(256)}"`,
    ]);
    const connect = broker.last("connect");
    assert.equal(String(connect.password), "p".repeat(256));
    assert.equal(connect.clean, false);
    assert.equal(connect.will?.topic, "gone");
    assert.ok(!bench.trace.some(line => line.includes("ppp")));
  });

  for (const qos of [0, 1, 2] as const)
    for (const byteLength of [0, 1, 256, 350])
      it(`publishes ${String(byteLength)} bytes with QoS ${String(qos)}, whatever they are`, async () => {
        const { bench, broker, app } = await stage();
        const client = await app.connect();
        const payload = Uint8Array.from({ length: byteLength }, (_, i) => i);
        app.publish(client, payload, { qos, topic: "a/b" });
        await bench.until("result", () => app.results.length > 0);
        assert.deepEqual(app.results, [undefined]);
        const packet = broker.last("publish");
        assert.deepEqual(Uint8Array.from(Buffer.from(packet.payload)), payload);
        assert.deepEqual([packet.topic, packet.qos], ["a/b", qos]);
      });

  it("refuses more than a command takes", async () => {
    const { app } = await stage();
    const client = await app.connect();
    assert.throws(
      () => client.publish({ topic: "t", payload: { byteLength: 351, read: () => 0 } }),
      MQTTError,
    );
  });

  it("receives whatever bytes come, in the order in which they come, amid its own commands", async () => {
    const { bench, broker, app } = await stage();
    const client = await app.connect();
    app.subscribe(client, "in/#", 2);
    await bench.until("grant", () => app.grants.length > 0);
    const payloads = ['say "hi", twice: "",""', "\r\nOK\r\n+QMTSTAT: 0,1\r\n> ", "", "\0\x1a\x1b;", "last"];
    payloads.forEach((payload, i) => {
      app.publish(client, pattern(300), { qos: 1 });
      broker.send({
        cmd: "publish",
        topic: `in/${String(i)}`,
        payload: Buffer.from(payload, "latin1"),
        qos: i % 2 ? 1 : 0,
        messageId: 10 + i,
        dup: false,
        retain: false,
      });
    });
    await bench.until("messages", () => app.messages.length === 5 && app.results.length === 5);
    assert.deepEqual(
      app.messages.map(({ bytes }) => Buffer.from(bytes).toString("latin1")),
      payloads,
    );
    assert.deepEqual(
      app.messages.slice(0, 2).map(({ info }) => info),
      [
        { topic: "in/0", QoS: 0, byteLength: 22, more: false },
        { topic: "in/1", byteLength: payloads[1]?.length, more: false },
      ],
    );
    assert.equal(app.errors, 0);
  });

  it("keeps messages until the application reads them", async () => {
    const { bench, broker, app } = await stage();
    const client = await app.connect();
    app.reading = false;
    for (const payload of ["one", "two", "three"])
      broker.send({ cmd: "publish", topic: "t", payload, qos: 0, dup: false, retain: false });
    await bench.pass(5_000);
    assert.deepEqual(app.messages, []);
    app.reading = true;
    const first = bench.call(() => client.read());
    assert.equal(Buffer.from(first ?? new ArrayBuffer(0)).toString(), "one");
    await bench.until("others", () => app.messages.length === 2);
    assert.deepEqual(
      app.messages.map(({ bytes }) => Buffer.from(bytes).toString()),
      ["two", "three"],
    );
    const told: unknown[] = [];
    bench.modem.reportBuffers((...buffer) => told.push(buffer));
    assert.deepEqual(told.at(-1), ["MQTT receive", 1_024, "onetwothree".length]);
  });

  it("fails when a message is larger than its ring, and delivers none of it", async () => {
    const all = await stage({ receiveLength: 100 });
    await all.app.connect();
    all.broker.send({
      cmd: "publish",
      topic: "t",
      payload: "x".repeat(101),
      qos: 0,
      dup: false,
      retain: false,
    });
    assert.deepEqual(await failed(all), {
      kind: "limit",
      command: "+QMTRECV",
      detail: "no room for a message of 101 bytes",
    });
    assert.deepEqual(all.app.messages, []);
  });

  it("fails when a topic has a quotation mark, instead of guessing", async () => {
    const all = await stage();
    await all.app.connect();
    all.broker.send({ cmd: "publish", topic: 'a"b', payload: "x", qos: 0, dup: false, retain: false });
    assert.deepEqual(await failed(all), { kind: "malformed", command: "+QMTRECV", detail: "payload" });
  });

  for (const [what, host, port] of [
    ["the name is unknown", "nowhere.test", 1883],
    ["nobody listens", "broker.test", 1884],
  ] as const)
    it(`fails when ${what}, with all that the module tells`, async () => {
      const all = await stage({ host, port });
      all.app.open();
      assert.deepEqual(await failed(all), { kind: "connect", command: "AT+QMTOPEN", code: -1 });
    });

  for (const openUsedClient of ["result", "error"] as const)
    it(`goes on with a client that is open from before; opening it twice gives ${openUsedClient}`, async () => {
      const { bench, broker, app } = await stage({}, { openUsedClient });
      const first = new App(bench, { dialect: bc66Mqtt });
      await first.connect();
      // This side restarts: another driver's table is empty.
      bench.modem.extension(bc66Mqtt.Clients).detach(0);
      await app.connect();
      assert.equal(broker.connections, 2);
    });

  it("comes back by itself after the module restarted, at any moment", async () => {
    for (let ms = 0; ms < 1_500; ms += 110) {
      const { bench, app } = await stage();
      const stay = app.stay();
      app.subscribe(stay, "in");
      app.publish(stay, "kept", { qos: 1 });
      await bench.pass(ms);
      bench.module.module.power.crash();
      await bench.until(
        `result after ${String(ms)} ms`,
        () => app.results.length > 0 && app.grants.length > 0,
      );
      assert.deepEqual(app.results, [undefined]);
      bench.call(() => stay.close());
    }
  });
});
