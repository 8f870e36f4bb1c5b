import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  X509Certificate,
  type KeyObject,
} from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import {
  deviceValidity,
  issueDevice,
  issueRoot,
  sampleDevice,
  type CertificateOptions,
} from "../../../certs/authority/certificate.js";
import { createAuthority, openAuthority, SigningIssuer } from "../../../certs/authority/file-authority.js";
import { lockKey } from "../../../certs/authority/locked-key.js";
import { KeySigner, type CertificateSigner } from "../../../certs/authority/signer.js";
import { FactoryError } from "../../../certs/factory-error.js";
import { InputError } from "../../../certs/input-error.js";
import { parseCertificate } from "../../../modules/pki/x509.js";
import { CertificateFolder } from "./files.js";

const DAY_MS = 86_400_000;
const PASSPHRASE = "twelve chars";
const NOT_BEFORE = new Date("2026-01-01T00:00:00Z");
const NOT_AFTER = new Date("2036-01-01T00:00:00Z");

function spki(key: KeyObject): Uint8Array {
  return Uint8Array.from(key.export({ type: "spki", format: "der" }));
}

function isFactoryError(code: string, what?: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof FactoryError, String(error));
    assert.equal(error.code, code);
    if (what !== undefined) assert.match(error.what, what);
    assert.ok(error.why.length > 20 && error.fix.length > 10);
    return true;
  };
}

describe("the limits of a file authority", () => {
  const folder = new CertificateFolder();
  const authorityKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const unitKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey;
  const rsaKey = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const signer = new KeySigner(authorityKey);
  let root: X509Certificate;
  let good: CertificateOptions;

  before(async () => {
    const subject = { commonName: "Factory CA" };
    root = new X509Certificate(
      await issueRoot({ subject, notBefore: NOT_BEFORE, notAfter: NOT_AFTER }, signer),
    );
    good = {
      subject: { commonName: "unit-7" },
      publicKey: spki(unitKey),
      notBefore: NOT_BEFORE,
      notAfter: NOT_AFTER,
      serialNumber: "0123456789abcdef",
    };
  });
  after(() => folder.remove());

  describe("its key on the disk", () => {
    it("openssl reads it, by PBKDF2-SHA256 of 600,000 rounds and AES-256", () => {
      const path = folder.file("locked.key", lockKey(authorityKey, PASSPHRASE));
      const structure = execFileSync("openssl", ["asn1parse", "-in", path]).toString();
      assert.match(
        structure,
        /PBES2[\s\S]*PBKDF2[\s\S]*INTEGER +:0927C0[\s\S]*hmacWithSHA256[\s\S]*aes-256-cbc/,
      );
      const opened = execFileSync("openssl", [
        ...["pkey", "-in", path, "-passin", `pass:${PASSPHRASE}`, "-pubout", "-outform", "der"],
      ]);
      assert.deepEqual(Uint8Array.from(opened), signer.publicKey);
    });

    it("node reads it, RSA too, with letters of any language in the passphrase", () => {
      const passphrase = "größer als zwölf €";
      const opened = createPrivateKey({ key: lockKey(rsaKey, passphrase), passphrase });
      assert.ok(createPublicKey(opened).equals(createPublicKey(rsaKey)));
    });

    it("the same key under the same passphrase is never stored the same way twice", () => {
      const middle = (pem: string) => pem.split("\n").slice(1, 3).join("");
      assert.notEqual(middle(lockKey(authorityKey, PASSPHRASE)), middle(lockKey(authorityKey, PASSPHRASE)));
    });

    it("a passphrase of fewer than 12 characters is refused, and no file is left", async () => {
      const place = `${folder.path}/short`;
      const options = {
        subject: { commonName: "CA" },
        key: "P-256",
        notBefore: NOT_BEFORE,
        notAfter: NOT_AFTER,
      } as const;
      await assert.rejects(createAuthority(place, { ...options, passphrase: "elevenchars" }), error => {
        assert.ok(error instanceof InputError);
        assert.match(error.what, /fewer than 12 characters/);
        assert.ok(!JSON.stringify([error.what, error.why, error.fix]).includes("elevenchars"));
        return true;
      });
      assert.throws(() => readFileSync(`${place}/ca.key`), /ENOENT/);
    });

    it("a key that lies there in clear is refused", async () => {
      const place = `${folder.path}/clear`;
      await createAuthority(place, {
        ...{ subject: { commonName: "CA" }, key: "P-256", notBefore: NOT_BEFORE, notAfter: NOT_AFTER },
        passphrase: PASSPHRASE,
      });
      const key = createPrivateKey({ key: readFileSync(`${place}/ca.key`), passphrase: PASSPHRASE });
      writeFileSync(`${place}/ca.key`, key.export({ type: "pkcs8", format: "pem" }));
      assert.throws(() => openAuthority(place, PASSPHRASE), /holds the authority's key in clear/);
    });
  });

  describe("keys that it does not sign with", () => {
    const kinds: readonly (readonly [string, readonly string[], RegExp])[] = [
      ["P-384", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"], /curve secp384r1/],
      ["Ed25519", ["-newkey", "ed25519"], /ed25519/],
      ["RSA-1024", ["-newkey", "rsa:1024"], /RSA, 1024 bits/],
    ];
    for (const [name, options, what] of kinds)
      it(`an authority with ${name} is refused`, () => {
        const place = `${folder.path}/${name}`;
        mkdirSync(place);
        folder.openssl(
          ...["req", "-x509", ...options, "-nodes", "-keyout", `${name}/plain.key`, "-out", `${name}/ca.pem`],
          ...["-subj", "/CN=CA", "-addext", "basicConstraints=critical,CA:TRUE"],
        );
        const key = createPrivateKey(readFileSync(`${place}/plain.key`));
        writeFileSync(`${place}/ca.key`, lockKey(key, PASSPHRASE));
        assert.throws(() => openAuthority(place, PASSPHRASE), isFactoryError("issuer-key", what));
        assert.throws(() => new KeySigner(key), isFactoryError("issuer-key", what));
      });
  });

  describe("issuers that may issue nothing", () => {
    const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
      ["a device's certificate", ["-addext", "basicConstraints=critical,CA:FALSE"], /is no authority/],
      ["an authority without keyCertSign", ["-addext", "keyUsage=critical,cRLSign"], /lacks keyCertSign/],
    ];
    for (const [name, options, what] of cases)
      it(`${name} is refused`, () => {
        const path = folder.selfSigned("issuer", "/CN=CA", ...options);
        const key = new KeySigner(createPrivateKey(readFileSync(path.replace(".pem", ".key"))));
        assert.throws(
          () => new SigningIssuer(new X509Certificate(readFileSync(path)), key),
          isFactoryError("issuer", what),
        );
      });

    it("a certificate of another key than the one that signs is refused", () => {
      assert.throws(
        () => new SigningIssuer(root, new KeySigner(rsaKey)),
        isFactoryError("issuer", /is not the certificate of the key that signs/),
      );
    });
  });

  describe("what is asked of it", () => {
    const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey;
    const rsa1024 = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey;
    const plain = spki(unitKey);
    const compressed = Uint8Array.from(plain.subarray(0, 59));
    compressed[26] = 2 + ((plain[90] ?? 0) & 1);
    compressed[1] = 57;
    compressed[24] = 34;
    const offCurve = plain.map((byte, at) => (at === 90 ? byte ^ 1 : byte));
    const cases: readonly (readonly [string, Partial<CertificateOptions>, string, RegExp])[] = [
      [
        "dates in the wrong order",
        { notBefore: NOT_AFTER, notAfter: NOT_BEFORE },
        "certificate-dates",
        /end before it begins/,
      ],
      [
        "dates that are the same second",
        { notAfter: NOT_BEFORE },
        "certificate-dates",
        /end before it begins/,
      ],
      ["a date that is none", { notAfter: new Date(NaN) }, "certificate-dates", /end before it begins/],
      [
        "an end after the authority's",
        { notAfter: new Date(NOT_AFTER.getTime() + 1_000) },
        "certificate-dates",
        /not within the life/,
      ],
      [
        "a beginning before the authority's",
        { notBefore: new Date(NOT_BEFORE.getTime() - 1_000) },
        "certificate-dates",
        /not within the life/,
      ],
      ["an empty common name", { subject: { commonName: "" } }, "certificate-name", /no characters/],
      [
        "a common name of 65 characters",
        { subject: { commonName: "x".repeat(65) } },
        "certificate-name",
        /65 characters/,
      ],
      ["a line end in a name", { subject: { commonName: "a\nb" } }, "certificate-name", /control characters/],
      [
        "half a character in a name",
        { subject: { commonName: "a\ud800" } },
        "certificate-name",
        /halves of characters/,
      ],
      [
        "a country of three letters",
        { subject: { commonName: "a", country: "DEU" } },
        "certificate-name",
        /two capitals/,
      ],
      ["serial number 0", { serialNumber: "0000" }, "certificate-serial", /not positive/],
      [
        "a serial number of 21 bytes",
        { serialNumber: "01".repeat(21) },
        "certificate-serial",
        /1 to 20 bytes/,
      ],
      ["a serial number that is no number", { serialNumber: "xyz" }, "certificate-serial", /1 to 20 bytes/],
      ["a key on P-384", { publicKey: spki(p384) }, "unit-key", /curve secp384r1/],
      ["an RSA key of 1024 bits", { publicKey: spki(rsa1024) }, "unit-key", /RSA, 1024 bits/],
      ["a point that is not on the curve", { publicKey: offCurve }, "unit-key", /is damaged/],
      ["a compressed point", { publicKey: compressed }, "unit-key", /unusual form/],
      ["a byte behind the key", { publicKey: Uint8Array.from([...plain, 0]) }, "unit-key", /unusual form/],
      ["no key", { publicKey: new Uint8Array(0) }, "unit-key", /is damaged/],
    ];
    for (const [name, change, code, what] of cases)
      it(`${name}: refused before anything is signed`, async () => {
        let signatures = 0;
        const counting: CertificateSigner = {
          ...{ algorithm: signer.algorithm, publicKey: signer.publicKey },
          sign: bytes => {
            signatures++;
            return signer.sign(bytes);
          },
        };
        await assert.rejects(issueDevice({ ...good, ...change }, root, counting), isFactoryError(code, what));
        assert.equal(signatures, 0);
      });

    it("64 characters of four bytes each are a common name", async () => {
      const commonName = "😀".repeat(64);
      const der = await issueDevice({ ...good, subject: { commonName } }, root, signer);
      assert.match(new X509Certificate(der).subject, /^CN=😀{64}$/u);
    });

    it("validity of a device lies within its authority's, and begins a day ago where it can", () => {
      const now = new Date("2026-01-01T12:00:00.900Z");
      const young = deviceValidity(root, 10, now);
      assert.deepEqual(young, { notBefore: NOT_BEFORE, notAfter: new Date("2026-01-11T12:00:00Z") });
      const later = deviceValidity(root, 10, new Date(now.getTime() + 30 * DAY_MS));
      assert.deepEqual(later.notBefore, new Date("2026-01-30T12:00:00Z"));
      assert.throws(
        () => deviceValidity(root, 3_653, now),
        isFactoryError("certificate-dates", /2036-01-01/),
      );
    });
  });

  describe("signatures", () => {
    it("a resumed run that signs the same draft again gets the same certificate but for the signature", async () => {
      const [one, other] = [await issueDevice(good, root, signer), await issueDevice(good, root, signer)];
      assert.deepEqual(parseCertificate(one).tbs, parseCertificate(other).tbs);
      assert.notDeepEqual(one, other);
    });

    it("with an RSA authority the whole certificate is the same", async () => {
      const rsa = new KeySigner(rsaKey);
      const options = { subject: { commonName: "RSA CA" }, notBefore: NOT_BEFORE, notAfter: NOT_AFTER };
      const issuer = new X509Certificate(await issueRoot(options, rsa));
      assert.deepEqual(await issueDevice(good, issuer, rsa), await issueDevice(good, issuer, rsa));
    });

    const wrong: readonly (readonly [string, (bytes: Uint8Array) => Uint8Array])[] = [
      [
        "over something else",
        () => sign("sha256", Buffer.of(1), { key: authorityKey, dsaEncoding: "ieee-p1363" }),
      ],
      ["as DER instead of r and s", bytes => sign("sha256", bytes, authorityKey)],
      ["of zeros", () => new Uint8Array(64)],
      ["that is empty", () => new Uint8Array(0)],
      [
        "with a hash of a hash",
        bytes =>
          sign("sha256", createHash("sha256").update(bytes).digest(), {
            key: authorityKey,
            dsaEncoding: "ieee-p1363",
          }),
      ],
    ];
    for (const [name, make] of wrong)
      it(`a signature ${name} is found at once`, async () => {
        const faulty: CertificateSigner = {
          algorithm: "ECDSA",
          publicKey: signer.publicKey,
          sign: bytes => Promise.resolve(Uint8Array.from(make(bytes))),
        };
        await assert.rejects(
          issueDevice(good, root, faulty),
          isFactoryError("signature", /signature is wrong/),
        );
      });

    it("a signer of another key than the issuer's is found, though its signature is good in itself", async () => {
      const stranger = new KeySigner(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
      await assert.rejects(issueDevice(good, root, stranger), isFactoryError("signature"));
    });

    it("a sample has the shape of the real one and at most its size, and nobody takes it", async () => {
      const real = await issueDevice(good, root, signer);
      const sample = sampleDevice(good, root);
      assert.deepEqual(parseCertificate(sample).tbs, parseCertificate(real).tbs);
      assert.ok(sample.length >= real.length && sample.length <= real.length + 8);
      assert.equal(new X509Certificate(sample).verify(root.publicKey), false);
    });
  });

  it("the key identifier of the issuer is copied as its certificate has it", async () => {
    const path = folder.selfSigned(
      "ski",
      "/CN=Other CA",
      "-addext",
      "subjectKeyIdentifier=00112233445566778899",
      "-addext",
      "keyUsage=critical,keyCertSign",
    );
    const issuer = new X509Certificate(readFileSync(path));
    const key = new KeySigner(createPrivateKey(readFileSync(path.replace(".pem", ".key"))));
    const der = await issueDevice({ ...good, ...deviceValidity(issuer, 10, new Date()) }, issuer, key);
    const certificate = folder.file("ski-unit.der", der);
    execFileSync("openssl", ["verify", "-x509_strict", "-partial_chain", "-CAfile", path, certificate]);
    const text = execFileSync("openssl", ["x509", "-in", certificate, "-noout", "-text"]).toString();
    assert.match(text, /Authority Key Identifier: *\n +(keyid:)?00:11:22:33:44:55:66:77:88:99/);
  });
});
