import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { checkBeforeWriting, type BeforeWriting } from "../../../certs/check/before-writing.js";
import { Authority, type Issued } from "../../../certs/issue.js";
import { tlsOf } from "../../../hosts/workstation/route-tls.js";

const DAY_MS = 86_400_000;

describe("a certificate before it is written into a unit", () => {
  const now = new Date();
  let root: Authority;
  let issuing: Authority;
  let good: BeforeWriting;
  let rsa: Issued;
  let rsaRoot: Authority;

  const x509 = (issued: { readonly certificate: Uint8Array }): X509Certificate =>
    new X509Certificate(issued.certificate);
  const keyOf = (issued: Issued): Uint8Array =>
    Uint8Array.from(x509(issued).publicKey.export({ type: "spki", format: "der" }));
  const of = (issued: Issued): Partial<BeforeWriting> => ({
    certificate: x509(issued),
    publicKey: keyOf(issued),
  });

  const underRsa = (): Partial<BeforeWriting> => ({ brokerCa: x509(rsaRoot), chain: [x509(rsaRoot)] });

  before(async () => {
    root = await Authority.create({ commonName: "Root" });
    rsaRoot = await Authority.create({ commonName: "RSA Root", key: "RSA-2048" });
    issuing = await root.authority({ commonName: "Issuing" });
    const unit = await issuing.client({ commonName: "unit-7" });
    rsa = await issuing.client({ commonName: "unit-7", key: "RSA-2048" });
    good = {
      serial: "unit-7",
      certificate: x509(unit),
      publicKey: keyOf(unit),
      brokerCa: x509(await Authority.create({ commonName: "Broker CA" })),
      chain: [x509(issuing), x509(root)],
      tls: tlsOf("bg95", "device"),
    };
  });

  it("a good one has no findings, on any route of a BG95", () => {
    assert.deepEqual(checkBeforeWriting(good, now), []);
  });

  it("RSA throughout will do everywhere", async () => {
    const unit = {
      ...good,
      ...underRsa(),
      ...of(await rsaRoot.client({ commonName: "unit-7", key: "RSA-2048" })),
    };
    for (const module of ["bg95", "bc66"] as const)
      for (const engine of ["device", "sdk"] as const)
        assert.deepEqual(checkBeforeWriting({ ...unit, tls: tlsOf(module, engine) }, now), []);
  });

  it("an RSA key under EC authorities will do but by a BC66's own TLS, which is warned of", () => {
    for (const module of ["bg95", "bc66"] as const)
      for (const tls of tlsOf(module, "device")) {
        const findings = checkBeforeWriting({ ...good, ...of(rsa), tls: [tls] }, now);
        const isUnsure = module === "bc66" && tls.route !== "host-tls";
        assert.deepEqual(
          findings.map(({ rule, severity, subject }) => `${severity} ${rule} ${subject}`),
          isUnsure ? ["warning route-signature certificate", "warning route-signature ca"] : [],
        );
      }
  });

  const cases: readonly (readonly [
    string,
    () => Promise<Partial<BeforeWriting>> | Partial<BeforeWriting>,
    string,
    RegExp,
  ])[] = [
    [
      "the key of another unit",
      async () => ({ publicKey: keyOf(await issuing.client({ commonName: "unit-8" })) }),
      "key-match",
      /the unit's key \(EC, curve P-256\) does not belong to the certificate \(CN=unit-7\)/,
    ],
    [
      "bytes that are no key",
      () => ({ publicKey: new Uint8Array(91) }),
      "key-match",
      /public key of unit-7 is none/,
    ],
    [
      "an EC key for a BC66's own TLS",
      async () => ({
        ...underRsa(),
        ...of(await rsaRoot.client({ commonName: "unit-7" })),
        tls: tlsOf("bc66", "device").filter(one => one.route === "module-tls"),
      }),
      "route-key",
      /the BC66's own TLS does not sign with a key of this kind \(P-256\)/,
    ],
    [
      "an EC key for the SDK's TLS",
      () => ({ tls: tlsOf("bg95", "sdk").filter(one => one.route === "host-tls") }),
      "route-key",
      /the SDK's bare TLS session does not sign with a key of this kind \(P-256\)/,
    ],
    [
      "another authority of the same name",
      async () =>
        of(await (await root.authority({ commonName: "Issuing" })).client({ commonName: "unit-7" })),
      "chain",
      /CN=unit-7 was not issued by CN=Issuing or CN=Root/,
    ],
    ["a chain without its root", () => ({ chain: [x509(issuing)] }), "chain", /CN=Issuing was not issued by/],
    [
      "an expired one",
      async () =>
        of(
          await issuing.client({ commonName: "unit-7", notBefore: new Date(0), notAfter: new Date(DAY_MS) }),
        ),
      "expired",
      /expired on 1970-01-02/,
    ],
    [
      "one for servers",
      async () => of(await issuing.server({ commonName: "unit-7" })),
      "client-usage",
      /is for serverAuth/,
    ],
    ["another unit's", () => ({ serial: "unit-70" }), "common-name", /is for CN=unit-7, the unit is unit-70/],
    [
      "one for all units",
      async () => of(await issuing.client({ commonName: "*" })),
      "common-name",
      /CN=\*, which stands for many/,
    ],
    [
      "an authority's",
      async () => of(await issuing.authority({ commonName: "unit-7" })),
      "certificate-role",
      /marked as an authority/,
    ],
    [
      "a curve that nobody takes",
      async () => of(await issuing.client({ commonName: "unit-7", key: "P-384" })),
      "key-kind",
      /curve secp384r1/,
    ],
    [
      "a broker CA that is none",
      async () => ({ brokerCa: x509(await issuing.server({ commonName: "broker" })) }),
      "ca-role",
      /CN=broker is no authority/,
    ],
  ];
  for (const [name, change, rule, what] of cases)
    it(`an error, and this one alone: ${name}`, async () => {
      const findings = checkBeforeWriting({ ...good, ...(await change()) }, now);
      assert.deepEqual(
        findings.map(one => [one.rule, one.severity]),
        [[rule, "error"]],
      );
      assert.match(findings[0]?.what ?? "", what);
    });

  it("a private key in the place of the public one is not taken, and not shown", () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const publicKey = Uint8Array.from(privateKey.export({ type: "pkcs8", format: "der" }));
    const [finding] = checkBeforeWriting({ ...good, publicKey }, now);
    assert.equal(finding?.rule, "key-match");
    assert.ok(!JSON.stringify(finding).includes(Buffer.from(publicKey).toString("base64").slice(50, 80)));
  });
});
