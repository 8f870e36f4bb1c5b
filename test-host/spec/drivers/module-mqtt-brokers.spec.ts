import assert from "node:assert/strict";
import type { Duplex } from "node:stream";
import type { TlsOptions } from "node:tls";
import { Aedes } from "aedes";
import { bc66Mqtt } from "../../../drivers/bc66/mqtt.js";
import { bg95Mqtt } from "../../../drivers/bg95/mqtt.js";
import type { SecureOptions } from "../../../drivers/quectel/tls.js";
import type { Authority } from "../simulator/authority.js";
import { Bc66Bench, Bench, pattern, type AnyBench } from "./bench.js";
import { derOf, identities, type Identities } from "./identities.js";
import { App } from "./module-mqtt-support.js";

/** Suites of static RSA, the only ones that a BC66 has. */
const staticRsa = "AES128-SHA256";

interface Kind {
  readonly name: string;
  readonly dialect: typeof bg95Mqtt;
  readonly bench: () => AnyBench;
  readonly server: TlsOptions;
  readonly longest: number;
}

const kinds: readonly Kind[] = [
  { name: "BG95", dialect: bg95Mqtt, bench: () => new Bench(), server: {}, longest: 4_096 },
  {
    name: "BC66",
    dialect: bc66Mqtt,
    bench: () => new Bc66Bench(),
    server: { ciphers: staticRsa, maxVersion: "TLSv1.2" },
    longest: 350,
  },
];

for (const kind of kinds)
  describe(`MQTT by the ${kind.name} with a broker`, () => {
    let ids: Identities;
    /** A BC66 has no ECDSA. */
    let server: Authority;
    let aedes: Aedes;

    before(async () => {
      ids = await identities();
      server = await ids.root.issue({ name: "broker.test", key: "rsa" });
    });

    beforeEach(async () => {
      aedes = await Aedes.createBroker();
    });

    afterEach(async () => {
      await new Promise<void>(resolve => aedes.close(() => resolve()));
    });

    const handle = (stream: Duplex): void => {
      stream.on("error", () => undefined);
      aedes.handle(stream);
    };

    async function roundTrip(app: App): Promise<void> {
      const { bench } = app;
      const client = await app.connect();
      app.subscribe(client, "loop", 2);
      await bench.until("grant", () => app.grants.length > 0);
      const sent = [pattern(0), pattern(1), pattern(256), pattern(kind.longest)];
      for (const qos of [0, 1, 2] as const) {
        for (const payload of sent) {
          app.publish(client, payload, { topic: "loop", qos });
          const count = app.messages.length + 1;
          await bench.until("message", () => app.messages.length === count && app.results.length === count);
          assert.deepEqual(app.messages.at(-1)?.bytes, payload);
          assert.equal(app.messages.at(-1)?.info.topic, "loop");
        }
      }
      assert.ok(app.results.every(result => result === undefined));
      assert.equal(client.disconnect(), true);
      await bench.until("end", () => app.errors > 0);
    }

    it("brings every message back as it was, with each QoS", async () => {
      const bench = await kind.bench().goOnline();
      bench.network.serveDuplex(1883, handle);
      await roundTrip(new App(bench, { dialect: kind.dialect }));
    });

    const trust = (): SecureOptions => ({ certificate: derOf(ids.root.certificatePem) });

    async function secured(secure: SecureOptions, options: TlsOptions = {}): Promise<App> {
      const bench = await kind.bench().goOnline();
      bench.network.serveTls(
        8883,
        { key: server.keyPem, cert: server.certificatePem, ...kind.server, ...options },
        handle,
      );
      return new App(bench, { dialect: kind.dialect, port: 8883, secure });
    }

    it("does so over TLS, with both sides proven", async () => {
      await roundTrip(
        await secured(
          {
            ...trust(),
            clientCertificates: [derOf(ids.rsaDevice.certificatePem)],
            clientKey: derOf(ids.rsaDevice.keyPem),
          },
          { ca: ids.root.certificatePem, requestCert: true, rejectUnauthorized: true },
        ),
      );
    });

    it("refuses a server of another authority", async () => {
      const app = await secured({ certificate: derOf(ids.other.certificatePem) });
      app.open();
      await app.bench.until("end", () => app.errors > 0);
      assert.deepEqual(app.failures, [{ kind: "tls", command: "AT+QMTOPEN", code: -1 }]);
      assert.equal(aedes.connectedClients, 0);
    });

    it("tells a broker without a suite for this module, or that it needs none", async () => {
      const app = await secured(trust(), { ciphers: "ECDHE-RSA-AES128-GCM-SHA256" });
      app.open();
      await app.bench.until("end", () => app.connected || app.errors > 0);
      if (kind.name === "BG95") assert.equal(app.errors, 0);
      else assert.deepEqual(app.failures, [{ kind: "tls", command: "AT+QMTOPEN", code: -1 }]);
    });

    it("keeps its credentials on the module over connections, and loses them with a restart", async () => {
      const app = await secured(trust());
      const { bench } = app;
      const uploads = (): number =>
        bench.commands.filter(line => /^AT\+(QFUPL=|QSSLCFG=1,\d,"cacert")/.test(line)).length;
      const stay = app.stay();
      await bench.until("connection", () => app.connected);
      assert.equal(uploads(), 1);
      app.controls.length = 0;
      stay.client?.disconnect();
      await bench.until("connection", () => app.connected);
      assert.equal(uploads(), 1);
      app.controls.length = 0;
      if (bench instanceof Bc66Bench) bench.module.module.power.crash();
      else if (bench instanceof Bench) bench.module.module.power.crash();
      await bench.until("connection", () => app.connected);
      // A BC66 has no file system.
      assert.equal(uploads(), kind.name === "BC66" ? 2 : 1);
    });

    if (kind.name === "BC66")
      it("hands the module its credentials anew after a TLS that failed: a byte may have been changed on its way", async () => {
        const app = await secured({ certificate: derOf(ids.other.certificatePem) });
        const { bench } = app;
        const uploads = (): number =>
          bench.commands.filter(line => /^AT\+QSSLCFG=1,\d,"cacert"/.test(line)).length;
        for (const count of [1, 2]) {
          app.open();
          await bench.until("end", () => app.errors === count);
          await bench.pass(5_000);
          assert.equal(uploads(), count);
        }
      });

    it("asks the module for nothing without an authority to trust", async () => {
      const app = await secured({});
      app.open();
      await app.bench.until("end", () => app.errors > 0);
      assert.equal(app.failures[0]?.kind, "credential");
      assert.deepEqual(app.bench.sent("AT+QMTOPEN="), []);
    });
  });
