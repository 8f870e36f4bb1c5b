import assert from "node:assert/strict";
import type { TlsOptions } from "node:tls";
import type { Bc66Changes } from "../../simulator/bc66/settings.js";
import { Authority } from "./authority.js";
import { Bc66Bench } from "./bc66-bench.js";
import { connected } from "./mqtt-support.js";

const failed = "\r\nOK\r\n\r\n+QMTOPEN: 3,-1\r\n";
const succeeded = "\r\nOK\r\n\r\n+QMTOPEN: 3,0\r\n";

describe("TLS below the simulated BC66's MQTT client", () => {
  let root: Authority;
  let other: Authority;
  let server: Authority;
  let ecServer: Authority;
  let device: Authority;

  before(async () => {
    root = await Authority.root({ name: "Test Root", key: "rsa" });
    other = await Authority.root({ name: "Other Root" });
    server = await root.issue({ name: "broker.test", key: "rsa" });
    ecServer = await root.issue({ name: "broker.test" });
    device = await root.issue({ name: "device", key: "rsa" });
  });

  type Credential = "cacert" | "clientcert" | "clientkey";

  interface Scene {
    readonly level?: 0 | 1 | 2;
    readonly credentials?: Partial<Record<Credential, string>>;
    readonly server?: TlsOptions;
    /** Third and fourth value of QMTCFG "ssl". */
    readonly place?: string;
    readonly settings?: Bc66Changes;
  }

  async function upload(at: Bc66Bench, name: Credential, text: string): Promise<void> {
    await at.ask(`AT+QSSLCFG=1,5,"${name}"`);
    const answer = await at.exchange(`${text}\x1a`, /(OK|ERROR)\r\n$/);
    assert.match(answer, new RegExp(`"${name}",${String(text.length)}\r\n`));
  }

  /** Uploads to connection 5 of context 1 and opens client 3. */
  async function opened(scene: Scene): Promise<{ at: Bc66Bench; answer: string }> {
    const at = await Bc66Bench.memory({ settings: scene.settings ?? {} }).ready();
    at.network.serveTls(
      8883,
      { key: server.keyPem, cert: server.certificatePem, ca: root.certificatePem, ...scene.server },
      socket => socket.on("error", () => undefined),
    );
    for (const name of ["cacert", "clientcert", "clientkey"] as const) {
      const text = scene.credentials?.[name];
      if (text !== undefined) await upload(at, name, text);
    }
    await at.ask(`AT+QSSLCFG=1,5,"seclevel",${String(scene.level ?? 0)}`);
    await at.ask(`AT+QMTCFG="ssl",3,1,${scene.place ?? "1,5"}`);
    const answer = await at.exchange('AT+QMTOPEN=3,"broker.test",8883\r', /QMTOPEN: .*\r\n$/, 1_000_000);
    return { at, answer };
  }

  const scenes: readonly [title: string, isOpen: boolean, scene: () => Scene][] = [
    ["opens without any check", true, () => ({})],
    ["opens with the right CA", true, () => ({ level: 1, credentials: { cacert: root.certificatePem } })],
    [
      "opens with a client certificate",
      true,
      () => ({
        level: 2,
        credentials: {
          cacert: root.certificatePem,
          clientcert: device.certificatePem,
          clientkey: device.keyPem,
        },
        server: { requestCert: true, rejectUnauthorized: true },
      }),
    ],
    ["fails with the wrong CA", false, () => ({ level: 1, credentials: { cacert: other.certificatePem } })],
    ["fails with level 1 and no CA", false, () => ({ level: 1 })],
    [
      "fails with certificate and key swapped",
      false,
      () => ({
        level: 2,
        credentials: {
          cacert: root.certificatePem,
          clientcert: device.keyPem,
          clientkey: device.certificatePem,
        },
      }),
    ],
    ["fails in context 3", false, () => ({ place: "3,5" })],
    [
      "fails with a server that has ECDHE alone",
      false,
      () => ({ server: { ciphers: "ECDHE-RSA-AES128-GCM-SHA256", maxVersion: "TLSv1.2" } }),
    ],
    [
      "fails with a server whose key is on a curve",
      false,
      () => ({ server: { key: ecServer.keyPem, cert: ecServer.certificatePem } }),
    ],
    ["fails with TLS 1.3 alone", false, () => ({ server: { minVersion: "TLSv1.3" } })],
  ];
  for (const [title, isOpen, scene] of scenes) {
    it(`${title}: ${isOpen ? "0" : "-1 and no more"}`, async () => {
      const { at, answer } = await opened(scene());
      assert.equal(answer, isOpen ? succeeded : failed);
      const record = at.modem.socketHistory.at(-1);
      if (isOpen) assert.match(record?.tls?.suite ?? "", /^AES(128|256)-SHA(256)?$/);
    });
  }

  it("is gone with the certificates after a restart: what worked before fails", async () => {
    const { at } = await opened({ level: 1, credentials: { cacert: root.certificatePem } });
    at.modem.module.power.crash();
    await at.pass(10_000);
    await at.ready();
    await at.ask('AT+QSSLCFG=1,5,"seclevel",1');
    await at.ask('AT+QMTCFG="ssl",3,1,1,5');
    const answer = await at.exchange('AT+QMTOPEN=3,"broker.test",8883\r', /QMTOPEN: .*\r\n$/);
    assert.equal(answer, failed);
  });

  it("ends after the connection's timeout or after 75 s, whichever comes first", async () => {
    for (const [timeout, tookMs] of [
      [30, 30_000],
      [300, 75_000],
    ] as const) {
      const at = await Bc66Bench.memory().ready();
      at.network.serve(8883, () => undefined);
      await at.ask(`AT+QSSLCFG=1,5,"timeout",${String(timeout)}`);
      await at.ask('AT+QMTCFG="ssl",3,1,1,5');
      const startMs = at.scheduler.nowMs;
      const answer = await at.exchange('AT+QMTOPEN=3,"broker.test",8883\r', /QMTOPEN: .*\r\n$/);
      assert.equal(answer, failed);
      assert.equal(Math.round(at.scheduler.nowMs - startMs), tookMs);
    }
  });
});

describe("sleep and the simulated BC66's MQTT client", () => {
  async function sleepy(): Promise<Bc66Bench> {
    const at = await Bc66Bench.memory({ link: "nb-iot" }).ready();
    await at.ask('AT+CPSMS=1,,,"01000011","00000001"');
    await at.ask("AT+QSCLK=1");
    return at;
  }

  it("an open client keeps the module out of deep sleep", async () => {
    const at = await sleepy();
    await connected(at, '"keepalive",0,0');
    await at.pass(600_000);
    assert.equal(at.modem.module.power.state, "running");
  });

  it("a closed one lets it sleep, and takes its settings along", async () => {
    const at = await sleepy();
    await connected(at, '"keepalive",0,0', '"dataformat",0,1,1');
    await at.exchange("AT+QMTDISC=0\r", /QMTSTAT: 0,5/);
    await at.pass(600_000);
    assert.equal(at.modem.module.power.state, "deep-sleep");
    at.modem.psmEint(true);
    await at.pass(1_000);
    at.modem.psmEint(false);
    await at.pass(5_000);
    at.type("AT\r");
    await at.pass(1_000);
    at.type("AT\r");
    await at.pass(1_000);
    assert.match(await at.ask('AT+QMTCFG="dataformat",0'), /"dataformat",0,0/);
  });
});
