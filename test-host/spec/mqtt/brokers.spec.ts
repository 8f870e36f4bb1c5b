import mqtt from "mqtt";
import assert from "node:assert/strict";
import { clock, random, timer } from "../../../hosts/workstation/services.js";
import { NodeResolver, NodeTCP, type NodeSocketOptions } from "../../../hosts/workstation/sockets.js";
import type { Failure } from "../../../modules/diagnosis/failure.js";
import { MQTTClient } from "../../../modules/mqtt/client.js";
import type { MQTTClientOptions } from "../../../modules/mqtt/options.js";
import { ReconnectingMQTTClient } from "../../../modules/mqtt/reconnect.js";
import { Session, type Message } from "../../../modules/mqtt/session.js";
import { BytesSource } from "../../../modules/mqtt/source.js";
import { aedesTCP, aedesTLS, mosquitto, mosquittoPath, type RealBroker } from "./real-brokers.js";
import { bytes, join, text } from "./support.js";

interface Received {
  readonly topic: string;
  readonly QoS: number;
  readonly retain: boolean;
  readonly payload: Uint8Array;
}

/** Things that come, in order, for whoever waits for the next. */
class Queue<T> {
  private readonly things: T[] = [];
  private waiting: ((thing: T) => void) | undefined;

  push(thing: T): void {
    const { waiting } = this;
    this.waiting = undefined;
    if (waiting) waiting(thing);
    else this.things.push(thing);
  }

  async next(): Promise<T> {
    const thing = this.things.shift();
    if (thing !== undefined) return thing;
    return new Promise(resolve => (this.waiting = resolve));
  }
}

class Peer {
  readonly messages = new Queue<Received>();
  readonly failures = new Queue<Failure>();
  readonly connections = new Queue<boolean>();
  client: MQTTClient | undefined;
  private pieces: Uint8Array[] = [];
  private head: Omit<Received, "payload"> = { topic: "", QoS: 0, retain: false };

  options(
    broker: Pick<RealBroker, "port" | "socket">,
    more: Partial<MQTTClientOptions<MQTTClient>> = {},
  ): MQTTClientOptions<MQTTClient> {
    return {
      host: "127.0.0.1",
      port: broker.port,
      id: `device-${Math.random().toString(36).slice(2)}`,
      keepAlive: 60_000,
      dns: { io: NodeResolver },
      socket: broker.socket,
      timer,
      clock,
      onControl: message => {
        if (message.operation === 2) this.connections.push(message.sessionPresent ?? false);
      },
      onReadable: (count, info) => {
        if (info.topic !== undefined) {
          this.head = { topic: info.topic, QoS: info.QoS ?? 0, retain: info.retain ?? false };
          this.pieces = [];
        }
        this.pieces.push(new Uint8Array(this.client?.read(count) ?? new ArrayBuffer(0)));
        if (!info.more) this.messages.push({ ...this.head, payload: join(this.pieces) });
      },
      failure: report => this.failures.push(report),
      ...more,
    };
  }

  /** Resolves with whether the broker had kept the session. */
  async connect(
    broker: Pick<RealBroker, "port" | "socket">,
    more: Partial<MQTTClientOptions<MQTTClient>> = {},
  ): Promise<boolean> {
    this.client = new MQTTClient(this.options(broker, more));
    return this.connections.next();
  }

  async publish(message: Omit<Message, "done">): Promise<Failure | undefined> {
    return new Promise(resolve => this.client?.publish({ ...message, done: resolve }));
  }

  async subscribe(topic: string, QoS: 0 | 1 | 2): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      this.client?.subscribe([
        {
          topic,
          QoS,
          done: (report, granted) => (report ? reject(new Error(report.kind)) : resolve(granted)),
        },
      ]);
    });
  }
}

async function nextMessage(other: mqtt.MqttClient): Promise<[topic: string, payload: string]> {
  return new Promise(resolve => other.once("message", (topic, payload) => resolve([topic, String(payload)])));
}

const BROKERS: [name: string, start: () => Promise<RealBroker>, installed: boolean][] = [
  ["aedes over TCP", aedesTCP, true],
  ["aedes over TLS with client certificates", aedesTLS, true],
  ["mosquitto", mosquitto, mosquittoPath !== undefined || process.env["CI"] !== undefined],
];

for (const [name, start, installed] of BROKERS) {
  (installed ? describe : describe.skip)(`mqtt client and ${name}`, () => {
    let broker: RealBroker;
    const peers: Peer[] = [];
    const others: mqtt.MqttClient[] = [];

    const peer = (): Peer => {
      const made = new Peer();
      peers.push(made);
      return made;
    };
    const mqttjs = async (): Promise<mqtt.MqttClient> => {
      const made = await mqtt.connectAsync(broker.url, { ...broker.options, reconnectPeriod: 0 });
      others.push(made);
      return made;
    };

    before(async () => {
      broker = await start();
    });
    afterEach(async () => {
      for (const made of peers.splice(0)) made.client?.close();
      for (const other of others.splice(0)) await other.endAsync(true);
    });
    after(async () => broker.stop());

    for (const qos of [0, 1, 2] as const) {
      it(`sends to mqtt.js and receives from it with QoS ${qos}`, async () => {
        const device = peer();
        const other = await mqttjs();
        await other.subscribeAsync("up/+", { qos: 2 });
        assert.equal(await device.connect(broker), false);
        assert.equal(await device.subscribe("down/#", qos), qos);
        const arrived = nextMessage(other);
        assert.equal(
          await device.publish({ topic: "up/ä", qos, payload: new BytesSource(bytes("hello")) }),
          undefined,
        );
        assert.deepEqual(await arrived, ["up/ä", "hello"]);
        await other.publishAsync("down/😀", "welcome", { qos });
        const message = await device.messages.next();
        assert.deepEqual(
          { ...message, payload: text(message.payload) },
          {
            topic: "down/😀",
            QoS: qos,
            retain: false,
            payload: "welcome",
          },
        );
      });
    }

    it("carries 100 KB both ways with every QoS, in order", async () => {
      const device = peer();
      await device.connect(broker);
      await device.subscribe("big", 2);
      const payloads = [0, 1, 2].map(qos => bytes(100_000).fill(qos, 0, 10));
      const done = payloads.map((payload, i) =>
        device.publish({
          topic: "big",
          qos: i === 0 ? 0 : i === 1 ? 1 : 2,
          payload: new BytesSource(payload),
        }),
      );
      assert.deepEqual(await Promise.all(done), [undefined, undefined, undefined]);
      const got = [await device.messages.next(), await device.messages.next(), await device.messages.next()];
      for (const payload of payloads) {
        assert.ok(got.some(message => Buffer.compare(message.payload, payload) === 0));
      }
    });

    it("streams 100 KB with write and onWritable, and reads 100 KB in pieces of at most 100 bytes", async () => {
      const device = peer();
      const payload = bytes(100_000);
      let at = 0;
      let got = Buffer.alloc(0);
      const view = new Uint8Array(100);
      const whole = new Promise<void>(resolve => {
        device.client = new MQTTClient(
          device.options(broker, {
            onControl(message) {
              if (message.operation === MQTTClient.CONNACK)
                this.write(null, { operation: MQTTClient.SUBSCRIBE, items: [{ topic: "loop" }] });
              if (message.operation !== MQTTClient.SUBACK) return;
              at = 50;
              this.write(payload.subarray(0, 50), { topic: "loop", byteLength: payload.length });
            },
            onWritable(room) {
              if (at === 0 || at === payload.length) return;
              const piece = payload.subarray(at, at + room);
              at += piece.length;
              this.write(piece);
            },
            onReadable(_, info) {
              const count = this.read(view);
              got = Buffer.concat([got, view.subarray(0, count)]);
              if (got.length === payload.length) resolve();
              else assert.ok(info);
            },
          }),
        );
      });
      await whole;
      assert.equal(Buffer.compare(got, payload), 0);
    });

    it("gets what was published while it was away, when the broker keeps the session", async () => {
      const session = new Session();
      const id = `kept-${Math.random().toString(36).slice(2)}`;
      const device = peer();
      assert.equal(await device.connect(broker, { id, clean: false, session }), false);
      await device.subscribe("away/#", 2);
      device.client?.close();
      const other = await mqttjs();
      await other.publishAsync("away/1", "one", { qos: 1 });
      await other.publishAsync("away/2", "two", { qos: 2 });
      assert.equal(await device.connect(broker, { id, clean: false, session }), true);
      const got = [await device.messages.next(), await device.messages.next()];
      assert.deepEqual(got.map(message => [message.topic, message.QoS, text(message.payload)]).sort(), [
        ["away/1", 1, "one"],
        ["away/2", 2, "two"],
      ]);
      device.client?.close();
      await device.connect(broker, { id, clean: true });
    });

    it("has its will published when it vanishes, and not after DISCONNECT", async () => {
      const other = await mqttjs();
      await other.subscribeAsync("will");
      const will = { topic: "will", message: "gone", QoS: 1 } as const;
      const polite = peer();
      await polite.connect(broker, { will: { ...will, message: "never" } });
      polite.client?.write(null, { operation: MQTTClient.DISCONNECT });
      await polite.failures.next();
      const device = peer();
      await device.connect(broker, { will });
      const arrived = nextMessage(other);
      device.client?.close();
      assert.deepEqual(await arrived, ["will", "gone"]);
    });

    it("retains, and receives what was retained", async () => {
      const device = peer();
      await device.connect(broker);
      await device.publish({ topic: "state", qos: 1, retain: true, payload: new BytesSource(bytes("on")) });
      await device.subscribe("state", 1);
      const message = await device.messages.next();
      assert.deepEqual([message.retain, text(message.payload)], [true, "on"]);
      await device.publish({ topic: "state", qos: 1, retain: true, payload: new BytesSource(bytes(0)) });
    });

    it("gets nothing more after UNSUBSCRIBE", async () => {
      const device = peer();
      await device.connect(broker);
      await device.subscribe("a", 0);
      await device.subscribe("b", 0);
      await new Promise<void>(resolve => device.client?.unsubscribe([{ topic: "a", done: () => resolve() }]));
      const other = await mqttjs();
      await other.publishAsync("a", "no", { qos: 1 });
      await other.publishAsync("b", "yes", { qos: 1 });
      assert.equal(text((await device.messages.next()).payload), "yes");
    });

    it("pings and is answered", async () => {
      const device = peer();
      let pong: () => void = () => undefined;
      const answered = new Promise<void>(resolve => (pong = resolve));
      device.client = new MQTTClient(
        device.options(broker, {
          keepAlive: 1000,
          onControl: message => {
            if (message.operation === MQTTClient.PINGRESP) pong();
          },
        }),
      );
      await answered;
    });
  });
}

describe("mqtt client with real sockets", () => {
  it("is told a wrong password by its code", async () => {
    const broker = await aedesTCP({ password: "right" });
    const device = new Peer();
    device.client = new MQTTClient(device.options(broker, { user: "u", password: "wrong" }));
    const report = await device.failures.next();
    assert.deepEqual(report, { kind: "mqtt-refused", command: "CONNECT", code: 5 });
    const good = new Peer();
    await good.connect(broker, { user: "u", password: bytes("right") });
    good.client?.close();
    await broker.stop();
  });

  it("is told that nobody listens", async () => {
    const broker = await aedesTCP();
    await broker.stop();
    const device = new Peer();
    device.client = new MQTTClient(device.options(broker));
    const report = await device.failures.next();
    assert.equal(report.kind, "connect");
    assert.equal(report.detail, "ECONNREFUSED");
  });

  it("sends everything through a socket that takes 512 bytes at a time", async () => {
    const broker = await aedesTCP();
    class SmallSocket extends NodeTCP {
      constructor(options: NodeSocketOptions) {
        super({ ...options, capacity: 512 });
      }
    }
    const device = new Peer();
    await device.connect({ port: broker.port, socket: { io: SmallSocket } });
    await device.subscribe("t", 1);
    const payload = bytes(20_000);
    await device.publish({ topic: "t", qos: 1, payload: new BytesSource(payload) });
    assert.equal(Buffer.compare((await device.messages.next()).payload, payload), 0);
    device.client?.close();
    await broker.stop();
  });

  it("comes back after the broker was away, subscribes again and delivers what was published meanwhile", async () => {
    const first = await aedesTCP();
    const device = new Peer();
    const client: ReconnectingMQTTClient<MQTTClient> = new ReconnectingMQTTClient({
      io: MQTTClient,
      ...device.options(first, {
        clean: false,
        onControl: message => {
          device.client = client.client;
          if (message.operation === MQTTClient.CONNACK)
            device.connections.push(message.sessionPresent ?? false);
        },
      }),
      random,
      minimumDelay: 20,
      maximumDelay: 50,
    });
    assert.equal(await device.connections.next(), false);
    client.subscribe([{ topic: "loop", QoS: 1 }]);
    await first.stop();
    await device.failures.next();
    const delivered = new Promise<Failure | undefined>(resolve => {
      client.publish({ topic: "loop", qos: 1, payload: new BytesSource(bytes("back")), done: resolve });
    });
    const second = await aedesTCP({ port: first.port });
    assert.equal(await delivered, undefined);
    assert.equal(text((await device.messages.next()).payload), "back");
    client.close();
    await second.stop();
  });
});
