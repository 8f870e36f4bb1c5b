import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { checkDevice, type DeviceCredentials, type TlsAcceptance } from "../../../certs/check/rules.js";
import { Authority, type Issued } from "../../../certs/issue.js";
import { CertificateFolder } from "./files.js";

const DAY_MS = 86_400_000;
const bc66: TlsAcceptance = { name: "the BC66's own TLS", clientKeys: ["rsa"], credentialMax: 3_072 };

function x509(issued: { readonly certificate: Uint8Array }): X509Certificate {
  return new X509Certificate(issued.certificate);
}

function keyOf({ key }: Issued) {
  return createPrivateKey({ key: Buffer.from(key), format: "der", type: "pkcs8" });
}

describe("checking a device's credentials", () => {
  const folder = new CertificateFolder();
  let now: Date;
  let root: Authority;
  let issuing: Authority;
  let device: Issued;
  let other: Issued;
  let good: DeviceCredentials;

  before(async () => {
    // Certificates that openssl makes in these specs are valid from then on.
    now = new Date(Date.now() + 60_000);
    root = await Authority.create({ commonName: "Root" });
    issuing = await root.authority({ commonName: "Issuing" });
    device = await issuing.client({ commonName: "unit-7" });
    other = await issuing.client({ commonName: "unit-8" });
    good = {
      ca: x509(root),
      certificate: x509(device),
      key: keyOf(device),
      issuers: [x509(issuing), x509(root)],
      serial: "unit-7",
    };
  });
  after(() => folder.remove());

  it("good ones have no findings", () => {
    assert.deepEqual(checkDevice(good, now), []);
  });

  it("a key that stays on the device need not be there", () => {
    assert.deepEqual(checkDevice({ ...good, key: undefined }, now), []);
  });

  /** Made by openssl, which lets anything pass. */
  function made(name: string, ...extra: readonly string[]): Partial<DeviceCredentials> {
    const path = folder.selfSigned(name, "/CN=unit-7", "-days", "365", ...extra);
    const certificate = new X509Certificate(readFileSync(path));
    return {
      certificate,
      key: createPrivateKey(readFileSync(path.replace(".pem", ".key"))),
      issuers: undefined,
    };
  }

  describe("for a TLS that is known to read RSA alone", () => {
    const rsaOnly: TlsAcceptance = { ...bc66, authorityKeys: ["rsa"] };
    let rsaRoot: Authority;

    async function found(ca: Authority, issuer: Authority, tls: TlsAcceptance) {
      const unit = await issuer.client({ commonName: "unit-7", key: "RSA-2048" });
      const findings = checkDevice({ ca: x509(ca), certificate: x509(unit), tls: [tls] }, now);
      return findings.map(({ rule, severity, subject, what }) => ({ rule, severity, subject, what }));
    }
    before(async () => {
      rsaRoot = await Authority.create({ commonName: "RSA Root", key: "RSA-2048" });
    });

    it("RSA throughout has no findings", async () => {
      assert.deepEqual(await found(rsaRoot, rsaRoot, rsaOnly), []);
    });

    // Its own key alone was looked at: an EC authority for the broker was called good.
    it("a CA for the broker with an EC key is warned of", async () => {
      assert.deepEqual(await found(root, rsaRoot, rsaOnly), [
        {
          rule: "route-signature",
          severity: "warning",
          subject: "ca",
          what: "the CA for the broker (CN=Root) has the key EC, curve P-256; that the BC66's own TLS reads ECDSA is not known",
        },
      ]);
    });

    it("an RSA certificate that an EC authority has signed is warned of", async () => {
      assert.deepEqual(await found(rsaRoot, root, rsaOnly), [
        {
          rule: "route-signature",
          severity: "warning",
          subject: "certificate",
          what: "the device's certificate is signed by ECDSA with SHA-256; that the BC66's own TLS reads ECDSA is not known",
        },
      ]);
    });

    it("a TLS of which nothing is said reads both", async () => {
      assert.deepEqual(await found(root, root, bc66), []);
    });
  });

  const leaf = ["-addext", "basicConstraints=critical,CA:FALSE"];
  const cases: readonly (readonly [
    string,
    () => Promise<Partial<DeviceCredentials>> | Partial<DeviceCredentials>,
    string,
    RegExp,
  ])[] = [
    [
      "the key of another device",
      () => ({ key: keyOf(other) }),
      "key-match",
      /does not belong to the certificate \(CN=unit-7\)/,
    ],
    [
      "a certificate of another unit",
      () => ({ certificate: x509(other), key: keyOf(other) }),
      "common-name",
      /CN=unit-8, the unit is unit-7/,
    ],
    [
      "an EC key for a TLS that takes RSA",
      () => ({ tls: [bc66] }),
      "route-key",
      /BC66's own TLS does not sign with a key of this kind \(P-256\)/,
    ],
    [
      "a certificate too large for the module",
      () => ({ ca: undefined, tls: [{ ...bc66, clientKeys: ["p256"], credentialMax: 300 }] }),
      "size",
      /the certificate has .* takes 300/,
    ],
    [
      "a CA too large for the module",
      async () => ({
        ca: x509(await Authority.create({ commonName: "Root", key: "RSA-4096" })),
        tls: [{ ...bc66, clientKeys: ["p256"], credentialMax: 1_500 }],
      }),
      "size",
      /the CA certificate has .* takes 1500/,
    ],
    [
      "a common name that stands for many",
      async () => {
        const many = await issuing.client({ commonName: "unit-*" });
        return { certificate: x509(many), key: keyOf(many) };
      },
      "common-name",
      /CN=unit-\*, which stands for many/,
    ],
    [
      "two common names",
      () => made("names", ...leaf, "-subj", "/CN=unit-7/CN=unit-8"),
      "common-name",
      /2 common names: CN=unit-7, CN=unit-8/,
    ],
    [
      "no common name",
      () => made("nobody", ...leaf, "-subj", "/O=Acme"),
      "common-name",
      /for no common name, the unit is unit-7/,
    ],
    [
      "an authority above another one that forbids it",
      () => {
        const path = folder.selfSigned(
          "flat",
          "/CN=Flat",
          "-addext",
          "basicConstraints=critical,CA:TRUE,pathlen:0",
        );
        const under = folder.signed("under", "/CN=Under", path, "basicConstraints=critical,CA:TRUE");
        const leafPath = folder.signed("leaf", "/CN=unit-7", under, "basicConstraints=critical,CA:FALSE");
        return {
          certificate: new X509Certificate(readFileSync(leafPath)),
          key: createPrivateKey(readFileSync(leafPath.replace(".pem", ".key"))),
          issuers: [new X509Certificate(readFileSync(under)), new X509Certificate(readFileSync(path))],
        };
      },
      "chain",
      /CN=Flat, which issued CN=Under, allows 0 authorities below it, and there are 1/,
    ],
    [
      "an authority that may not sign certificates",
      () => {
        const path = folder.selfSigned("mute", "/CN=Mute", "-addext", "keyUsage=critical,cRLSign");
        const leafPath = folder.signed("muted", "/CN=unit-7", path, "basicConstraints=critical,CA:FALSE");
        return {
          certificate: new X509Certificate(readFileSync(leafPath)),
          key: createPrivateKey(readFileSync(leafPath.replace(".pem", ".key"))),
          issuers: [new X509Certificate(readFileSync(path))],
        };
      },
      "chain",
      /CN=Mute, which issued CN=unit-7, may not sign certificates/,
    ],
    [
      "a curve that nobody takes",
      async () => {
        const p384 = await issuing.client({ commonName: "unit-7", key: "P-384" });
        return { certificate: x509(p384), key: keyOf(p384) };
      },
      "key-kind",
      /curve secp384r1/,
    ],
    [
      "an RSA key that is too short",
      async () => {
        const short = await issuing.client({ commonName: "unit-7", key: "RSA-1024" });
        return { certificate: x509(short), key: keyOf(short) };
      },
      "key-kind",
      /RSA, 1024 bits/,
    ],
    [
      "an expired certificate",
      async () => {
        const old = await issuing.client({
          commonName: "unit-7",
          notBefore: new Date(0),
          notAfter: new Date(DAY_MS),
        });
        return { certificate: x509(old), key: keyOf(old) };
      },
      "expired",
      /expired on 1970-01-02 00:00 UTC/,
    ],
    [
      "a certificate of the future",
      async () => {
        const early = await issuing.client({
          commonName: "unit-7",
          notBefore: new Date(now.getTime() + DAY_MS),
        });
        return { certificate: x509(early), key: keyOf(early) };
      },
      "not-yet-valid",
      /is not valid before/,
    ],
    [
      "an authority's certificate on a device",
      async () => {
        const sub = await issuing.authority({ commonName: "unit-7" });
        return { certificate: x509(sub), key: keyOf(sub) };
      },
      "certificate-role",
      /marked as an authority/,
    ],
    [
      "a server's certificate on a device",
      async () => {
        const server = await issuing.server({ commonName: "unit-7" });
        return { certificate: x509(server), key: keyOf(server) };
      },
      "client-usage",
      /is for serverAuth, not for TLS clients/,
    ],
    [
      "a certificate whose key may not sign",
      () => made("usage", ...leaf, "-addext", "keyUsage=critical,keyAgreement"),
      "key-usage",
      /key usage: keyAgreement/,
    ],
    [
      "a signature by SHA-1",
      () => made("sha1", ...leaf, "-newkey", "rsa:2048", "-sha1"),
      "signature",
      /RSA with SHA-1/,
    ],
    [
      "the wrong authority",
      async () => ({ issuers: [x509(await Authority.create({ commonName: "Stranger" }))] }),
      "chain",
      /CN=unit-7 was not issued by CN=Stranger/,
    ],
    [
      "a missing intermediate",
      () => ({ issuers: [x509(root)] }),
      "chain",
      /CN=unit-7 was not issued by CN=Root/,
    ],
    [
      "a missing root",
      () => ({ issuers: [x509(issuing)] }),
      "chain",
      /CN=Issuing was not issued by CN=Issuing/,
    ],
    [
      "an authority of the same name with another key",
      async () => ({ issuers: [x509(await Authority.create({ commonName: "Issuing" })), x509(root)] }),
      "chain",
      /CN=unit-7 was not issued by/,
    ],
    ["a device's certificate as the CA", () => ({ ca: x509(other) }), "ca-role", /CN=unit-8 is no authority/],
    [
      "an expired CA",
      async () => ({
        ca: x509(
          await Authority.create({ commonName: "Old", notBefore: new Date(0), notAfter: new Date(DAY_MS) }),
        ),
      }),
      "expired",
      /the CA certificate \(CN=Old\) expired/,
    ],
  ];
  for (const [name, change, rule, what] of cases)
    it(`an error, and this one alone: ${name}`, async () => {
      const findings = checkDevice({ ...good, ...(await change()) }, now);
      assert.deepEqual(
        findings.map(one => [one.rule, one.severity]),
        [[rule, "error"]],
      );
      assert.match(findings[0]?.what ?? "", what);
      assert.ok((findings[0]?.why.length ?? 0) > 20 && (findings[0]?.fix.length ?? 0) > 10);
    });

  it("an intermediate as the CA is a warning: a module may want the root", () => {
    assert.deepEqual(
      checkDevice({ ...good, ca: x509(issuing) }, now).map(one => [one.rule, one.severity]),
      [["ca-root", "warning"]],
    );
  });

  it("a certificate that ends within a month is a warning", async () => {
    const soon = await issuing.client({
      commonName: "unit-7",
      notAfter: new Date(now.getTime() + 10 * DAY_MS),
    });
    assert.deepEqual(
      checkDevice({ ...good, certificate: x509(soon), key: keyOf(soon) }, now).map(one => [
        one.rule,
        one.severity,
      ]),
      [["expires-soon", "warning"]],
    );
  });

  it("errors come before warnings, and all are told at once", async () => {
    const soon = await issuing.client({
      commonName: "unit-9",
      notAfter: new Date(now.getTime() + 10 * DAY_MS),
    });
    const findings = checkDevice({ ...good, ca: x509(other), certificate: x509(soon) }, now);
    assert.deepEqual(
      findings.map(one => one.rule),
      ["key-match", "common-name", "ca-role", "expires-soon"],
    );
  });

  it("no finding holds key material", () => {
    const findings = JSON.stringify(checkDevice({ ...good, key: keyOf(other) }, now));
    assert.ok(
      !findings.includes("PRIVATE") &&
        !findings.includes(Buffer.from(other.key).toString("base64").slice(48, 80)),
    );
  });
});
