import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { Authority, type Issued } from "../../../certs/issue.js";
import { Mosquitto } from "./mosquitto.js";
import { Folder, freePort, xsCellular } from "./support.js";

describe("xs-cellular certs", () => {
  const folder = new Folder();
  let ca: Authority;
  let rsa: Authority;
  let unit: Issued;
  let server: Issued;
  before(async () => {
    ca = await Authority.create({ commonName: "Factory CA" });
    rsa = await Authority.create({ commonName: "Broker CA", key: "RSA-2048" });
    unit = await ca.client({ commonName: "unit-7" });
    server = await rsa.server({ commonName: "localhost", key: "RSA-2048" });
    const files = {
      "ca.pem": ca.certificatePem,
      "unit.pem": unit.certificatePem,
      "unit.key": unit.keyPem,
      "broker-ca.pem": rsa.certificatePem,
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(folder.file(name), text);
    writeFileSync(folder.file("cut.pem"), unit.certificatePem.slice(0, 200));
  });
  after(() => folder.remove());

  const cwd = { cwd: folder.path };
  const unitFiles = ["--cert", "unit.pem", "--key", "unit.key"];

  it("inspect tells what files hold and how they belong together", async () => {
    const { code, stdout } = await xsCellular(["certs", "inspect", "unit.pem", "unit.key", "ca.pem"], cwd);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^unit\.pem: PEM, \d+ bytes, line ends LF\n {2}certificate CN=unit-7\n {4}issuer +CN=Factory CA\n/,
    );
    assert.match(stdout, / {4}its private key: unit\.key\n {4}issued by CN=Factory CA: ca\.pem\n/);
  });

  it("inspect --json gives a line for each file", async () => {
    const { code, stdout } = await xsCellular(["certs", "inspect", "--json", "unit.pem", "unit.key"], cwd);
    assert.equal(code, 0);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map(line => JSON.parse(line) as { file: string; holds: { kind: string }[] });
    assert.deepEqual(
      lines.map(one => [one.file, one.holds.map(held => held.kind)]),
      [
        ["unit.pem", ["certificate"]],
        ["unit.key", ["key"]],
      ],
    );
  });

  // Nothing was told of the files that are there.
  it("inspect tells what is there beside a file that is not, and ends with 2", async () => {
    const { code, stdout, stderr } = await xsCellular(
      ["certs", "inspect", "unit.pem", "none.pem", "ca.pem"],
      cwd,
    );
    assert.equal(code, 2);
    assert.match(stdout, /unit\.pem[\s\S]*ca\.pem/);
    assert.match(stderr, /^xs-cellular: none\.pem does not exist\n {2}why: .*\n {2}fix: .*\n$/);
  });

  it("inspect ends with 1 when something is damaged, and names it", async () => {
    const { code, stdout } = await xsCellular(["certs", "inspect", "cut.pem"], cwd);
    assert.equal(code, 1);
    assert.match(stdout, /damaged: CERTIFICATE has no END line: the text was cut off/);
  });

  it("check says good, and which routes will do", async () => {
    const { code, stdout } = await xsCellular(
      [
        "certs",
        "check",
        ...unitFiles,
        "--ca",
        "ca.pem",
        "--issuer",
        "ca.pem",
        "--serial",
        "unit-7",
        "--module",
        "bg95",
      ],
      cwd,
    );
    assert.equal(code, 0, stdout);
    assert.equal(
      stdout,
      "route module-tls  will do\nroute host-tls    will do\nroute module-mqtt will do\nunit.pem: good\n",
    );
  });

  it("an EC key for a BC66's own TLS is refused with the reason", async () => {
    const { code, stdout } = await xsCellular(
      ["certs", "check", ...unitFiles, "--module", "bc66", "--route", "module-tls"],
      cwd,
    );
    assert.equal(code, 1);
    assert.match(
      stdout,
      /error \(route-key\): the BC66's own TLS does not sign with a key of this kind \(P-256\)\n {2}why: /,
    );
  });

  it("EC authorities for a BC66's own TLS are warned of, and its routes may do", async () => {
    const ec = await Authority.create({ commonName: "EC CA" });
    const unit = await ec.client({ commonName: "unit-7", key: "RSA-2048" });
    writeFileSync(folder.file("ec-ca.pem"), ec.certificatePem);
    writeFileSync(folder.file("rsa-unit.pem"), unit.certificatePem);
    const args = ["certs", "check", "--cert", "rsa-unit.pem", "--ca", "ec-ca.pem", "--module"];
    const own = await xsCellular([...args, "bc66", "--route", "module-tls"], cwd);
    assert.equal(own.code, 0, own.stdout);
    assert.match(own.stdout, /^warning \(route-signature\): the device's certificate is signed by ECDSA/);
    assert.match(
      own.stdout,
      /warning \(route-signature\): the CA for the broker \(CN=EC CA\) has the key EC/,
    );
    assert.match(own.stdout, /route module-tls {2}may do\n/);
    // Another route takes them for certain: nothing to warn of.
    const any = await xsCellular([...args, "bc66"], cwd);
    assert.doesNotMatch(any.stdout, /warning/);
    assert.match(any.stdout, /route host-tls {4}will do\nroute module-tls {2}may do\n/);
    assert.doesNotMatch((await xsCellular([...args, "bg95"], cwd)).stdout, /warning|may do/);
  });

  it("an EC key for the SDK's bare TLS is refused with the reason", async () => {
    const { code, stdout } = await xsCellular(
      ["certs", "check", ...unitFiles, "--module", "bc66", "--route", "host-tls", "--tls-engine", "sdk"],
      cwd,
    );
    assert.equal(code, 1);
    assert.match(stdout, /the SDK's bare TLS session does not sign/);
  });

  it("one route that will do is enough where none was asked for", async () => {
    const { code, stdout } = await xsCellular(
      ["certs", "check", ...unitFiles, "--module", "bc66", "--json"],
      cwd,
    );
    assert.equal(code, 0);
    const { ok, routes } = JSON.parse(stdout) as { ok: boolean; routes: { route: string; ok: boolean }[] };
    assert.equal(ok, true);
    assert.deepEqual(
      routes.map(one => [one.route, one.ok]),
      [
        ["host-tls", true],
        ["module-tls", false],
        ["module-mqtt", false],
      ],
    );
  });

  it("a broker is looked at: its chain, and a suite for each route", async function () {
    const broker = await Mosquitto.start(this, {
      tls: { server, ca: ca.certificatePem, requireCertificate: true, ciphers: "ECDHE+AESGCM" },
    });
    try {
      const address = `localhost:${broker.port}`;
      const { code, stdout } = await xsCellular(
        ["certs", "check", ...unitFiles, "--ca", "broker-ca.pem", "--module", "bg95", "--broker", address],
        cwd,
      );
      assert.equal(code, 0, stdout);
      assert.match(stdout, /route host-tls +will do, by ECDHE-RSA-AES128-GCM-SHA256/);
      const wrong = await xsCellular(
        ["certs", "check", ...unitFiles, "--ca", "ca.pem", "--broker", address],
        cwd,
      );
      assert.equal(wrong.code, 1);
      assert.match(
        wrong.stdout,
        /error \(broker\): localhost:\d+ shows a certificate that this device would refuse/,
      );
      const bc66 = await xsCellular(
        [
          "certs",
          "check",
          "--cert",
          "unit.pem",
          "--module",
          "bc66",
          "--route",
          "module-tls",
          "--broker",
          address,
        ],
        cwd,
      );
      assert.equal(bc66.code, 1);
      assert.match(bc66.stdout, /the BC66's own TLS and the broker have no cipher suite in common/);
    } finally {
      await broker.stop();
    }
  });

  it("a broker that is not there is a finding", async () => {
    const { code, stdout } = await xsCellular(
      ["certs", "check", ...unitFiles, "--ca", "ca.pem", "--broker", `localhost:${await freePort()}`],
      cwd,
    );
    assert.equal(code, 1);
    assert.match(stdout, /cannot be asked \(ECONNREFUSED\)/);
  });

  const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
    [
      "two files swapped",
      ["check", "--cert", "unit.key", "--key", "unit.pem"],
      /unit\.key holds a private key \(EC, curve P-256\), and no certificate/,
    ],
    [
      "a route without a module",
      ["check", "--cert", "unit.pem", "--route", "host-tls"],
      /--route host-tls was given without --module/,
    ],
    ["an unknown module", ["check", "--cert", "unit.pem", "--module", "bg77"], /--module bg77 is not known/],
    ["no port", ["check", "--cert", "unit.pem", "--broker", "localhost"], /is not HOST:PORT/],
    ["a file that is not there", ["inspect", "none.pem"], /none\.pem does not exist/],
    ["no certificate named", ["check"], /required option '--cert <file>' not specified/],
    ["damage", ["check", "--cert", "cut.pem"], /has no END line/],
  ];
  for (const [name, args, message] of wrong)
    it(`wrong input ends with 2 and says so: ${name}`, async () => {
      const { code, stdout, stderr } = await xsCellular(["certs", ...args], cwd);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, message);
      assert.match(stderr, /\n {2}why: .+\n {2}fix: .+\n$/);
    });
});
