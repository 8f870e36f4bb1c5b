import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { Authority } from "../../../certs/issue.js";
import { Mosquitto } from "./mosquitto.js";
import { assertRefused, Floor } from "./provision-floor.js";
import { freePort } from "./support.js";

describe("xs-cellular provision and the broker that runs", function () {
  this.timeout(30_000);
  const floor = new Floor();
  let mosquitto: Mosquitto;
  let broker: readonly string[];

  before(async function () {
    await floor.open();
    floor.units("units.csv", "unit-1", "unit-2");
    const root = await Authority.create({ commonName: "RSA Broker CA", key: "RSA-2048" });
    floor.write("right-ca.pem", root.certificatePem);
    const server = await root.server({ commonName: "localhost", names: ["localhost"], key: "RSA-2048" });
    const rsa = { brokerCa: "right-ca.pem", key: { made: "host", kind: "RSA-2048" } };
    floor.profile("profile.json", { brokerCa: "right-ca.pem" });
    floor.profile("wrong-ca.json", { brokerCa: "broker-ca.pem" });
    floor.profile("bc66-own.json", { ...rsa, module: "bc66", route: "module-tls" });
    floor.profile("bc66-any.json", { ...rsa, module: "bc66" });
    mosquitto = await Mosquitto.start(this, {
      tls: { server, ca: root.certificatePem, requireCertificate: true, ciphers: "ECDHE+AESGCM" },
    });
    broker = ["--units", "units.csv", "--broker", `localhost:${mosquitto.port}`];
  });
  after(async () => {
    await mosquitto.stop();
    floor.close();
  });

  it("plan tells that its chain leads to the CA, and which suite it takes on each route", async () => {
    const { stdout } = await floor.good(["plan", ...broker]);
    assert.match(
      stdout,
      /^broker +localhost:\d+: its certificate leads to that CA; module-tls by ECDHE-\S+; .*host-tls by ECDHE-RSA-AES128-GCM-SHA256/m,
    );
    const { summary } = await floor.json(["plan", ...broker]);
    const told = summary["broker"];
    assert.ok(typeof told === "object" && told !== null && "suites" in told);
    assert.deepEqual(summary["routes"], ["module-tls", "host-tls", "module-mqtt"]);
  });

  it("a broker without a suite of the BC66's own TLS leaves host-tls alone", async () => {
    const { summary } = await floor.json(["plan", ...broker, "--profile", "bc66-any.json"]);
    assert.deepEqual(summary["routes"], ["host-tls"]);
  });

  for (const verb of ["plan", "run"] as const) {
    const args = (profile: string): readonly string[] => [
      ...[verb, ...broker, "--profile", profile],
      ...(verb === "run" ? ["--images", "images"] : []),
    ];

    it(`${verb} refuses a CA that the broker's chain does not lead to, and touches nothing`, async () => {
      const before = floor.snapshot();
      const run = await floor.provision(args("wrong-ca.json"));
      assertRefused(run, /wrong-ca\.json: localhost:\d+ shows a certificate that this device would refuse/);
      assert.deepEqual(floor.snapshot(), before);
    });

    it(`${verb} refuses a broker that has no suite of the only route`, async () => {
      const run = await floor.provision(args("bc66-own.json"));
      assertRefused(run, /the BC66's own TLS and the broker have no cipher suite in common/);
      assert.ok(!existsSync(floor.folder.file("images")));
    });

    it(`${verb}: a broker that is not there is the station's matter`, async () => {
      const away = ["--broker", `localhost:${await freePort()}`];
      const run = await floor.provision([...args("profile.json"), ...away]);
      assert.equal(run.code, 3, run.stderr);
      assert.match(run.stderr, /localhost:\d+ cannot be asked \(ECONNREFUSED\)\n {2}why: .+\n {2}fix: /);
      assert.ok(!existsSync(floor.folder.file("images")));
    });

    it(`${verb} refuses an address without a port`, async () => {
      assertRefused(
        await floor.provision([...args("profile.json"), "--broker", "localhost"]),
        /is not HOST:PORT/,
      );
    });
  }

  it("a broker with an EC key is told to need an RSA one for a BC66's own TLS", async function () {
    const root = await Authority.create({ commonName: "EC Broker CA" });
    const server = await root.server({ commonName: "localhost", names: ["localhost"] });
    const other = await Mosquitto.start(this, {
      tls: { server, ca: root.certificatePem, requireCertificate: true },
    });
    try {
      const run = await floor.provision([
        ...["plan", "--units", "units.csv", "--profile", "bc66-own.json"],
        ...["--broker", `localhost:${other.port}`],
      ]);
      assertRefused(run, /fix: Give the broker a certificate with an RSA key, or use host-tls\./);
      assert.doesNotMatch(run.stderr, /fix: .*ECDHE/);
    } finally {
      await other.stop();
    }
  });

  it("run makes what the broker would take", async () => {
    await floor.good(["run", ...broker, "--images", "images"]);
    assert.ok(existsSync(floor.folder.file("images/unit-2.bin")));
  });

  it("a dry run looks at no broker, and says so", async () => {
    assertRefused(
      await floor.provision(["run", ...broker, "--dry-run", "--images", "images"]),
      /--broker has no meaning with --dry-run/,
    );
  });
});
