import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { Folder, xsCellular } from "./support.js";

describe("xs-cellular certs ca", () => {
  const folder = new Folder();
  const cwd = { cwd: folder.path };
  before(() => {
    writeFileSync(folder.file("passphrase"), "correct horse\n");
    writeFileSync(folder.file("other"), "battery staple\n");
    writeFileSync(folder.file("empty"), "\n");
    writeFileSync(folder.file("lines"), "one\ntwo\n");
  });
  after(() => folder.remove());
  const secret = ["--passphrase-file", "passphrase"];

  for (const [kind, algorithm] of [
    ["P-256", "EC, curve P-256"],
    ["RSA-2048", "RSA, 2048 bits"],
  ] as const)
    it(`create makes an authority that openssl takes, with ${kind}`, async () => {
      const out = folder.file(`ca-${kind}`);
      const { code, stdout, stderr } = await xsCellular(
        [
          "certs",
          "ca",
          "create",
          "--out",
          out,
          "--name",
          "Factory CA",
          "--organization",
          "Acme",
          "--country",
          "DE",
          "--key",
          kind,
          ...secret,
        ],
        cwd,
      );
      assert.equal(code, 0, stderr);
      assert.match(stdout, new RegExp(`C=DE, O=Acme, CN=Factory CA, ${algorithm}, valid until 20\\d\\d`));
      assert.match(
        execFileSync("openssl", [
          "verify",
          "-x509_strict",
          "-CAfile",
          `${out}/ca.pem`,
          `${out}/ca.pem`,
        ]).toString(),
        /OK/,
      );
      const certificate = new X509Certificate(readFileSync(`${out}/ca.pem`));
      const key = createPrivateKey({ key: readFileSync(`${out}/ca.key`), passphrase: "correct horse" });
      assert.ok(certificate.ca && certificate.checkPrivateKey(key));
    });

  it("the key is on the disk under its passphrase only, for its owner only, and nothing else is left there", () => {
    const out = folder.file("ca-P-256");
    assert.deepEqual(readdirSync(out), ["ca.key", "ca.pem"]);
    assert.equal(statSync(`${out}/ca.key`).mode & 0o077, 0);
    const text = readFileSync(`${out}/ca.key`, "latin1");
    assert.match(text, /^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
    assert.throws(() => createPrivateKey({ key: text, passphrase: "battery staple" }));
  });

  it("create takes nothing's place unless forced to", async () => {
    const out = folder.file("ca-P-256");
    const old = readFileSync(`${out}/ca.pem`, "latin1");
    const args = ["certs", "ca", "create", "--out", out, "--name", "Again", ...secret];
    const refused = await xsCellular(args, cwd);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /ca\.pem is there already/);
    assert.equal(readFileSync(`${out}/ca.pem`, "latin1"), old);
    const forced = await xsCellular([...args, "--force"], cwd);
    assert.equal(forced.code, 0);
    assert.match(forced.stdout, /CN=Again/);
  });

  it("show tells what the authority is, and whether its key opens", async () => {
    const { code, stdout } = await xsCellular(["certs", "ca", "show", "ca-RSA-2048", ...secret], cwd);
    assert.equal(code, 0);
    assert.match(stdout, /certificate CN=Factory CA, O=Acme, C=DE|certificate C=DE, O=Acme, CN=Factory CA/);
    assert.match(stdout, /for +an authority, with at most 0 intermediates/);
    assert.match(stdout, /the passphrase opens its key, and they belong together/);
  });

  it("a passphrase can come by a descriptor", () => {
    const script = `exec "${process.execPath}" "$0" certs ca show ca-RSA-2048 --passphrase-fd 3 --json 3< passphrase`;
    const program = new URL("../../../bin/xs-cellular.js", import.meta.url).pathname;
    const told = JSON.parse(execFileSync("bash", ["-c", script, program], cwd).toString()) as {
      keyOpens: boolean;
    };
    assert.equal(told.keyOpens, true);
  });

  // Each was a stack trace and 1; below /proc it never ended.
  for (const out of ["passphrase/x", "/proc/none"])
    it(`a folder that cannot be made (${out}) is the station's fault: 3, in three sentences`, async function () {
      if (process.platform !== "linux") this.skip();
      const { code, stdout, stderr } = await xsCellular(
        ["certs", "ca", "create", "--out", out, "--name", "A", ...secret],
        cwd,
      );
      assert.deepEqual([code, stdout], [3, ""], stderr);
      assert.match(stderr, /^xs-cellular: .* cannot be written \(E[A-Z]+\)\n {2}why: .*\n {2}fix: .*\n$/);
    });

  const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
    [
      "no passphrase",
      ["create", "--out", "x", "--name", "A"],
      /Neither --passphrase-file nor --passphrase-fd was given/,
    ],
    [
      "an empty passphrase",
      ["create", "--out", "x", "--name", "A", "--passphrase-file", "empty"],
      /empty holds nothing/,
    ],
    [
      "a passphrase of two lines",
      ["create", "--out", "x", "--name", "A", "--passphrase-file", "lines"],
      /more than one line/,
    ],
    [
      "no such descriptor",
      ["create", "--out", "x", "--name", "A", "--passphrase-fd", "77"],
      /descriptor 77 cannot be read \(EBADF\)/,
    ],
    ["a name too long", ["create", "--out", "x", "--name", "A".repeat(65), ...secret], /1 to 64 characters/],
    [
      "an unknown key",
      ["create", "--out", "x", "--name", "A", "--key", "P-384", ...secret],
      /--key P-384 is not known/,
    ],
    [
      "a country in words",
      ["create", "--out", "x", "--name", "A", "--country", "Germany", ...secret],
      /no country code/,
    ],
    [
      "another passphrase",
      ["show", "ca-RSA-2048", "--passphrase-file", "other"],
      /ca\.key does not open with this passphrase/,
    ],
    ["no authority there", ["show", "nowhere"], /ca\.pem does not exist/],
  ];
  for (const [name, args, message] of wrong)
    it(`wrong input ends with 2, says so, and leaves nothing behind: ${name}`, async () => {
      const { code, stdout, stderr } = await xsCellular(["certs", "ca", ...args], cwd);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, message);
      assert.ok(!stderr.includes("correct horse") && !stderr.includes("battery"));
      assert.ok(!readdirSync(folder.path).includes("x"));
    });
});
