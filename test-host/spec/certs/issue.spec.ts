import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { Authority, type Issued, type KeyKind } from "../../../certs/issue.js";
import { BytesCredential } from "../../../modules/pki/bytes.js";
import { inspectDer } from "../../../modules/pki/der.js";

const parsed = (issued: Issued): X509Certificate => new X509Certificate(issued.certificate);

describe("issuing certificates", () => {
  let root: Authority;
  before(async () => {
    root = await Authority.create({ commonName: "Test root" });
  });

  it("makes a root that signs itself and is marked as a CA", () => {
    const certificate = parsed(root);
    assert.equal(certificate.ca, true);
    assert.ok(certificate.checkIssued(certificate));
    assert.ok(certificate.verify(certificate.publicKey));
  });

  it("makes a server certificate for names and addresses, signed by the root", async () => {
    const server = parsed(
      await root.server({ commonName: "broker", names: ["broker.test", "127.0.0.1", "::1"] }),
    );
    assert.ok(server.checkIssued(parsed(root)));
    assert.ok(server.verify(parsed(root).publicKey));
    assert.equal(server.checkHost("broker.test"), "broker.test");
    assert.equal(server.checkIP("127.0.0.1"), "127.0.0.1");
    assert.equal(server.checkIP("::1"), "::1");
    assert.equal(server.checkHost("other.test"), undefined);
    assert.equal(server.ca, false);
    assert.deepEqual(server.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
  });

  it("makes a client certificate that is for clients alone", async () => {
    const client = parsed(await root.client({ commonName: "device-1" }));
    assert.deepEqual(client.keyUsage, ["1.3.6.1.5.5.7.3.2"]);
    assert.equal(client.subject, "CN=device-1");
    assert.equal(client.issuer, "CN=Test root");
  });

  for (const kind of ["P-256", "P-384", "RSA-2048", "RSA-1024"] as const satisfies readonly KeyKind[]) {
    it(`makes a ${kind} key that matches its certificate, and device code reads both`, async () => {
      const client = await root.client({ commonName: "device-1", key: kind });
      const key = createPrivateKey({ key: Buffer.from(client.key), format: "der", type: "pkcs8" });
      assert.ok(parsed(client).checkPrivateKey(key));
      const algorithm = kind.startsWith("RSA") ? "RSA" : kind === "P-256" ? "P-256" : "other";
      const certificate = inspectDer(new BytesCredential(client.certificate));
      assert.ok(certificate.kind === "certificate");
      assert.equal(certificate.algorithm, algorithm);
      assert.equal(certificate.commonName, "device-1");
      const inspected = inspectDer(new BytesCredential(client.key));
      assert.ok(inspected.kind === "key");
      assert.equal(inspected.algorithm, algorithm);
    });
  }

  it("keeps to the dates that are asked for", async () => {
    const notBefore = new Date("2020-01-01T00:00:00Z");
    const notAfter = new Date("2021-01-01T00:00:00Z");
    const expired = parsed(await root.client({ commonName: "old", notBefore, notAfter }));
    assert.equal(Date.parse(expired.validFrom), notBefore.getTime());
    assert.equal(Date.parse(expired.validTo), notAfter.getTime());
  });

  it("keeps a name with the special characters of distinguished names as it is", async () => {
    const commonName = 'a, b = "c" + #d\\e';
    const client = await root.client({ commonName });
    const found = inspectDer(new BytesCredential(client.certificate));
    assert.ok(found.kind === "certificate");
    assert.equal(found.commonName, commonName);
  });

  it("sends intermediates behind the leaf, and leaves out the root", async () => {
    const middle = await root.authority({ commonName: "Test intermediate", key: "RSA-2048" });
    const server = await middle.server({ commonName: "broker.test" });
    assert.equal(server.chainPem, server.certificatePem + middle.certificatePem);
    assert.ok(parsed(server).verify(parsed(middle).publicKey));
    assert.ok(parsed(middle).verify(parsed(root).publicKey));
    assert.equal((await root.server({ commonName: "x.test" })).chainPem.match(/BEGIN/g)?.length, 1);
  });

  it("gives PEM that OpenSSL reads back to the same bytes", async () => {
    const client = await root.client({ commonName: "device-1" });
    assert.deepEqual(new Uint8Array(new X509Certificate(client.certificatePem).raw), client.certificate);
    const key = createPrivateKey(client.keyPem).export({ type: "pkcs8", format: "der" });
    assert.deepEqual(new Uint8Array(key), client.key);
  });
});
