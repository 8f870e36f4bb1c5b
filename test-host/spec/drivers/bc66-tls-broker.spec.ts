import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { Authority } from "../../../certs/issue.js";
import { Mosquitto } from "../cli/mosquitto.js";
import { succeed } from "../cli/result.js";
import { Folder, xsCellular } from "../cli/support.js";

describe("the firmware over the BC66's own TLS, with mosquitto", function () {
  this.timeout(60_000);
  const folder = new Folder();
  let broker: Mosquitto;
  let ecBroker: Mosquitto;

  before(async function () {
    const authority = await Authority.create({ commonName: "Plant CA", key: "RSA-2048" });
    const ca = authority.certificatePem;
    const server = { commonName: "broker.plant", names: ["broker.plant"] };
    broker = await Mosquitto.start(this, {
      tls: { server: await authority.server({ ...server, key: "RSA-2048" }), ca, requireCertificate: true },
    });
    // An EC key: nothing but ECDHE can be agreed on.
    ecBroker = await Mosquitto.start(this, {
      tls: { server: await authority.server(server), ca, requireCertificate: true },
    });
    const device = await authority.client({ commonName: "pump-8", key: "RSA-2048" });
    writeFileSync(folder.file("ca.pem"), ca);
    writeFileSync(folder.file("rsa.pem"), device.certificatePem);
    writeFileSync(folder.file("rsa.key"), device.keyPem);
  });

  after(async () => {
    await broker.stop();
    await ecBroker.stop();
    folder.remove();
  });

  const route = (port: number): string[] => [
    ...["--module", "bc66", "--route", "module-tls"],
    ...["--broker", `mqtts://localhost:${String(port)}`, "--server-name", "broker.plant"],
    ...["--ca", folder.file("ca.pem"), "--cert", folder.file("rsa.pem"), "--key", folder.file("rsa.key")],
  ];

  it("publishes by mutual TLS with static RSA over NB-IoT", async () => {
    const result = await succeed([...route(broker.port), "--link", "nb-iot"]);
    assert.equal(result.messages.acknowledged, 3);
    assert.equal(result.route.name, "module-tls");
    assert.deepEqual([result.broker.tls?.by, result.broker.tls?.version], ["module", "TLSv1.2"]);
    assert.match(result.broker.tls?.cipher ?? "", /^AES\d+-SHA/);
  });

  it("ends with -5 at a broker that has only ECDHE, and says why and what helps", async () => {
    const run = await xsCellular(["simulate", ...route(ecBroker.port)]);
    assert.notEqual(run.code, 0);
    assert.match(run.stderr, /AT\+QSSLOPEN, code -5: no cipher suite in common/);
    assert.match(run.stderr, /host-tls/);
  });
});
