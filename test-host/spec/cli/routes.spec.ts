import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { Authority } from "../../../certs/issue.js";
import type { RunResult } from "../../../hosts/workstation/simulate/result.js";
import { Mosquitto } from "./mosquitto.js";
import { assertForPeople, resultOf } from "./result.js";
import { Folder, together, xsCellular, type Ended } from "./support.js";

const DAY_MS = 86_400_000;
const MODULES = ["bg95", "bc66"] as const;
const ROUTES = ["module-tls", "host-tls", "module-mqtt"] as const;
/** What a broker of today takes, and what the BC66's own TLS offers. */
const ECDHE = "ECDHE-RSA-AES128-GCM-SHA256";
const STATIC_RSA = "AES128-SHA256";

describe("routes", function () {
  this.timeout(60_000);

  describe("to the embedded broker", () => {
    const sets = MODULES.flatMap(module => ROUTES.map(route => [module, route] as const));
    let runs: readonly Ended[] = [];
    before(async () => {
      runs = await together(sets, ([module, route]) =>
        xsCellular(["simulate", "--json", "--module", module, "--route", route]),
      );
    });
    for (const [index, [module, route]] of sets.entries())
      describe(`${module}, ${route}`, () => {
        let run: Ended;
        let result: RunResult;
        before(() => {
          run = runs[index] ?? assert.fail();
          result = resultOf(run);
        });

        it("delivers three messages and receives a command, in XS", () => {
          const { ok, engine, messages, uart } = result;
          assert.ok(ok, run.stderr);
          assert.equal(engine.name, "xs");
          assert.deepEqual([messages.acknowledged, messages.received.length], [3, 1]);
          assert.equal(uart.overruns, 0);
        });

        it("tells module and route, and that it was asked for", () => {
          assert.match(result.module.model, module === "bg95" ? /BG95/ : /BC66/);
          assert.deepEqual(result.route, { name: route, reason: "asked for" });
          assert.match(run.stderr, new RegExp(` route +${route}: asked for$`, "m"));
        });

        it("tells who did TLS, and what it took", () => {
          const { tls } = result.broker;
          assert.equal(tls?.by, route === "host-tls" ? "ESP32" : "module");
          assert.equal(tls.version, "TLSv1.2");
          const isOld = module === "bc66" && route !== "host-tls";
          assert.match(tls.cipher, isOld ? /^AES128-SHA256$/ : /^ECDHE-ECDSA-AES128-GCM-SHA256$/);
          const most = route !== "host-tls" ? 1 : module === "bg95" ? 8 : 16;
          assert.ok(
            tls.handshakeCommands >= 1 && tls.handshakeCommands <= most,
            String(tls.handshakeCommands),
          );
          assert.match(run.stderr, / TLS +established/);
        });

        it("gives credentials to the module only where its own TLS is used", () => {
          const roles = result.credentials.map(({ role }) => role);
          assert.deepEqual(roles, route === "host-tls" ? [] : ["ca", "certificate", "key"]);
        });
      });
  });

  describe("to mosquitto with require_certificate", () => {
    const folder = new Folder();
    const brokers = new Map<string, Mosquitto>();

    before(async function () {
      const authority = await Authority.create({ commonName: "Plant CA", key: "RSA-2048" });
      const other = await Authority.create({ commonName: "Other CA", key: "RSA-2048" });
      const named = { commonName: "localhost", names: ["localhost"], key: "RSA-2048" } as const;
      const server = await authority.server(named);
      const expired = await authority.server({
        ...named,
        notBefore: new Date(Date.now() - 9 * DAY_MS),
        notAfter: new Date(Date.now() - 2 * DAY_MS),
      });
      const ca = authority.certificatePem;
      const tls = { server, ca, requireCertificate: true, version: "tlsv1.2" } as const;
      brokers.set("ECDHE alone", await Mosquitto.start(this, { tls: { ...tls, ciphers: ECDHE } }));
      brokers.set("static RSA alone", await Mosquitto.start(this, { tls: { ...tls, ciphers: STATIC_RSA } }));
      const both = `${STATIC_RSA}:${ECDHE}`;
      brokers.set("both", await Mosquitto.start(this, { tls: { ...tls, ciphers: both } }));
      brokers.set(
        "an expired certificate",
        await Mosquitto.start(this, { tls: { ...tls, server: expired, ciphers: both } }),
      );
      brokers.set(
        "TLS 1.3 alone",
        await Mosquitto.start(this, {
          tls: { server, ca, requireCertificate: true, version: "tlsv1.3" },
        }),
      );
      const rsa = await authority.client({ commonName: "pump-8", key: "RSA-2048" });
      const ec = await authority.client({ commonName: "pump-7" });
      const stranger = await other.client({ commonName: "stranger", key: "RSA-2048" });
      const files = {
        "ca.pem": ca,
        "other-ca.pem": other.certificatePem,
        "rsa.pem": rsa.certificatePem,
        "rsa.key": rsa.keyPem,
        "ec.pem": ec.certificatePem,
        "ec.key": ec.keyPem,
        "stranger.pem": stranger.certificatePem,
        "stranger.key": stranger.keyPem,
      };
      for (const [name, text] of Object.entries(files)) writeFileSync(folder.file(name), text);
    });
    after(async () => {
      for (const broker of brokers.values()) await broker.stop();
      folder.remove();
    });

    let clients = 0;
    function run(
      module: string,
      route: string,
      broker: string,
      { ca = "ca", device = "rsa", more = [] as readonly string[] } = {},
    ): Promise<Ended> {
      const port = String(brokers.get(broker)?.port ?? assert.fail(broker));
      return xsCellular([
        ...["simulate", "--json", "--module", module, "--route", route, "--link", "nb-iot"],
        ...["--broker", `mqtts://localhost:${port}`, "--ca", folder.file(`${ca}.pem`)],
        ...["--cert", folder.file(`${device}.pem`), "--key", folder.file(`${device}.key`)],
        // One name each: a broker throws out a client whose name another one comes with.
        ...["--client-id", `device-${String(clients++)}`, ...more],
      ]);
    }

    async function failed(...args: Parameters<typeof run>): Promise<NonNullable<RunResult["failure"]>> {
      const end = await run(...args);
      assert.equal(end.code, 1, end.stderr);
      assertForPeople(end.stderr);
      return resultOf(end).failure ?? assert.fail();
    }

    describe("is reached by", () => {
      const sets = [
        ["bg95", "module-tls", "ECDHE alone", ECDHE],
        ["bg95", "host-tls", "ECDHE alone", ECDHE],
        ["bg95", "module-mqtt", "ECDHE alone", ECDHE],
        ["bc66", "host-tls", "ECDHE alone", ECDHE],
        ["bc66", "module-tls", "static RSA alone", STATIC_RSA],
        ["bc66", "module-mqtt", "static RSA alone", STATIC_RSA],
        ["bc66", "host-tls", "static RSA alone", STATIC_RSA],
      ] as const;
      let runs: readonly Ended[] = [];
      before(async () => {
        runs = await together(sets, ([module, route, broker]) => run(module, route, broker));
      });
      for (const [index, [module, route, broker, cipher]] of sets.entries())
        it(`${module} on ${route}, ${broker}`, () => {
          const end = runs[index] ?? assert.fail();
          const result = resultOf(end);
          assert.equal(end.code, 0, end.stderr);
          assert.equal(result.route.name, route);
          assert.equal(result.broker.tls?.cipher, cipher);
          assert.equal(result.messages.acknowledged, 3);
        });
    });

    describe("ECDHE alone", () => {
      it("the BC66 goes host-tls by itself, and says why", async () => {
        const end = await run("bc66", "auto", "ECDHE alone");
        assert.equal(end.code, 0, end.stderr);
        const { route, broker } = resultOf(end);
        assert.equal(route.name, "host-tls");
        assert.match(route.reason, /the BC66's own TLS offers nothing but static-RSA suites/);
        assert.equal(broker.tls?.by, "ESP32");
        assert.ok(end.stderr.includes(`host-tls: ${route.reason}`));
      });

      it("the BG95 stays with its own TLS, and says why", async () => {
        const { route } = resultOf(await run("bg95", "auto", "ECDHE alone"));
        assert.equal(route.name, "module-tls");
        assert.match(route.reason, /the BG95's own TLS 1\.2 has the suites/);
      });

      for (const route of ["module-tls", "module-mqtt"])
        it(`--route ${route} on a BC66 fails, and both sides' suites are named`, async () => {
          const { kind, why, fix, command } = await failed("bc66", route, "ECDHE alone");
          assert.equal(kind, "tls");
          assert.match(command ?? "", /^AT\+Q(SSL|MT)OPEN$/);
          assert.match(why, /no cipher suite in common/);
          assert.match(why, /AES256-SHA256, AES256-SHA, AES128-SHA256, AES128-SHA\b/);
          assert.ok(why.includes(ECDHE), why);
          assert.match(fix, /--route host-tls or auto/);
          assert.match(fix, /allow AES128-SHA256 on the broker/);
        });

      it("--broker-suites with none of the BG95's takes the BG95's TLS out of the choice", async () => {
        const more = ["--broker-suites", "ECDHE-RSA-CHACHA20-POLY1305"];
        const { kind, why } = await failed("bg95", "auto", "ECDHE alone", { more });
        assert.equal(kind, "route");
        for (const way of ["The module's TLS", "TLS on the ESP32", "the module's MQTT"])
          assert.ok(why.includes(`${way} has no cipher suite in common with the broker`), why);
      });

      it("--broker-suites lead a BG95 whose TLS has none of them to host-tls", async () => {
        // OpenSSL with all that it can takes ChaCha20, which the module does not.
        const more = ["--broker-suites", "ECDHE-RSA-CHACHA20-POLY1305", "--tls-engine", "full"];
        const end = await run("bg95", "auto", "ECDHE alone", { more });
        const { route } = resultOf(end);
        assert.equal(end.code, 0, end.stderr);
        assert.equal(route.name, "host-tls");
        assert.equal(route.reason, "the module's TLS has no cipher suite in common with the broker");
      });

      it("a message that the module's MQTT does not take is told before anything is sent", async () => {
        const more = ["--message", "x".repeat(5_000)];
        const { kind, why, fix } = await failed("bc66", "module-mqtt", "ECDHE alone", { more });
        assert.equal(kind, "route");
        assert.equal(why, "The module's MQTT does not take a payload of this length.");
        assert.match(fix, /--route auto/);
      });
    });

    describe("TLS 1.3 alone", () => {
      it("no route of a BC66 leads there, and the version is named, not a suite", async () => {
        const { kind, code } = await failed("bc66", "auto", "TLS 1.3 alone");
        assert.deepEqual([kind, code], ["tls", 70]);
      });
    });

    describe("is not explained by suites when another thing is the cause:", () => {
      const cases = [
        ["a wrong CA", "both", { ca: "other-ca" }, /not issued by the CA of --ca|does not lead to/],
        ["an expired certificate", "an expired certificate", {}, /has expired|expired/],
        ["a client of another CA", "both", { device: "stranger" }, /did not accept the device's certificate/],
      ] as const;
      for (const [name, broker, files, says] of cases)
        for (const route of ["module-tls", "module-mqtt"])
          it(`${name}, BC66 on ${route}`, async () => {
            const { kind, why, fix } = await failed("bc66", route, broker, files);
            assert.equal(kind, "tls");
            assert.match(why, says);
            assert.doesNotMatch(why.replace("Cipher suites are not the cause", ""), /suite/i);
            assert.doesNotMatch(fix, /suite|ECDHE/i);
          });

      it("a wrong CA, BC66 on auto: the ESP32's TLS says so and no other route is tried", async () => {
        const end = await run("bc66", "auto", "both", { ca: "other-ca" });
        const { failure } = resultOf(end);
        assert.deepEqual([end.code, failure?.kind, failure?.code, failure?.command], [1, "tls", 48, "TLS"]);
        assert.equal(end.stderr.match(/ route +/g)?.length, 1);
      });

      it("a wrong CA, BG95 on auto: falls back to host-tls, which verifies as well and refuses too", async () => {
        const end = await run("bg95", "auto", "both", { ca: "other-ca" });
        const { failure, messages } = resultOf(end);
        assert.equal(end.code, 1);
        assert.match(end.stderr, /another route is tried/);
        assert.match(end.stderr, / route +host-tls: .*with the same verification/);
        assert.deepEqual([failure?.kind, failure?.code], ["tls", 48]);
        assert.equal(messages.acknowledged, 0);
      });
    });

    it("a P-256 key on the BC66's own TLS is refused before anything is sent", async () => {
      const { kind, why, fix } = await failed("bc66", "module-tls", "both", { device: "ec" });
      assert.equal(kind, "credential");
      assert.match(why, /RSA keys alone/);
      assert.match(fix, /host-tls/);
    });

    it("a handshake by the ESP32 that was ended tells how far it had come", async () => {
      const { handshake, code } = await failed("bg95", "host-tls", "both", { device: "stranger" });
      assert.equal(code, 48);
      assert.deepEqual(Object.keys(handshake ?? {}).sort(), [
        "confirmedBytes",
        "flight",
        "message",
        "totalBytes",
      ]);
      assert.equal(handshake?.flight, 3);
      assert.equal(handshake.confirmedBytes, handshake.totalBytes);
    });
  });
});
