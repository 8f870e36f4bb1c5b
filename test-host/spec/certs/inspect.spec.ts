import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { Authority } from "../../../certs/issue.js";
import { inspectFiles } from "../../../certs/files/inspect.js";
import { fileText } from "../../../certs/files/text.js";
import { InputError } from "../../../certs/input-error.js";
import { CertificateFolder } from "./files.js";

describe("inspecting credential files", () => {
  const folder = new CertificateFolder();
  const now = new Date();
  let ca: Authority;
  let device: Awaited<ReturnType<Authority["client"]>>;
  before(async () => {
    ca = await Authority.create({ commonName: "Factory CA" });
    device = await ca.client({ commonName: "unit-7" });
  });
  after(() => folder.remove());

  async function only(path: string) {
    const [inspected] = await inspectFiles([path], now);
    assert.ok(inspected);
    const [first] = inspected.holds;
    assert.ok(first);
    return { inspected, first };
  }

  it("a certificate is told with everything that decides whether it will do", async () => {
    const { inspected, first } = await only(folder.file("device.pem", device.certificatePem));
    assert.ok(first.kind === "certificate");
    assert.equal(inspected.form, "PEM");
    assert.equal(inspected.lineEnds, "LF");
    assert.equal(first.subject, "CN=unit-7");
    assert.equal(first.issuer, "CN=Factory CA");
    assert.equal(first.key.algorithm, "EC, curve P-256");
    assert.equal(first.signature, "ECDSA with SHA-256");
    assert.deepEqual(first.extendedKeyUsage, ["clientAuth"]);
    assert.deepEqual(first.keyUsage, ["digitalSignature"]);
    assert.equal(first.ca, false);
    assert.equal(first.derBytes, device.certificate.length);
    assert.equal(first.pemBytes, device.certificatePem.length);
    const opened = new X509Certificate(device.certificate);
    assert.equal(first.sha256, opened.fingerprint256.replaceAll(":", "").toLowerCase());
    assert.equal(first.serialNumber.toUpperCase(), opened.serialNumber);
  });

  it("a public key's digest is the one that openssl computes", async () => {
    const path = folder.file("key.pem", device.keyPem);
    const { first } = await only(path);
    assert.ok(first.kind === "key");
    const spki = execFileSync("openssl", ["pkey", "-in", path, "-pubout", "-outform", "der"]);
    const digest = execFileSync("openssl", ["dgst", "-sha256", "-r"], { input: spki }).toString("latin1");
    assert.equal(first.publicKeySha256, digest.slice(0, 64));
  });

  it("key, certificate and authority find each other over files", async () => {
    const files = await inspectFiles(
      [
        folder.file("a.pem", device.certificatePem),
        folder.file("a.key", device.keyPem),
        folder.file("ca.der", ca.certificate),
      ],
      now,
    );
    const relations = files.map(file =>
      file.holds.map(one => one.relations.map(text => text.split(folder.path)[0])),
    );
    assert.deepEqual(relations, [
      [["its private key: ", "issued by CN=Factory CA: "]],
      [["its certificate: "]],
      [[]],
    ]);
  });

  const ends: readonly (readonly [string, string, string])[] = [
    ["LF", "\n", "LF"],
    ["CRLF", "\r\n", "CRLF"],
    ["CR", "\r", "CR"],
  ];
  for (const [name, end, expected] of ends)
    it(`line ends are named: ${name}`, async () => {
      const { inspected } = await only(folder.file("ends.pem", device.certificatePem.replaceAll("\n", end)));
      assert.equal(inspected.lineEnds, expected);
    });

  it("mixed line ends are named", async () => {
    const text = device.certificatePem.replace("\n", "\r\n");
    assert.equal((await only(folder.file("mixed.pem", text))).inspected.lineEnds, "mixed");
  });

  it("a signing request is told with its subject, and whether it proves its key", async () => {
    folder.openssl(
      "req",
      "-new",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-keyout",
      "r.key",
      "-out",
      "r.csr",
      "-subj",
      "/CN=unit 8",
    );
    const { first } = await only(`${folder.path}/r.csr`);
    assert.ok(first.kind === "request");
    assert.equal(first.subject, "CN=unit 8");
    assert.equal(first.verified, true);
    assert.deepEqual(first.remarks, []);
  });

  it("a request whose signature is not its key's is remarked", async () => {
    folder.openssl(
      "req",
      "-new",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-keyout",
      "f.key",
      "-out",
      "f.csr",
      "-outform",
      "der",
      "-subj",
      "/CN=unit 9",
    );
    const der = execFileSync("cat", [`${folder.path}/f.csr`]);
    const name = der.indexOf("unit 9");
    der.write("unit X", name, "latin1");
    const { first } = await only(folder.file("forged.csr", der));
    assert.ok(first.kind === "request");
    assert.equal(first.verified, false);
    assert.match(first.remarks.join(), /may not have the key/);
  });

  const remarks: readonly (readonly [string, () => Promise<string>, RegExp])[] = [
    [
      "expired",
      async () =>
        (await ca.client({ commonName: "old", notBefore: new Date(0), notAfter: new Date(86_400_000) }))
          .certificatePem,
      /^expired on 1970-01-02/,
    ],
    [
      "not valid yet",
      async () =>
        (await ca.client({ commonName: "new", notBefore: new Date(now.getTime() + 86_400_000) }))
          .certificatePem,
      /^not valid before/,
    ],
    [
      "about to expire",
      async () =>
        (await ca.client({ commonName: "soon", notAfter: new Date(now.getTime() + 36 * 3_600_000) }))
          .certificatePem,
      /^expires in 1 day$/,
    ],
    [
      "a key that nobody takes",
      async () => (await ca.client({ commonName: "p384", key: "P-384" })).certificatePem,
      /curve secp384r1.*none that module or firmware take/,
    ],
  ];
  for (const [name, make, expected] of remarks)
    it(`a certificate is remarked: ${name}`, async () => {
      const { first } = await only(folder.file("remark.pem", await make()));
      assert.equal(first.remarks.length, 1);
      assert.match(first.remarks[0] ?? "", expected);
    });

  it("a signature by MD5 is remarked", async () => {
    const { first } = await only(folder.selfSigned("md5", "/CN=md5", "-newkey", "rsa:2048", "-md5"));
    assert.match(first.remarks.join(), /RSA with MD5, which is broken/);
  });

  it("nothing of a private key is in the text or the JSON", async () => {
    const path = folder.file("secret.key", device.keyPem);
    const files = await inspectFiles([path], now);
    const told = files.map(fileText).join("") + JSON.stringify(files);
    const key = Buffer.from(device.key);
    // The private number of P-256 in PKCS#8 lies at 36, 32 bytes.
    const secret = key.subarray(36, 68);
    for (const form of ["hex", "base64", "latin1"] as const)
      assert.ok(!told.includes(secret.toString(form).slice(0, 20)));
    assert.ok(!told.includes(device.keyPem.split("\n")[1] ?? ""));
  });

  it("a name with control characters does not reach the terminal", async () => {
    const made = await ca.client({ commonName: "a\u001b[31mred" });
    const files = await inspectFiles([folder.file("control.pem", made.certificatePem)], now);
    assert.ok(!fileText(files[0] ?? assert.fail()).includes("\u001b"));
  });

  it("a file that is not there is an input error that names it", async () => {
    await assert.rejects(inspectFiles([`${folder.path}/none.pem`], now), (error: unknown) => {
      assert.ok(error instanceof InputError);
      return error.what.endsWith("none.pem does not exist");
    });
  });
});
