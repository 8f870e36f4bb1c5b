import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { Authority, type Issued } from "../../../certs/issue.js";
import { EmbeddedBroker } from "../../../hosts/workstation/broker.js";
import type { RunResult } from "../../../hosts/workstation/simulate/result.js";
import { Mosquitto } from "./mosquitto.js";
import { assertForPeople, resultOf, succeed } from "./result.js";
import { Folder, together, xsCellular, type Ended } from "./support.js";

const PASSWORD = "correct horse battery staple";

describe("simulate with the user's own broker", function () {
  this.timeout(60_000);
  const folder = new Folder();
  let authority: Authority;
  let ec: Issued;
  let rsa: Issued;
  let mutual: Mosquitto;
  let server: Mosquitto;
  let plain: Mosquitto;

  function file(name: string, content: string | Uint8Array): string {
    writeFileSync(folder.file(name), content);
    return folder.file(name);
  }

  function exported(issued: Issued, type: "pkcs1" | "sec1"): string {
    return createPrivateKey(issued.keyPem).export({ type, format: "pem" }).toString();
  }

  before(async function () {
    authority = await Authority.create({ commonName: "Plant CA" });
    const other = await Authority.create({ commonName: "Other CA" });
    ec = await authority.client({ commonName: "pump-7" });
    rsa = await authority.client({ commonName: "pump-8", key: "RSA-2048" });
    const stranger = await other.client({ commonName: "stranger" });
    const named = await authority.server({ commonName: "broker.plant", names: ["broker.plant"] });
    const local = await authority.server({ commonName: "localhost", names: ["localhost"] });
    const ca = authority.certificatePem;
    mutual = await Mosquitto.start(this, { tls: { server: named, ca, requireCertificate: true } });
    server = await Mosquitto.start(this, { tls: { server: local, ca, requireCertificate: false } });
    plain = await Mosquitto.start(this, { user: { name: "device", password: PASSWORD } });
    file("ca.pem", ca);
    file("ca.der", authority.certificate);
    file("other-ca.pem", other.certificatePem);
    file("ec.pem", ec.certificatePem);
    file("ec.der", ec.certificate);
    file("ec.key", ec.keyPem);
    file("ec.key.der", ec.key);
    file("ec.sec1", exported(ec, "sec1"));
    file("rsa.pem", rsa.certificatePem);
    file("rsa.key", rsa.keyPem);
    file("rsa.pkcs1", exported(rsa, "pkcs1"));
    file("rsa.key.der", rsa.key);
    file("stranger.pem", stranger.certificatePem);
    file("stranger.key", stranger.keyPem);
    file("password", `${PASSWORD}\n`);
    file("wrong-password", "guess\n");
  });

  after(async () => {
    await mutual.stop();
    await server.stop();
    await plain.stop();
    folder.remove();
  });

  const toMutual = (ca: string, cert: string, key: string): string[] => [
    ...["--broker", `mqtts://localhost:${String(mutual.port)}`, "--server-name", "broker.plant"],
    ...["--ca", folder.file(ca), "--cert", folder.file(cert), "--key", folder.file(key)],
  ];
  const toServer = (): string[] => ["--broker", `mqtts://localhost:${String(server.port)}`];
  const toPlain = (password: string): string[] => [
    ...["--broker", `mqtt://127.0.0.1:${String(plain.port)}`],
    ...["--username", "device", "--password-file", folder.file(password)],
  ];

  describe("mosquitto with require_certificate true takes", () => {
    const sets = [
      ["P-256, PEM, PKCS#8", "ca.pem", "ec.pem", "ec.key"],
      ["P-256, PEM, SEC1", "ca.pem", "ec.pem", "ec.sec1"],
      ["P-256, DER", "ca.der", "ec.der", "ec.key.der"],
      ["RSA, PEM, PKCS#8", "ca.pem", "rsa.pem", "rsa.key"],
      ["RSA, PEM, PKCS#1", "ca.pem", "rsa.pem", "rsa.pkcs1"],
      ["RSA, DER key", "ca.der", "rsa.pem", "rsa.key.der"],
    ] as const;
    let results: readonly RunResult[] = [];
    before(async () => {
      // One name each: a broker throws out a client whose name another one comes with.
      results = await together([...sets.entries()], ([index, [, ca, cert, key]]) =>
        succeed([...toMutual(ca, cert, key), "--client-id", `device-${String(index)}`]),
      );
    });
    for (const [index, [name]] of sets.entries())
      it(name, () => {
        const result = results[index];
        assert.equal(result?.messages.acknowledged, 3);
        assert.equal(result.broker.tls?.version, "TLSv1.2");
      });
  });

  it("--insecure goes without a CA where the broker asks for no certificate", async () => {
    const { credentials, broker } = await succeed([...toServer(), "--insecure"]);
    assert.deepEqual(credentials, []);
    assert.notEqual(broker.tls, null);
  });

  describe("--insecure goes on every route of a BG95", () => {
    for (const route of ["module-tls", "host-tls", "module-mqtt"])
      it(route, async () => {
        const result = await succeed([...toServer(), "--insecure", "--route", route]);
        assert.equal(result.messages.acknowledged, 3);
        assert.deepEqual(result.credentials, []);
      });

    it("and TLS on the ESP32 shows the device's certificate all the same", async () => {
      const files = ["--cert", folder.file("ec.pem"), "--key", folder.file("ec.key")];
      const url = `mqtts://localhost:${String(mutual.port)}`;
      const result = await succeed(["--broker", url, "--insecure", "--route", "host-tls", ...files]);
      assert.equal(result.messages.acknowledged, 3);
    });
  });

  it("--ca alone verifies the broker and shows no certificate", async () => {
    const { credentials } = await succeed([...toServer(), "--ca", folder.file("ca.pem")]);
    assert.deepEqual(
      credentials.map(({ role }) => role),
      ["ca"],
    );
  });

  describe("mqtt:// with user name and password", () => {
    let run: Ended;
    const trace = folder.file("plain.txt");
    before(
      async () => (run = await xsCellular(["simulate", "--json", ...toPlain("password"), "--trace", trace])),
    );

    it("delivers without TLS", () => {
      const result = resultOf(run);
      assert.equal(result.messages.acknowledged, 3);
      assert.equal(result.broker.tls, null);
      assert.equal(result.route.name, "module-tcp");
    });

    it("shows the password nowhere: not in the log, the result or the trace", () => {
      const all = run.stdout + run.stderr + readFileSync(trace, "utf8");
      assert.ok(!all.includes(PASSWORD));
      assert.ok(!all.includes(Buffer.from(PASSWORD).toString("hex")));
      assert.ok(!all.includes(Buffer.from(PASSWORD).toString("base64")));
    });
  });

  it("shows nothing of a private key: not in the log, the result or the trace", async () => {
    const trace = folder.file("keys.txt");
    const { stdout, stderr } = await xsCellular([
      ...["simulate", "--json", "--trace", trace],
      ...toMutual("ca.pem", "rsa.pem", "rsa.key"),
    ]);
    const all = stdout + stderr + readFileSync(trace, "utf8");
    const body = exported(rsa, "pkcs1").replace(/-----.*-----|\n/g, "");
    for (let at = 0; at + 16 <= body.length; at += 16) assert.ok(!all.includes(body.slice(at, at + 16)));
  });

  describe("failures", () => {
    const cases: Readonly<Record<string, { args: () => readonly string[]; kind: string; says: RegExp }>> = {
      "a CA that did not issue the broker's certificate": {
        args: () => toMutual("other-ca.pem", "ec.pem", "ec.key"),
        kind: "tls",
        says: /not issued by the CA of --ca/,
      },
      "a certificate of a CA that the broker does not know": {
        args: () => toMutual("ca.pem", "stranger.pem", "stranger.key"),
        kind: "tls",
        says: /did not accept the device's certificate|does not know the CA that issued the device's/,
      },
      "no certificate where one is required": {
        args: () => [...toMutual("ca.pem", "", "").slice(0, 6)],
        kind: "tls",
        says: /wants a client certificate/,
      },
      "a broker whose certificate has another name": {
        args: () =>
          toMutual("ca.pem", "ec.pem", "ec.key").filter(arg => !/^(--server-name|broker\.plant)$/.test(arg)),
        kind: "tls",
        says: /does not name localhost[\s\S]*--server-name/,
      },
      "mqtts:// to a port without TLS": {
        args: () => ["--broker", `mqtts://localhost:${String(plain.port)}`, "--insecure"],
        kind: "tls",
        says: /speaks no TLS/,
      },
      "mqtt:// to a port with TLS": {
        args: () => ["--broker", `mqtt://localhost:${String(mutual.port)}`],
        kind: "peer-closed",
        says: /may want TLS/,
      },
      "a wrong password": {
        args: () => toPlain("wrong-password"),
        kind: "mqtt-refused",
        says: /user name|password|authori/i,
      },
    };
    const runs = new Map<string, Ended>();
    before(async () => {
      await together(Object.entries(cases), async ([name, { args }]) =>
        runs.set(name, await xsCellular(["simulate", "--json", ...args()])),
      );
    });
    for (const [name, { kind, says }] of Object.entries(cases))
      it(`${name}: exit 1, with what, why and what to do`, () => {
        const run = runs.get(name);
        assert.ok(run);
        assert.equal(run.code, 1, run.stderr);
        assertForPeople(run.stderr);
        const { failure, ok, messages } = resultOf(run);
        assert.equal(ok, false);
        assert.equal(messages.acknowledged, 0);
        assert.equal(failure?.kind, kind);
        assert.match(`${failure.why}\n${failure.fix}`, says);
        assert.match(run.stderr, /^xs-cellular: .+\n {2}why: .+\n {2}fix: .+\n$/m);
      });
  });

  it("--server-name with an address: verified by the address in the certificate, without a word of Node's", async () => {
    const { code, stderr } = await xsCellular([
      ...["simulate", "--broker", `mqtts://localhost:${String(server.port)}`, "--server-name", "127.0.0.1"],
      ...["--route", "module-tls", "--ca", folder.file("ca.pem")],
    ]);
    assert.equal(code, 1);
    assert.match(stderr, /does not name 127\.0\.0\.1/);
    assert.doesNotMatch(stderr, /DEP0123|Deprecation/);
  });

  describe("a port that takes connections and says nothing", () => {
    const sockets = new Set<Socket>();
    const silent = createServer(socket => sockets.add(socket.on("error", () => undefined)));
    before(() => new Promise<void>(resolve => silent.listen(0, "127.0.0.1", resolve)));
    after(() => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    });

    for (const route of ["module-tls", "host-tls"])
      it(`is told as such on ${route}`, async () => {
        const { port } = silent.address() as AddressInfo;
        const run = await xsCellular([
          ...["simulate", "--json", "--engine", "node", "--route", route],
          ...["--broker", `mqtts://localhost:${String(port)}`, "--ca", folder.file("ca.pem")],
        ]);
        assert.equal(run.code, 1, run.stderr);
        const { failure } = resultOf(run);
        assert.equal(failure?.kind, "tls");
        assert.match(failure.why, /says nothing to a TLS greeting|nothing came back/);
        assert.match(failure.fix, /port/);
      });
  });

  describe("a broker that refuses once", () => {
    async function against(attempts: string): Promise<Ended> {
      let refusals = 1;
      const broker = await EmbeddedBroker.start({
        security: "none",
        refuseConnect: () => (refusals-- > 0 ? 3 : undefined),
      });
      try {
        const url = `mqtt://localhost:${String(broker.port)}`;
        return await xsCellular(["simulate", "--json", "--broker", url, "--attempts", attempts]);
      } finally {
        await broker.close();
      }
    }

    it("is given up on with --attempts 1", async () => {
      const run = await against("1");
      assert.equal(run.code, 1);
      const { failure } = resultOf(run);
      assert.deepEqual([failure?.kind, failure?.code], ["mqtt-refused", 3]);
    });

    it("is tried again with --attempts 2, and everything is delivered", async () => {
      const run = await against("2");
      assert.equal(run.code, 0, run.stderr);
      assert.equal(resultOf(run).messages.acknowledged, 3);
      assert.match(run.stderr, / failed +.*next attempt in \d+\.\d s/);
    });
  });
});
