import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectPlain } from "node:net";
import { duplexPair } from "node:stream";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import mqtt, { type IClientOptions, MqttClient } from "mqtt";
import { Authority, type Issued } from "../../../certs/issue.js";
import {
  EmbeddedBroker,
  type BrokerMessage,
  type BrokerOptions,
  type BrokerRefusal,
} from "../../../hosts/workstation/broker.js";
import { matchesTopic } from "../../../hosts/workstation/topic-filter.js";

/** What a broker told, in order, and a way to wait for it without looking at a clock. */
class Witness {
  readonly messages: BrokerMessage[] = [];
  readonly refusals: BrokerRefusal[] = [];
  readonly events: string[] = [];
  #waiting: { done: () => boolean; resolve: () => void }[] = [];

  readonly hooks = {
    onMessage: (message: BrokerMessage) => this.#note(() => this.messages.push(message)),
    onRefusal: (refusal: BrokerRefusal) => this.#note(() => this.refusals.push(refusal)),
    onConnect: (client: string) => this.#note(() => this.events.push(`connect ${client}`)),
    onDisconnect: (client: string) => this.#note(() => this.events.push(`disconnect ${client}`)),
    onSubscribe: (client: string, filter: string) =>
      this.#note(() => this.events.push(`subscribe ${client} ${filter}`)),
    onCommandSent: (client: string, topic: string) =>
      this.#note(() => this.events.push(`sent ${client} ${topic}`)),
    onAcknowledged: (client: string) => this.#note(() => this.events.push(`acknowledged ${client}`)),
  } satisfies BrokerOptions;

  #note(add: () => void): void {
    add();
    this.#waiting = this.#waiting.filter(one => {
      if (!one.done()) return true;
      one.resolve();
      return false;
    });
  }

  until(done: () => boolean): Promise<void> {
    if (done()) return Promise.resolve();
    return new Promise(resolve => this.#waiting.push({ done, resolve }));
  }
}

describe("embedded broker", () => {
  let authority: Authority;
  let device: Issued;
  const open: { close(): Promise<void> }[] = [];
  const clients: MqttClient[] = [];

  before(async () => {
    authority = await Authority.create({ commonName: "Test CA" });
    device = await authority.client({ commonName: "device-1" });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.end(true);
    for (const one of open.splice(0)) await one.close();
  });

  async function start(options: BrokerOptions = {}): Promise<{ broker: EmbeddedBroker; seen: Witness }> {
    const seen = new Witness();
    const broker = await EmbeddedBroker.start({ authority, ...seen.hooks, ...options });
    open.push(broker);
    return { broker, seen };
  }

  function connect(broker: EmbeddedBroker, options: IClientOptions = {}): MqttClient {
    const client = mqtt.connect({
      protocol: "mqtts",
      host: "127.0.0.1",
      port: broker.port,
      ca: authority.certificatePem,
      cert: device.certificatePem,
      key: device.keyPem,
      clientId: "device-1",
      reconnectPeriod: 0,
      ...options,
    });
    client.on("error", () => undefined);
    clients.push(client);
    return client;
  }

  /** A TLS client that shows no certificate and says nothing. */
  function knock(broker: EmbeddedBroker, options: ConnectionOptions): void {
    const target = { host: "127.0.0.1", port: broker.port, ca: authority.certificatePem };
    connectTls({ ...target, ...options }).on("error", () => undefined);
  }

  describe("reports as refused", () => {
    it("a client without a certificate", async () => {
      const { broker, seen } = await start();
      knock(broker, {});
      await seen.until(() => seen.refusals.length > 0);
      assert.deepEqual(
        seen.refusals.map(one => [one.stage, one.code]),
        [["tls", "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE"]],
      );
      assert.match(seen.refusals[0]?.reason ?? "", /showed no certificate/);
    });

    const clientsRefused: readonly (readonly [string, () => Promise<Issued>, RegExp])[] = [
      [
        "another authority",
        async () => (await Authority.create({ commonName: "Other CA" })).client({ commonName: "device-1" }),
        /authority that the broker does not trust/,
      ],
      ["an authority's own", () => Authority.create({ commonName: "self" }), /not meant for clients/],
      [
        "the right authority, but expired",
        () =>
          authority.client({
            commonName: "old",
            notBefore: new Date("2019-01-01"),
            notAfter: new Date("2020-01-01"),
          }),
        /has expired/,
      ],
      [
        "the right authority, but of the future",
        () =>
          authority.client({
            commonName: "new",
            notBefore: new Date("2090-01-01"),
            notAfter: new Date("2091-01-01"),
          }),
        /not valid yet/,
      ],
      [
        "the right authority, but for servers",
        () => authority.server({ commonName: "broker.test" }),
        /not meant for clients/,
      ],
    ];
    for (const [name, issue, reason] of clientsRefused) {
      it(`a client with a certificate of ${name}`, async () => {
        const { broker, seen } = await start();
        const client = await issue();
        connect(broker, { cert: client.certificatePem, key: client.keyPem });
        await seen.until(() => seen.refusals.length > 0);
        assert.equal(seen.refusals[0]?.stage, "tls");
        assert.match(seen.refusals[0].reason, reason);
        assert.deepEqual(seen.events, []);
      });
    }

    it("a client that does not trust the broker", async () => {
      const { broker, seen } = await start();
      const other = await Authority.create({ commonName: "Other CA" });
      connect(broker, { ca: other.certificatePem });
      await seen.until(() => seen.refusals.length > 0);
      assert.equal(seen.refusals[0]?.stage, "tls");
      assert.deepEqual(seen.events, []);
    });

    it("a client whose suites do not fit the broker's", async () => {
      const { broker, seen } = await start({
        tls: { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" },
      });
      knock(broker, { ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384", maxVersion: "TLSv1.2" });
      await seen.until(() => seen.refusals.length > 0);
      assert.match(seen.refusals[0]?.reason ?? "", /no cipher suite in common/);
    });

    it("a client of an older TLS version", async () => {
      const { broker, seen } = await start({ tls: { minVersion: "TLSv1.3" } });
      knock(broker, { maxVersion: "TLSv1.2" });
      await seen.until(() => seen.refusals.length > 0);
      assert.match(seen.refusals[0]?.reason ?? "", /no TLS version in common/);
    });

    it("a client that speaks no TLS at all", async () => {
      const { broker, seen } = await start();
      const socket = connectPlain(broker.port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\n\r\n"));
      socket.on("error", () => undefined);
      await seen.until(() => seen.refusals.length > 0);
      assert.match(seen.refusals[0]?.reason ?? "", /HTTP|else than TLS/);
    });

    it("a client of MQTT 5", async () => {
      const { broker, seen } = await start();
      connect(broker, { protocolVersion: 5 });
      await seen.until(() => seen.refusals.length > 0);
      assert.equal(seen.refusals[0]?.stage, "mqtt");
      assert.match(seen.refusals[0].reason, /protocol version/);
    });

    for (const code of [2, 3, 4, 5] as const) {
      it(`a client that is turned away with CONNACK code ${code}`, async () => {
        const { broker, seen } = await start({
          refuseConnect: (_, user) => (user === "wrong" ? code : undefined),
        });
        const client = connect(broker, { username: "wrong", password: "x" });
        const error = await new Promise<Error>(resolve => client.once("error", resolve));
        assert.equal("code" in error ? error.code : undefined, code);
        await seen.until(() => seen.refusals.length > 0);
        assert.equal(seen.refusals[0]?.stage, "mqtt");
      });
    }
  });

  it("takes a message over mutual TLS and tells who sent it", async () => {
    const { broker, seen } = await start();
    const payload = Buffer.from([0, 1, 0xff, 0x1a]);
    connect(broker).publish("device-1/up", payload, { qos: 1, retain: true });
    await seen.until(() => seen.messages.length > 0);
    assert.deepEqual(seen.messages, [
      {
        client: "device-1",
        topic: "device-1/up",
        payload: Uint8Array.from(payload),
        qos: 1,
        retain: true,
        duplicate: false,
      },
    ]);
    assert.deepEqual(seen.refusals, []);
  });

  it("takes a client with an RSA key when everything is RSA", async () => {
    const { broker, seen } = await start({
      authority: await Authority.create({ commonName: "RSA CA", key: "RSA-2048" }),
      key: "RSA-2048",
      tls: { maxVersion: "TLSv1.2", ciphers: "ECDHE-RSA-AES128-GCM-SHA256" },
    });
    const client = await broker.issueClient("device-rsa");
    connect(broker, { ca: broker.authority.certificatePem, cert: client.certificatePem, key: client.keyPem });
    await seen.until(() => seen.events.includes("connect device-1"));
  });

  it("takes clients of another authority that it is told to trust", async () => {
    const other = await Authority.create({ commonName: "Other CA" });
    const { broker, seen } = await start({ trust: [other.certificate] });
    const client = await other.client({ commonName: "device-2" });
    connect(broker, { cert: client.certificatePem, key: client.keyPem });
    await seen.until(() => seen.events.includes("connect device-1"));
  });

  it("answers to the names that it is given", async () => {
    const { broker } = await start({ names: ["broker.test"] });
    const options = {
      port: broker.port,
      ca: authority.certificatePem,
      cert: device.certificatePem,
      key: device.keyPem,
    };
    const socket = connectTls({ ...options, host: "127.0.0.1", servername: "broker.test" });
    await once(socket, "secureConnect");
    assert.equal(socket.authorized, true);
    socket.destroy();
  });

  it("holds a command back until a client has subscribed, and tells when it was acknowledged", async () => {
    const { broker, seen } = await start();
    broker.command("device-1/down", "first");
    broker.command("device-1/down", "second");
    broker.command("device-2/down", "for somebody else");
    const client = connect(broker);
    const received: string[] = [];
    client.on("message", (topic, payload) => received.push(`${topic} ${payload.toString()}`));
    client.subscribe("device-1/#", { qos: 1 });
    await seen.until(() => seen.events.filter(one => one.startsWith("acknowledged")).length === 2);
    assert.deepEqual(received, ["device-1/down first", "device-1/down second"]);
    assert.deepEqual(
      seen.events.filter(one => one.startsWith("sent")),
      ["sent device-1 device-1/down", "sent device-1 device-1/down"],
    );
    assert.deepEqual(broker.subscribers("device-2/down"), []);
  });

  it("sends a command at once to a client that is subscribed, and no more after it has left", async () => {
    const { broker, seen } = await start();
    const client = connect(broker);
    client.subscribe("down", { qos: 0 });
    await seen.until(() => seen.events.includes("subscribe device-1 down"));
    assert.deepEqual(broker.subscribers("down"), ["device-1"]);
    broker.command("down", "now", 0);
    assert.equal(await new Promise(resolve => client.once("message", resolve)), "down");
    client.end(true);
    await seen.until(() => seen.events.includes("disconnect device-1"));
    assert.deepEqual(broker.subscribers("down"), []);
  });

  it("knows the subscriptions of a session that continues", async () => {
    const { broker, seen } = await start();
    connect(broker, { clean: false }).subscribe("down", { qos: 1 });
    await seen.until(() => seen.events.includes("subscribe device-1 down"));
    broker.dropConnections();
    await seen.until(() => seen.events.includes("disconnect device-1"));
    connect(broker, { clean: false });
    await seen.until(() => seen.events.filter(one => one === "connect device-1").length === 2);
    assert.deepEqual(broker.subscribers("down"), ["device-1"]);
  });

  it("refuses a subscription that it is told to refuse", async () => {
    const { broker, seen } = await start({ refuseSubscription: (_, filter) => filter === "secret" });
    const client = connect(broker);
    const granted = await client
      .subscribeAsync({ secret: { qos: 1 }, open: { qos: 1 } })
      .catch((error: unknown) => error);
    await seen.until(() => seen.events.includes("subscribe device-1 open"));
    assert.deepEqual(broker.subscribers("secret"), []);
    assert.ok(granted !== undefined);
  });

  it("serves one end of a pair in memory as it serves its port", async () => {
    const { broker, seen } = await start();
    const [near, far] = duplexPair();
    broker.accept(far);
    const stream = (): ReturnType<typeof connectTls> =>
      connectTls({
        socket: near,
        ca: authority.certificatePem,
        cert: device.certificatePem,
        key: device.keyPem,
        servername: "localhost",
      });
    const client = new MqttClient(stream, { clientId: "in-memory", reconnectPeriod: 0 });
    clients.push(client);
    client.publish("up", "hello", { qos: 0 });
    await seen.until(() => seen.messages.length > 0);
    assert.equal(seen.messages[0]?.client, "in-memory");
  });

  it("serves plain TCP when it is told to", async () => {
    const { broker, seen } = await start({ security: "none" });
    const client = mqtt.connect({
      port: broker.port,
      host: "127.0.0.1",
      clientId: "plain",
      reconnectPeriod: 0,
    });
    clients.push(client);
    await seen.until(() => seen.events.includes("connect plain"));
  });

  it("lets clients in without a certificate when it is told to", async () => {
    const { broker, seen } = await start({ security: "server" });
    const client = mqtt.connect({
      protocol: "mqtts",
      host: "127.0.0.1",
      port: broker.port,
      ca: authority.certificatePem,
      clientId: "anybody",
      reconnectPeriod: 0,
    });
    clients.push(client);
    await seen.until(() => seen.events.includes("connect anybody"));
  });

  it("ends its connections when it closes, and may be closed again", async () => {
    const { broker, seen } = await start();
    const client = connect(broker);
    await seen.until(() => seen.events.includes("connect device-1"));
    const closed = new Promise<void>(resolve => client.once("close", resolve));
    await broker.close();
    await closed;
    await broker.close();
    assert.equal(broker.port, 0);
  });
});

describe("topic filter", () => {
  const table: readonly (readonly [string, string, boolean])[] = [
    ["a", "a", true],
    ["a", "b", false],
    ["a", "a/b", false],
    ["a/b", "a", false],
    ["a/+", "a/b", true],
    ["a/+", "a", false],
    ["a/+", "a/", true],
    ["a/+/c", "a/b/c", true],
    ["a/#", "a", true],
    ["a/#", "a/b/c", true],
    ["#", "a/b", true],
    ["+", "/a", false],
    ["+/+", "/a", true],
    ["#", "$SYS/x", false],
    ["+/x", "$SYS/x", false],
    ["$SYS/#", "$SYS/x", true],
  ];
  for (const [filter, topic, expected] of table) {
    it(`${filter} ${expected ? "matches" : "does not match"} ${topic}`, () => {
      assert.equal(matchesTopic(filter, topic), expected);
    });
  }
});
