import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { generateKeyPairSync, randomBytes, sign, X509Certificate, type KeyObject } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { issueRoot } from "../../../certs/authority/certificate.js";
import { SigningIssuer } from "../../../certs/authority/file-authority.js";
import { OutsideFolders } from "../../../certs/authority/outside.js";
import { requestFileName, serialOfRequestFile } from "../../../certs/authority/request-files.js";
import { keyDigest, ReturnedFolder } from "../../../certs/authority/returned.js";
import { KeySigner } from "../../../certs/authority/signer.js";
import { FactoryError } from "../../../certs/factory-error.js";
import { InputError } from "../../../certs/input-error.js";
import { toPem } from "../../../certs/pem-text.js";
import { certificationRequest, requestInfo } from "../../../modules/pki/csr.js";
import { CertificateFolder } from "./files.js";

const DAY_MS = 86_400_000;

interface Unit {
  readonly serial: string;
  readonly key: Uint8Array;
  readonly request: Uint8Array;
}

function spki(key: KeyObject): Uint8Array {
  return Uint8Array.from(key.export({ type: "spki", format: "der" }));
}

function unitOf(serial: string, name = serial): Unit {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = spki(publicKey);
  const device = {
    algorithm: "ES256" as const,
    publicKey: key,
    pkcs8: new Uint8Array(0),
    sign: () => undefined,
  };
  const info = requestInfo(Buffer.from(name), device);
  const signature = sign("sha256", info, { key: privateKey, dsaEncoding: "ieee-p1363" });
  return { serial, key, request: certificationRequest(info, "ES256", signature) };
}

async function authority(commonName: string, now: Date): Promise<SigningIssuer> {
  const signer = new KeySigner(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
  const der = await issueRoot(
    {
      subject: { commonName },
      notBefore: new Date(now.getTime() - 100 * DAY_MS),
      notAfter: new Date(now.getTime() + 1_000 * DAY_MS),
    },
    signer,
  );
  return new SigningIssuer(new X509Certificate(der), signer);
}

describe("requests go out, certificates come back", () => {
  let folder: CertificateFolder;
  let now: Date;
  let issuer: SigningIssuer;
  let stranger: SigningIssuer;
  let outside: OutsideFolders;
  let back: string;

  before(async () => {
    now = new Date();
    issuer = await authority("Outside CA", now);
    stranger = await authority("Stranger", now);
  });
  beforeEach(() => {
    folder = new CertificateFolder();
    back = `${folder.path}/certificates`;
    mkdirSync(back);
    outside = new OutsideFolders({
      requests: `${folder.path}/requests`,
      certificates: back,
      certificate: issuer.certificate,
      now: () => now,
    });
  });
  afterEach(() => folder.remove());

  function issue(
    unit: Unit,
    options: { by?: SigningIssuer; name?: string; from?: number; days?: number } = {},
  ) {
    const { by = issuer, name = unit.serial, from = -1, days = 100 } = options;
    return by.issue({
      subject: { commonName: name },
      publicKey: unit.key,
      notBefore: new Date(now.getTime() + from * DAY_MS),
      notAfter: new Date(now.getTime() + days * DAY_MS),
    });
  }

  const put = (name: string, contents: string | Uint8Array): void => {
    writeFileSync(`${back}/${name}`, contents);
  };
  const pem = (der: Uint8Array): string => toPem(der, "CERTIFICATE");

  async function refused(unit: Unit, what: RegExp): Promise<void> {
    await assert.rejects(outside.receive(unit.serial, unit.key), (error: unknown) => {
      assert.ok(error instanceof FactoryError, String(error));
      assert.equal(error.code, "returned-certificate");
      assert.match(error.what, what);
      return true;
    });
  }

  describe("names of files", () => {
    it("any two serials of a list have different names, and names lead back", () => {
      const serial = fc.stringMatching(/^[\w:][\w.:-]{0,63}$/);
      fc.assert(
        fc.property(serial, one => {
          const name = requestFileName(one);
          assert.match(name, /^[\w.%-]+\.csr$/);
          assert.equal(serialOfRequestFile(name), one);
        }),
      );
    });

    for (const name of ["../a.csr", "a.pem", ".csr", "-a.csr", "a%3a.csr", "a%2Fb.csr", "a:b.csr", "a b.csr"])
      it(`is no name of a request: ${name}`, () => {
        assert.equal(serialOfRequestFile(name), undefined);
      });
  });

  describe("going out", () => {
    it("openssl reads the request and verifies it", async () => {
      const unit = unitOf("SN:0001");
      await outside.send(unit.serial, unit.request);
      const path = `${folder.path}/requests/SN%3A0001.csr`;
      const subject = execFileSync("openssl", ["req", "-in", path, "-verify", "-noout", "-subject"], {
        stdio: ["ignore", "pipe", "ignore"],
      });
      assert.match(subject.toString(), /CN = SN:0001/);
    });

    it("sending the same key's request again leaves the file as it is", async () => {
      const unit = unitOf("unit-1");
      await outside.send(unit.serial, unit.request);
      const path = `${folder.path}/requests/unit-1.csr`;
      utimesSync(path, 1, 1);
      await outside.send(unit.serial, unit.request);
      assert.deepEqual(execFileSync("stat", ["-c", "%Y", path]).toString().trim(), "1");
    });

    it("a request for a new key takes the old one's place", async () => {
      const [old, fresh] = [unitOf("unit-1"), unitOf("unit-1")];
      await outside.send("unit-1", old.request);
      await outside.send("unit-1", fresh.request);
      assert.deepEqual(readdirSync(`${folder.path}/requests`), ["unit-1.csr"]);
      assert.ok(
        readFileSync(`${folder.path}/requests/unit-1.csr`, "latin1").includes(
          Buffer.from(fresh.request).toString("base64").slice(0, 64),
        ),
      );
    });

    it("a request for another name is refused", async () => {
      await assert.rejects(outside.send("unit-1", unitOf("unit-1", "unit-2").request), /not for unit-1/);
    });

    it("bytes that are no request are refused", async () => {
      await assert.rejects(outside.send("unit-1", randomBytes(100)), /request of unit-1 cannot be read/);
    });
  });

  describe("coming back", () => {
    it("nothing has come yet", async () => {
      const unit = unitOf("unit-1");
      assert.equal(await outside.receive(unit.serial, unit.key), undefined);
    });

    const forms: readonly (readonly [string, (der: Uint8Array) => string | Uint8Array])[] = [
      ["PEM", pem],
      ["DER", der => der],
      ["PEM with CRLF", der => pem(der).replaceAll("\n", "\r\n")],
      ["PEM behind a byte order mark and words", der => `\ufeffyour certificate:\n${pem(der)}\nregards\n`],
      ["UTF-16", der => Buffer.from(`\ufeff${pem(der)}`, "utf16le")],
      ["PEM with its authority", der => pem(der) + pem(Uint8Array.from(issuer.certificate.raw))],
    ];
    for (const [name, write] of forms)
      it(`a certificate is found by its key, whatever the file is called: ${name}`, async () => {
        const unit = unitOf("unit-1");
        const der = await issue(unit);
        put("order 66 (final).txt", write(der));
        assert.deepEqual(await outside.receive(unit.serial, unit.key), der);
        assert.deepEqual(await outside.faults(), [
          { file: "order 66 (final).txt", what: "CN=unit-1 is for a key that no request is out for" },
        ]);
      });

    const wrong: readonly (readonly [string, (unit: Unit) => Promise<Uint8Array>, RegExp])[] = [
      ["another name", unit => issue(unit, { name: "unit-2" }), /is for CN=unit-2, not for CN=unit-1/],
      ["another authority", unit => issue(unit, { by: stranger }), /was not issued by CN=Outside CA/],
      ["expired", unit => issue(unit, { from: -50, days: -10 }), /expired on/],
      ["not valid yet", unit => issue(unit, { from: 10 }), /is not valid before/],
      [
        "a forged signature",
        async unit => {
          const der = await issue(unit);
          der[der.length - 5] = (der[der.length - 5] ?? 0) ^ 1;
          return der;
        },
        /was not issued by/,
      ],
    ];
    for (const [name, make, what] of wrong)
      it(`one for the right key that does not fit is told by its file: ${name}`, async () => {
        const unit = unitOf("unit-1");
        await outside.send(unit.serial, unit.request);
        put("bad.pem", pem(await make(unit)));
        await refused(unit, new RegExp(`^bad\\.pem: the certificate for the key of unit-1 ${what.source}`));
        const [fault] = await outside.faults();
        assert.equal(fault?.file, "bad.pem");
        assert.match(fault.what, what);
      });

    it("a good one beside a bad one is taken, and of two good ones that which lasts longer", async () => {
      const unit = unitOf("unit-1");
      const long = await issue(unit, { days: 200 });
      put("a.pem", pem(await issue(unit, { by: stranger })));
      put("b.pem", pem(await issue(unit)));
      put("c.pem", pem(long));
      put("d.pem", pem(await issue(unit, { days: 50 })));
      assert.deepEqual(await outside.receive(unit.serial, unit.key), long);
    });

    it("files of every wrong kind are told by name, and stop no other", async () => {
      const unit = unitOf("unit-1");
      const other = unitOf("unit-2");
      await outside.send(unit.serial, unit.request);
      const der = await issue(unit);
      put("empty.pem", "");
      put(
        "key.pem",
        String(
          generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
            type: "pkcs8",
            format: "pem",
          }),
        ),
      );
      put("cut.pem", pem(der).slice(0, 300));
      put("notes.txt", "see you on Monday");
      put(
        "request.csr",
        `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(unit.request).toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`,
      );
      put("other-key.pem", pem(await issue({ ...other, serial: "unit-1" })));
      put("stray.pem", pem(await issue(other)));
      put(".part", "half");
      mkdirSync(`${back}/sub`);
      put("z.pem", pem(der));
      assert.deepEqual(await outside.receive(unit.serial, unit.key), der);
      const faults = (await outside.faults()).map(one => `${one.file} ${one.what}`).sort();
      const expected = [
        /^cut\.pem holds a damaged CERTIFICATE/,
        /^empty\.pem is empty$/,
        /^key\.pem holds a private key \(EC, curve P-256\), which/,
        /^notes\.txt holds neither PEM text nor DER$/,
        /^other-key\.pem CN=unit-1 is for another key than the one that a request is out for$/,
        /^request\.csr holds a certificate signing request, which/,
        /^stray\.pem CN=unit-2 is for a key that no request is out for$/,
      ];
      assert.equal(faults.length, expected.length, faults.join("\n"));
      for (const [at, pattern] of expected.entries()) assert.match(faults[at] ?? "", pattern);
    });

    it("one that is valid for another time than was asked is told, and taken", async () => {
      const unit = unitOf("unit-1");
      const asking = new OutsideFolders({
        requests: `${folder.path}/requests`,
        certificates: back,
        certificate: issuer.certificate,
        days: 365,
        now: () => now,
      });
      await asking.send(unit.serial, unit.request);
      const der = await issue(unit, { from: 0, days: 100 });
      put("short.pem", pem(der));
      assert.deepEqual(await asking.faults(), [
        { file: "short.pem", what: "CN=unit-1 is valid for 100 days; the profile asks for 365" },
      ]);
      assert.deepEqual(await asking.receive(unit.serial, unit.key), der);
      put("short.pem", pem(await issue(unit, { days: 365 })));
      assert.deepEqual(await asking.faults(), []);
    });

    it("one that a unit has already is no fault when its request is gone", async () => {
      const der = await issue(unitOf("unit-1"));
      put("had.pem", pem(der));
      assert.equal((await outside.faults()).length, 1);
      const sha256 = new X509Certificate(der).fingerprint256.replaceAll(":", "").toLowerCase();
      assert.deepEqual(await outside.faults(known => Promise.resolve(known === sha256)), []);
    });

    it("one that came for a former key leaves the unit waiting", async () => {
      const [old, fresh] = [unitOf("unit-1"), unitOf("unit-1")];
      put("old.pem", pem(await issue(old)));
      await outside.send("unit-1", fresh.request);
      assert.equal(await outside.receive("unit-1", fresh.key), undefined);
    });

    it("a folder that is not there is told", async () => {
      renameSync(back, `${folder.path}/moved`);
      await assert.rejects(
        outside.receive("unit-1", unitOf("unit-1").key),
        (error: unknown) => error instanceof FactoryError && error.code === "certificates-folder",
      );
    });
  });

  describe("looking again", () => {
    it("a file is read once, however many units ask, at the same time too", async () => {
      const unit = unitOf("unit-1");
      const der = await issue(unit);
      put("a.pem", pem(der));
      put("b.pem", pem(await issue(unitOf("unit-2"))));
      const returned = new ReturnedFolder(back, () => 0);
      const asked = Array.from({ length: 50 }, () => returned.byKey(keyDigest(unit.key)));
      for (const found of await Promise.all(asked)) assert.deepEqual(found[0]?.der, der);
      for (let count = 0; count < 50; count++) await returned.byKey(keyDigest(unit.key));
      assert.equal(returned.reads, 2);
    });

    it("a file that comes later is found, and the others are not read again", async () => {
      const unit = unitOf("unit-1");
      put("a.pem", pem(await issue(unitOf("unit-2"))));
      const returned = new ReturnedFolder(back, () => 0);
      assert.deepEqual(await returned.byKey(keyDigest(unit.key)), []);
      put("b.pem", pem(await issue(unit)));
      assert.equal((await returned.byKey(keyDigest(unit.key))).length, 1);
      assert.equal(returned.reads, 2);
    });

    it("a file that was written over in place is found after five seconds", async () => {
      const unit = unitOf("unit-1");
      let ms = 0;
      put("a.pem", "half of a file");
      // As if all of this were long ago.
      utimesSync(back, 1, 1);
      const returned = new ReturnedFolder(back, () => ms);
      await returned.byKey("");
      put("a.pem", pem(await issue(unit)));
      ms = 5_000;
      assert.equal((await returned.byKey(keyDigest(unit.key))).length, 1);
      assert.deepEqual(await returned.faults(), []);
    });

    it("a file that is taken away is forgotten", async () => {
      const unit = unitOf("unit-1");
      put("a.pem", pem(await issue(unit)));
      const returned = new ReturnedFolder(back, () => 0);
      assert.equal((await returned.byKey(keyDigest(unit.key))).length, 1);
      renameSync(`${back}/a.pem`, `${folder.path}/a.pem`);
      assert.deepEqual(await returned.byKey(keyDigest(unit.key)), []);
    });
  });

  describe("a bundle of what is outstanding", () => {
    it("holds every request without a certificate, by serial, and a manifest of them", async () => {
      const units = ["unit:3", "unit-1", "unit-2"].map(serial => unitOf(serial));
      for (const unit of units) await outside.send(unit.serial, unit.request);
      put("two.pem", pem(await issue(units[2] ?? unitOf("x"))));
      const told = await outside.bundle(`${folder.path}/all.pem`, `${folder.path}/all.csv`);
      assert.deepEqual(told, { requests: 2, faults: [] });
      const [first, third] = [units[1], units[0]].map(unit =>
        unit === undefined ? "" : keyDigest(unit.key),
      );
      assert.equal(
        readFileSync(`${folder.path}/all.csv`, "latin1"),
        `serial,key_sha256,file\nunit-1,${first ?? ""},unit-1.csr\nunit:3,${third ?? ""},unit%3A3.csr\n`,
      );
      assert.equal(
        readFileSync(`${folder.path}/all.pem`, "latin1").match(/BEGIN CERTIFICATE REQUEST/g)?.length,
        2,
      );
    });

    it("a unit whose certificate does not fit is still outstanding", async () => {
      const unit = unitOf("unit-1");
      await outside.send(unit.serial, unit.request);
      put("bad.pem", pem(await issue(unit, { by: stranger })));
      assert.equal((await outside.bundle(`${folder.path}/all.pem`)).requests, 1);
    });

    it("files that are no requests are told and left out", async () => {
      const unit = unitOf("unit-1");
      await outside.send(unit.serial, unit.request);
      writeFileSync(`${folder.path}/requests/unit-2.csr`, "not one");
      writeFileSync(`${folder.path}/requests/unit-3.csr`, readFileSync(`${folder.path}/requests/unit-1.csr`));
      const { requests, faults } = await outside.bundle(`${folder.path}/all.pem`);
      assert.equal(requests, 1);
      assert.deepEqual(faults, [
        { file: "unit-2.csr", what: "cannot be read" },
        { file: "unit-3.csr", what: "holds a request that is not for unit-3" },
      ]);
    });

    it("takes the place of nothing unless it is forced to", async () => {
      const path = folder.file("all.pem", "mine");
      await assert.rejects(outside.bundle(path), InputError);
      assert.equal(readFileSync(path, "latin1"), "mine");
      await outside.bundle(path, undefined, { force: true });
      assert.equal(readFileSync(path, "latin1"), "");
    });
  });

  it("one file with many certificates is read once, for many units that ask again and again", async () => {
    const units = Array.from({ length: 300 }, (_, at) => unitOf(`unit-${String(at)}`));
    const all: string[] = [];
    for (const unit of units) all.push(pem(await issue(unit)));
    put("all.pem", all.join(""));
    const returned = new ReturnedFolder(back);
    for (let count = 0; count < 10; count++)
      for (const unit of units) assert.equal((await returned.byKey(keyDigest(unit.key))).length, 1);
    assert.equal(returned.reads, 1);
  });
});
