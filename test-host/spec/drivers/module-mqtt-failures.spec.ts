import assert from "node:assert/strict";
import { openMqtt } from "../../../drivers/quectel/commands/mqtt.js";
import type { Failure } from "../../../modules/diagnosis/failure.js";
import { MQTTError } from "../../../modules/mqtt/error.js";
import type { Source } from "../../../modules/mqtt/source.js";
import type { MqttSettings } from "../../simulator/modem/mqtt-settings.js";
import { ScriptedBroker } from "../simulator/mqtt-support.js";
import { Bench, type BenchSettings } from "./bench.js";
import { App, type Scene } from "./module-mqtt-support.js";

interface Stage {
  readonly bench: Bench;
  readonly broker: ScriptedBroker;
  readonly app: App;
}

async function stage(
  scene: Scene = {},
  mqtt: Partial<MqttSettings> = {},
  more: BenchSettings = {},
): Promise<Stage> {
  const bench = await new Bench({ ...more, settings: { mqtt } }).goOnline();
  return { bench, broker: new ScriptedBroker(bench.network), app: new App(bench, scene) };
}

async function failed({ bench, app }: Stage): Promise<Failure | undefined> {
  await bench.until("end", () => app.errors > 0);
  // Nothing calls back afterwards, and nothing is held.
  await bench.pass(120_000);
  assert.equal(app.errors, 1);
  assert.equal(app.failures.length, 1);
  return app.failures[0];
}

describe("MQTT by the module fails typed", () => {
  for (const refusedResult of [0, 2] as const)
    for (const code of [1, 2, 3, 4, 5])
      it(`when the broker refuses with ${String(code)}, told with result ${String(refusedResult)}`, async () => {
        const all = await stage({}, { refusedResult });
        all.broker.connackCode = code;
        all.app.open();
        assert.deepEqual(await failed(all), { kind: "mqtt-refused", command: "CONNECT", code });
        assert.deepEqual(all.app.controls, [{ operation: 2, returnCode: code }]);
      });

  for (const connectFailure of ["both", "status-only"] as const)
    it(`when the broker is silent, told by ${connectFailure}`, async () => {
      const all = await stage({}, { connectFailure });
      all.broker.mute.add("connect");
      all.app.open();
      const reason = await failed(all);
      assert.equal(reason?.kind, "mqtt-timeout");
      assert.deepEqual(
        reason,
        connectFailure === "both"
          ? { kind: "mqtt-timeout", command: "CONNECT", detail: "CONNACK" }
          : { kind: "mqtt-timeout", command: "+QMTSTAT", code: 4 },
      );
    });

  for (const openFailure of ["urc", "final"] as const)
    for (const [what, host, port, kind, code] of [
      ["the name is unknown", "nowhere.test", 1883, "dns", 4],
      ["nobody listens", "broker.test", 1884, "connect", 5],
    ] as const)
      it(`when ${what}, told by ${openFailure}`, async () => {
        const all = await stage({ host, port }, { openFailure });
        all.app.open();
        assert.deepEqual(await failed(all), { kind, command: "AT+QMTOPEN", code });
      });

  it("when the broker hangs up, with the module's code", async () => {
    const all = await stage();
    await all.app.connect();
    all.broker.peer.end();
    assert.deepEqual(await failed(all), { kind: "peer-closed", command: "+QMTSTAT", code: 1 });
  });

  it("when the broker answers no ping", async () => {
    const all = await stage({ keepAlive: 20_000 });
    all.broker.mute.add("pingreq");
    await all.app.connect();
    assert.deepEqual(await failed(all), { kind: "mqtt-timeout", command: "+QMTSTAT", code: 2 });
  });

  for (const failedSendCloses of [true, false])
    it(`when a message is never acknowledged; the module ${failedSendCloses ? "gives up" : "goes on"}`, async () => {
      const all = await stage({ acknowledgeTimeout: 10_000 }, { failedSendCloses });
      all.broker.mute.add("publish");
      const client = await all.app.connect();
      all.app.publish(client, "x", { qos: 1 });
      assert.deepEqual(await failed(all), { kind: "mqtt-timeout", command: "AT+QMTPUB", code: 2 });
      assert.deepEqual(all.app.results, []);
      assert.equal(client.session.pending, 1);
    });

  it("when a subscription is never acknowledged", async () => {
    const all = await stage({ acknowledgeTimeout: 10_000 });
    all.broker.mute.add("subscribe");
    const client = await all.app.connect();
    all.app.subscribe(client, "a");
    assert.deepEqual(await failed(all), { kind: "mqtt-timeout", command: "AT+QMTSUB", code: 2 });
  });

  it("when a subscription is refused, which leaves the connection", async () => {
    const { bench, broker, app } = await stage();
    broker.granted = 128;
    const client = await app.connect();
    app.subscribe(client, "secret");
    await bench.until("grant", () => app.grants.length > 0);
    assert.deepEqual(app.grants, [
      { kind: "mqtt-subscribe", command: "SUBSCRIBE", code: 128, detail: "secret" },
    ]);
    assert.equal(app.errors, 0);
  });

  it("when a message is larger than its ring, and delivers none of it", async () => {
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

  it("when the payload of a message cannot be read, which is given up and never sent in another form", async () => {
    const { bench, broker, app } = await stage();
    const client = await app.connect();
    const payload: Source = {
      byteLength: 10,
      read(view, offset) {
        if (offset >= 5) throw new Error("flash");
        view.fill(0x61, 0, 5);
        return Math.min(view.length, 5);
      },
    };
    const results: (Failure | undefined)[] = [];
    bench.call(() => client.publish({ topic: "t", qos: 1, payload, done: report => results.push(report) }));
    await bench.until("result", () => results.length > 0);
    await bench.pass(120_000);
    assert.deepEqual(results, [{ kind: "storage", command: "PUBLISH", detail: "payload" }]);
    assert.ok(!broker.names.includes("publish"));
  });

  for (const callback of ["onControl", "onReadable", "onWritable"] as const)
    it(`when ${callback} throws`, async () => {
      const all = await stage({
        [callback]() {
          throw new Error("mine");
        },
      });
      all.app.open();
      if (callback === "onReadable") {
        await all.bench.until("connection", () => all.app.connected);
        all.broker.send({ cmd: "publish", topic: "t", payload: "x", qos: 0, dup: false, retain: false });
      }
      assert.deepEqual(await failed(all), { kind: "exception", command: callback, detail: "mine" });
    });

  it("when the function that gives the password throws, without its words", async () => {
    const all = await stage({
      password: () => {
        throw new Error("token abc");
      },
    });
    all.app.open();
    assert.deepEqual(await failed(all), { kind: "exception", command: "password", detail: "" });
    assert.deepEqual(all.bench.sent("AT+QMT"), []);
  });

  const refused: readonly [what: string, scene: Scene, kind: string, detail: string, command?: string][] = [
    ["a host over 100 bytes", { host: "h".repeat(101) }, "limit", "host over 100 bytes", "AT+QMTOPEN"],
    ["an identifier over 128 bytes", { id: "i".repeat(129) }, "limit", "client identifier over 128 bytes"],
    ["a user name over 256 bytes", { user: "u".repeat(257) }, "limit", "user name over 256 bytes"],
    [
      "a password over 256 bytes",
      { user: "u", password: () => new Uint8Array(257).fill(0x61) },
      "limit",
      "password over 256 bytes",
    ],
    [
      "a quotation mark in a password",
      { password: 'a"b' },
      "argument",
      "password with a character that AT commands cannot carry",
    ],
    [
      "an identifier that is not ASCII",
      { id: "Gerät" },
      "argument",
      "client identifier with a character that AT commands cannot carry",
    ],
    [
      "a line end in a user name",
      { user: Uint8Array.of(0x61, 0x0d) },
      "argument",
      "user name with a character that AT commands cannot carry",
    ],
    [
      "a will over 255 bytes",
      { will: { topic: "t", message: "m".repeat(256) } },
      "limit",
      "will message over 255 bytes",
      "AT+QMTCFG",
    ],
    [
      "a will's topic over 255 bytes",
      { will: { topic: "t".repeat(256) } },
      "limit",
      "will topic over 255 bytes",
      "AT+QMTCFG",
    ],
  ];
  for (const [what, scene, kind, detail, command = "AT+QMTCONN"] of refused)
    it(`on ${what}, before anything is sent`, async () => {
      const all = await stage(scene);
      all.app.open();
      assert.deepEqual(await failed(all), { kind, command, detail });
      assert.deepEqual(all.bench.sent("AT+QMT"), []);
    });

  const thrown: readonly [what: string, topic: string, byteLength: number, kind: string][] = [
    ["a topic over 255 bytes", "t".repeat(256), 1, "limit"],
    ["a quotation mark in a topic", 'a"b', 1, "argument"],
    ["a topic that is not ASCII", "tür", 1, "argument"],
    ["a payload over 4,096 bytes", "t", 4_097, "limit"],
  ];
  for (const [what, topic, byteLength, kind] of thrown)
    it(`on ${what}: publish throws, and a message that waited in the session is given up`, async () => {
      const { bench, app } = await stage();
      const client = await app.connect();
      const payload = { byteLength, read: () => 0 };
      assert.throws(
        () => client.publish({ topic, payload }),
        error => error instanceof MQTTError && error.report.kind === kind,
      );
      const results: (Failure | undefined)[] = [];
      client.session.publish({ topic, payload, done: report => results.push(report) });
      app.publish(client, "next", { qos: 1 });
      await bench.until("results", () => app.results.length > 0);
      assert.equal(results[0]?.kind, kind);
      assert.deepEqual(app.results, [undefined]);
    });

  it("on a topic filter that the line cannot carry: subscribe throws, and one in the session is given up", async () => {
    const { bench, app } = await stage();
    const client = await app.connect();
    assert.throws(() => client.subscribe([{ topic: 'a"b' }]), MQTTError);
    const results: (Failure | undefined)[] = [];
    client.session.subscribe([{ topic: 'a"b', done: report => results.push(report) }]);
    app.subscribe(client, "ok");
    await bench.until("grant", () => app.grants.length > 0);
    assert.deepEqual(app.grants, [1]);
    assert.equal(results[0]?.kind, "argument");
  });

  it("for want of a free client, of which the module has six", async () => {
    const { bench, app } = await stage();
    for (let i = 0; i < 6; i++) app.open();
    const last = new App(bench);
    last.open();
    await bench.until("end", () => last.errors > 0);
    assert.deepEqual(last.failures, [
      { kind: "limit", command: "AT+QMTOPEN", detail: "all clients are in use" },
    ]);
  });

  it("without a network, and asks the module for nothing", async () => {
    const bench = new Bench();
    const app = new App(bench);
    app.open();
    await bench.until("end", () => app.errors > 0);
    assert.deepEqual(app.failures, [{ kind: "network-lost", detail: "off" }]);
  });
});

describe("MQTT by the module goes on", () => {
  it("with a client that the module has open from before a restart on this side", async () => {
    const { bench, broker, app } = await stage();
    bench.modem.channel.run(openMqtt, [0, "broker.test", 1883]);
    await bench.until("connection", () => broker.connections === 1);
    await bench.pass(1_000);
    await app.connect();
    assert.equal(broker.connections, 2);
    assert.equal(bench.sent("AT+QMTCLOSE=0").length, 1);
  });

  for (const closeAfterDisconnect of ["ok-only", "error", "result"] as const)
    for (const statAfterDisconnect of [true, false])
      it(`after taking leave; AT+QMTCLOSE is then answered by ${closeAfterDisconnect}, ${
        statAfterDisconnect ? "with" : "without"
      } +QMTSTAT`, async () => {
        const all = await stage({}, { closeAfterDisconnect, statAfterDisconnect });
        const client = await all.app.connect();
        assert.equal(client.disconnect(), true);
        assert.equal(client.disconnect(), false);
        assert.deepEqual(await failed(all), { kind: "peer-closed", command: "DISCONNECT" });
        assert.ok(all.broker.names.includes("disconnect"));
        const next = new App(all.bench);
        await next.connect();
        assert.deepEqual(all.bench.sent("AT+QMTOPEN=").length, 2);
      });

  it("by itself after the broker hung up, with what was not acknowledged and its subscriptions", async () => {
    const { bench, broker, app } = await stage();
    const stay = app.stay();
    app.subscribe(stay, "in");
    await bench.until("grant", () => app.grants.length > 0);
    broker.mute.add("publish");
    app.publish(stay, "again", { qos: 2 });
    await bench.until("publish", () => broker.names.includes("publish"));
    broker.mute.clear();
    broker.peer.end();
    await bench.until("result", () => app.results.length > 0);
    assert.deepEqual(app.results, [undefined]);
    assert.equal(broker.connections, 2);
    assert.equal(broker.names.filter(name => name === "subscribe").length, 2);
    bench.call(() => stay.close());
    await bench.pass(60_000);
    assert.equal(broker.names.at(-1), "disconnect");
  });

  it("by itself after the module restarted at any moment, without a doubled callback or a message lost", async () => {
    for (let ms = 0; ms < 1_500; ms += 70) {
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

  it("without a callback after close, at whatever moment, and leaves no client behind", async () => {
    for (let ms = 0; ms < 1_200; ms += 25) {
      const { bench, app } = await stage();
      const client = app.open();
      await bench.pass(ms);
      const told = app.controls.length + app.rooms;
      bench.call(() => client.close());
      bench.call(() => client.close());
      await bench.pass(60_000);
      assert.equal(app.controls.length + app.rooms, told);
      assert.equal(app.errors, 0);
      assert.ok(!bench.module.module.mqtt.isAnyOpen, `a client is open after ${String(ms)} ms`);
      await new App(bench).connect();
    }
  });

  it("reading a message in pieces, in the callback and outside", async () => {
    const { bench, broker, app } = await stage();
    const pieces: string[] = [];
    const counts: number[] = [];
    const text = (bytes: ArrayBuffer | undefined): string =>
      Buffer.from(bytes ?? new ArrayBuffer(0)).toString();
    const careful = new App(bench, {
      onReadable(count) {
        counts.push(count);
        if (counts.length < 3) pieces.push(text(this.read(2)));
      },
    });
    const client = await careful.connect();
    for (const payload of ["abcdefgh", "second"])
      broker.send({ cmd: "publish", topic: "t", payload, qos: 0, dup: false, retain: false });
    await bench.until("pieces", () => counts.length === 3);
    await bench.pass(1_000);
    assert.deepEqual(counts, [8, 6, 4]);
    const view = new Uint8Array(3);
    assert.equal(
      bench.call(() => client.read(view)),
      3,
    );
    assert.equal(Buffer.from(view).toString(), "efg");
    pieces.push(text(bench.call(() => client.read())));
    assert.equal(
      bench.call(() => client.read()),
      undefined,
    );
    assert.deepEqual(pieces, ["ab", "cd", "h"]);
    await bench.until("second", () => counts.length === 4);
    assert.equal(counts[3], 6);
    assert.equal(app.errors, 0);
  });

  it("and drops what nobody wants to read", async () => {
    const { bench, broker, app } = await stage({ unread: true });
    await app.connect();
    for (let i = 0; i < 20; i++) {
      broker.send({
        cmd: "publish",
        topic: "t",
        payload: "x".repeat(1_000),
        qos: 0,
        dup: false,
        retain: false,
      });
      await bench.pass(1_000);
    }
    assert.equal(app.errors, 0);
    assert.equal(bench.sent("AT+QMTRECV=0,").length, 20);
  });
});
