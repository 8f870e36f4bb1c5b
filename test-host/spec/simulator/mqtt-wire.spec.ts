import assert from "node:assert/strict";
import type { TlsOptions } from "node:tls";
import type { MemoryPeer } from "../../simulator/memory-peer.js";
import { AtBench } from "./at-bench.js";
import { Authority } from "./authority.js";

/** A broker of nothing but bytes: keeps what comes, sends what it is told. */
class Wire {
  received = "";
  peer: MemoryPeer | undefined;

  constructor(at: AtBench) {
    at.network.serve(1883, peer => {
      this.peer = peer;
      peer.onData = bytes => (this.received += Buffer.from(bytes).toString("hex"));
    });
  }

  take(): string {
    const text = this.received;
    this.received = "";
    return text;
  }

  send(hex: string): void {
    this.peer?.write(Buffer.from(hex, "hex"));
  }
}

function hex(text: string): string {
  return Buffer.from(text, "latin1").toString("hex");
}

/** A length in two bytes, then the text. */
function field(text: string): string {
  return text.length.toString(16).padStart(4, "0") + hex(text);
}

describe("packets of the simulated module's MQTT client, byte by byte", () => {
  let at: AtBench;
  let wire: Wire;

  beforeEach(async () => {
    at = await AtBench.memory().ready();
    wire = new Wire(at);
  });

  async function connect(line = 'AT+QMTCONN=0,"me"', ...items: readonly string[]): Promise<string> {
    for (const item of items) await at.ask(`AT+QMTCFG=${item}`);
    await at.exchange('AT+QMTOPEN=0,"broker.test",1883\r', /QMTOPEN: 0,0/);
    await at.ask(line);
    await at.pass(1);
    const sent = wire.take();
    wire.send("20020000");
    await at.wait(/QMTCONN: 0,0,0/);
    return sent;
  }

  const connections: readonly [title: string, items: readonly string[], line: string, sent: string][] = [
    ["MQTT 3.1", [], 'AT+QMTCONN=0,"me"', `1010${field("MQIsdp")}0302` + "0078" + field("me")],
    ["MQTT 3.1.1", ['"version",0,4'], 'AT+QMTCONN=0,"me"', `100e${field("MQTT")}0402` + "0078" + field("me")],
    [
      "a kept session and another keep-alive",
      ['"version",0,4', '"session",0,0', '"keepalive",0,300'],
      'AT+QMTCONN=0,"me"',
      `100e${field("MQTT")}0400` + "012c" + field("me"),
    ],
    [
      "user and password",
      ['"version",0,4'],
      'AT+QMTCONN=0,"me","us","pass"',
      `1018${field("MQTT")}04c2` + "0078" + field("me") + field("us") + field("pass"),
    ],
    [
      "a user without password",
      ['"version",0,4'],
      'AT+QMTCONN=0,"me","us"',
      `1012${field("MQTT")}0482` + "0078" + field("me") + field("us"),
    ],
    [
      "a will, retained, QoS 2",
      ['"version",0,4', '"will",0,1,2,1,"w","bye"'],
      'AT+QMTCONN=0,"me"',
      `1016${field("MQTT")}0436` + "0078" + field("me") + field("w") + field("bye"),
    ],
  ];
  for (const [title, items, line, sent] of connections) {
    it(`CONNECT with ${title}`, async () => {
      assert.equal(await connect(line, ...items), sent);
    });
  }

  const requests: readonly [line: string, payload: string, sent: string][] = [
    ['AT+QMTSUB=0,7,"a/b",2', "", `82080007${field("a/b")}02`],
    ['AT+QMTSUB=0,256,"a",0,"b",1', "", `820a0100${field("a")}00${field("b")}01`],
    ['AT+QMTUNS=0,8,"a","b"', "", `a2080008${field("a")}${field("b")}`],
    ['AT+QMTPUB=0,0,0,0,"a",2', "hi", `3005${field("a")}${hex("hi")}`],
    ['AT+QMTPUB=0,0,0,1,"a",2', "hi", `3105${field("a")}${hex("hi")}`],
    ['AT+QMTPUB=0,9,1,0,"a",2', "hi", `3207${field("a")}0009${hex("hi")}`],
    ['AT+QMTPUB=0,9,2,1,"a",2', "hi", `3507${field("a")}0009${hex("hi")}`],
    ['AT+QMTPUB=0,0,0,0,"a",125', "x".repeat(125), `308001${field("a")}${"78".repeat(125)}`],
    ['AT+QMTPUBEX=0,0,0,0,"a","hi"', "", `3005${field("a")}${hex("hi")}`],
    ["AT+QMTDISC=0", "", "e000"],
  ];
  for (const [line, payload, sent] of requests) {
    it(line, async () => {
      await connect();
      await at.ask(line);
      if (payload !== "") at.type(payload);
      await at.pass(1);
      assert.equal(wire.take(), sent);
    });
  }

  it("a publication sent again has DUP, PUBREL sent again is the same", async () => {
    await connect();
    await at.ask('AT+QMTPUB=0,9,2,0,"a",2');
    at.type("hi");
    await at.pass(5_500);
    assert.equal(wire.take(), `3407${field("a")}0009${hex("hi")}` + `3c07${field("a")}0009${hex("hi")}`);
    wire.send("50020009");
    await at.pass(5_500);
    assert.equal(wire.take(), "62020009" + "62020009");
    wire.send("70020009");
    assert.match(await at.wait(/QMTPUB: .*\r\n/), /QMTPUB: 0,9,0/);
  });

  const incoming: readonly [title: string, sent: string, answered: string, heard: string][] = [
    ["QoS 0", `3005${field("a")}${hex("hi")}`, "", '+QMTRECV: 0,0,"a","hi"'],
    ["QoS 1", `3207${field("a")}000a${hex("hi")}`, "4002000a", '+QMTRECV: 0,10,"a","hi"'],
    ["QoS 2", `3407${field("a")}000a${hex("hi")}`, "5002000a", '+QMTRECV: 0,10,"a","hi"'],
  ];
  for (const [title, sent, answered, heard] of incoming) {
    it(`PUBLISH from the broker with ${title}, at once and byte by byte`, async () => {
      await connect();
      wire.send(sent);
      assert.equal(await at.pass(1), `\r\n${heard}\r\n`);
      assert.equal(wire.take(), answered);
      if (title === "QoS 2") {
        wire.send("6202000a");
        await at.pass(1);
        assert.equal(wire.take(), "7002000a");
      }
      for (let index = 0; index < sent.length; index += 2) wire.send(sent.slice(index, index + 2));
      assert.equal(await at.pass(1), `\r\n${heard}\r\n`);
    });
  }

  it("PINGREQ after the keep-alive time", async () => {
    await connect('AT+QMTCONN=0,"me"', '"keepalive",0,30');
    await at.pass(30_500);
    assert.equal(wire.take(), "c000");
    wire.send("d000");
    await at.pass(30_000);
    assert.equal(wire.take(), "c000");
  });
});

describe("TLS below the simulated BG95's MQTT client", () => {
  let root: Authority;
  let other: Authority;
  let server: Authority;
  let expired: Authority;
  let device: Authority;
  let foreign: Authority;

  before(async () => {
    root = await Authority.root({ name: "Test Root" });
    other = await Authority.root({ name: "Other Root" });
    server = await root.issue({ name: "broker.test" });
    expired = await root.issue({ name: "broker.test", notAfter: new Date("2024-01-01T00:00:00Z") });
    device = await root.issue({ name: "device" });
    foreign = await other.issue({ name: "device" });
  });

  interface Scene {
    readonly files?: Readonly<Record<string, string>>;
    readonly items?: readonly string[];
    readonly server?: TlsOptions;
  }

  const verified = ['"seclevel",2,1', '"cacert",2,"ca.pem"'];
  const mutual = [
    '"seclevel",2,2',
    '"cacert",2,"ca.pem"',
    '"clientcert",2,"cert.pem"',
    '"clientkey",2,"key.pem"',
  ];

  async function opened(scene: Scene): Promise<{ at: AtBench; code: number; tookMs: number }> {
    const at = await AtBench.memory({ link: "lte-m" }).ready();
    at.network.serveTls(
      8883,
      { key: server.keyPem, cert: server.certificatePem, ca: root.certificatePem, ...scene.server },
      socket => socket.on("error", () => undefined),
    );
    for (const [name, content] of Object.entries(scene.files ?? {}))
      at.modem.files.write(name, Buffer.from(content));
    for (const item of scene.items ?? []) await at.ask(`AT+QSSLCFG=${item}`);
    await at.ask('AT+QMTCFG="ssl",0,1,2');
    const startMs = at.scheduler.nowMs;
    const answer = await at.exchange('AT+QMTOPEN=0,"broker.test",8883\r', /QMTOPEN: .*\r\n$/, 1_000_000);
    return { at, code: Number(/QMTOPEN: 0,(-?\d+)/.exec(answer)?.[1]), tookMs: at.scheduler.nowMs - startMs };
  }

  const scenes: readonly [title: string, code: number, scene: () => Scene, failure?: RegExp][] = [
    ["opens without any check at security level 0", 0, () => ({})],
    ["opens with the right CA", 0, () => ({ files: { "ca.pem": root.certificatePem }, items: verified })],
    [
      "opens with a client certificate",
      0,
      () => ({
        files: { "ca.pem": root.certificatePem, "cert.pem": device.certificatePem, "key.pem": device.keyPem },
        items: mutual,
        server: { requestCert: true, rejectUnauthorized: true },
      }),
    ],
    [
      "fails with the wrong CA",
      -1,
      () => ({ files: { "ca.pem": other.certificatePem }, items: verified }),
      /certificate/,
    ],
    [
      "fails with an expired server certificate when dates are checked",
      -1,
      () => ({
        files: { "ca.pem": root.certificatePem },
        items: [...verified, '"ignorelocaltime",2,0'],
        server: { key: expired.keyPem, cert: expired.certificatePem },
      }),
      /certificate/,
    ],
    [
      "fails with certificate and key swapped",
      -1,
      () => ({
        files: { "ca.pem": root.certificatePem, "cert.pem": device.keyPem, "key.pem": device.certificatePem },
        items: mutual,
      }),
    ],
    [
      "fails with a client certificate that the broker does not know",
      -1,
      () => ({
        files: {
          "ca.pem": root.certificatePem,
          "cert.pem": foreign.certificatePem,
          "key.pem": foreign.keyPem,
        },
        items: mutual,
        server: { requestCert: true, rejectUnauthorized: true },
      }),
      /tls/,
    ],
    [
      "fails without a common suite",
      -1,
      () => ({ server: { ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" } }),
      /tls/,
    ],
    ["fails without a common version", -1, () => ({ server: { minVersion: "TLSv1.3" } }), /tls/],
    [
      "fails without SNI where the broker needs a name",
      -1,
      () => ({ server: { key: undefined, cert: undefined, SNICallback: (_name, done) => done(null) } }),
      /tls/,
    ],
  ];
  for (const [title, code, scene, failure] of scenes) {
    it(title, async () => {
      const result = await opened(scene());
      assert.equal(result.code, code);
      const record = result.at.modem.module.mqtt.streams.sockets.history.at(-1);
      if (code === 0) assert.equal(record?.tls?.protocol, "TLSv1.2");
      else assert.equal(await result.at.ask("AT+QMTOPEN?"), "\r\nOK\r\n");
      if (failure) assert.match(record?.failure?.kind ?? "", failure);
    });
  }

  it("takes name, connection, two round trips of handshake, and the module's computing time", async () => {
    const { code, tookMs } = await opened({});
    assert.equal(code, 0);
    assert.ok(tookMs > 600 + 4 * 220 + 1_500 && tookMs < 4_000, String(tookMs));
  });

  it("gives up a broker that says nothing after negotiatetime", async () => {
    const at = await AtBench.memory().ready();
    at.network.serve(8883, () => undefined);
    await at.ask('AT+QSSLCFG="negotiatetime",2,30');
    await at.ask('AT+QMTCFG="ssl",0,1,2');
    const startMs = at.scheduler.nowMs;
    assert.match(await at.exchange('AT+QMTOPEN=0,"broker.test",8883\r', /QMTOPEN: .*\r\n$/), /0,-1/);
    assert.equal(Math.round(at.scheduler.nowMs - startMs), 30_000);
  });

  it("uses the settings of the moment of opening", async () => {
    const { at, code } = await opened({ files: { "ca.pem": other.certificatePem }, items: verified });
    assert.equal(code, -1);
    await at.ask('AT+QSSLCFG="seclevel",2,0');
    assert.match(await at.exchange('AT+QMTOPEN=0,"broker.test",8883\r', /QMTOPEN: .*\r\n$/), /0,0/);
  });
});
