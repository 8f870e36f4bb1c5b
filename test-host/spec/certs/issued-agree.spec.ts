import "reflect-metadata";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { generateKeyPairSync, sign, X509Certificate, type KeyObject } from "node:crypto";
import fc from "fast-check";
import { Pkcs10CertificateRequest } from "@peculiar/x509";
import { issueDevice, issueRoot, type Subject } from "../../../certs/authority/certificate.js";
import { issueRevocationList } from "../../../certs/authority/crl.js";
import { readRequest } from "../../../certs/authority/request.js";
import { KeySigner } from "../../../certs/authority/signer.js";
import { certificateFacts } from "../../../certs/files/facts.js";
import { REVOCATION_REASONS } from "../../../certs/ledger/ledger.js";
import { certificationRequest, requestInfo } from "../../../modules/pki/csr.js";
import { BytesCredential } from "../../../modules/pki/bytes.js";
import { inspectDer } from "../../../modules/pki/der.js";
import { parseCertificate } from "../../../modules/pki/x509.js";
import { CertificateFolder } from "./files.js";

/** Each run starts openssl twice. */
const RUNS = 40;
const EARLIEST = Date.UTC(1990, 0, 1);
const LATEST = Date.UTC(2149, 11, 31);

/** Text of names: anything of Unicode but control characters and halves. */
const character = fc
  .oneof(
    { weight: 4, arbitrary: fc.integer({ min: 0x20, max: 0x7e }) },
    { weight: 1, arbitrary: fc.integer({ min: 0xa0, max: 0xd7ff }) },
    { weight: 1, arbitrary: fc.integer({ min: 0x10000, max: 0x10ffff }) },
  )
  .map(code => String.fromCodePoint(code))
  .filter(text => !/\p{Cc}|\p{Cs}/u.test(text));
const text = fc.array(character, { minLength: 1, maxLength: 64 }).map(parts => parts.join(""));
const subject: fc.Arbitrary<Subject> = fc.record(
  {
    commonName: text,
    organization: text,
    organizationalUnit: text,
    country: fc.stringMatching(/^[A-Z]{2}$/),
  },
  { requiredKeys: ["commonName"] },
);
const second = fc.integer({ min: EARLIEST / 1_000, max: LATEST / 1_000 });
const dates = fc
  .tuple(second, second)
  .filter(([a, b]) => a !== b)
  .map(([a, b]) => ({
    notBefore: new Date(Math.min(a, b) * 1_000),
    notAfter: new Date(Math.max(a, b) * 1_000),
  }));
const serialNumber = fc
  .uint8Array({ minLength: 1, maxLength: 20 })
  .filter(bytes => bytes.some(byte => byte !== 0) && (bytes.length < 20 || (bytes[0] ?? 0) < 0x80))
  .map(bytes => Buffer.from(bytes).toString("hex"));
const kind = fc.constantFrom("P-256", "RSA-2048", "RSA-3072" as const);

/** `openssl`'s answers, one a line, by name: `notBefore` and so on. */
function told(output: string): ReadonlyMap<string, string> {
  return new Map(
    output.split("\n").map(line => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
  );
}

/** What openssl's `sep_multiline,utf8` writes of a subject. */
function partsOf(output: string): readonly string[] {
  return output
    .split("\n")
    .filter(line => line.startsWith("    "))
    .map(line => line.slice(4));
}

function expectedParts({
  country,
  organization,
  organizationalUnit,
  commonName,
}: Subject): readonly string[] {
  return [
    ...(country === undefined ? [] : [`C=${country}`]),
    ...(organization === undefined ? [] : [`O=${organization}`]),
    ...(organizationalUnit === undefined ? [] : [`OU=${organizationalUnit}`]),
    `CN=${commonName}`,
  ];
}

function pairOf(name: string): KeyObject {
  return name === "P-256"
    ? generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey
    : generateKeyPairSync("rsa", { modulusLength: Number(name.slice(4)) }).privateKey;
}

describe("openssl, node:crypto and device code agree with what is issued", () => {
  const folder = new CertificateFolder();
  const keys = new Map<string, KeySigner>();
  const privateKeys = new Map<string, KeyObject>();
  before(function () {
    this.timeout(30_000);
    for (const name of ["P-256", "RSA-2048", "RSA-3072"]) {
      const key = pairOf(name);
      privateKeys.set(name, key);
      keys.set(name, new KeySigner(key));
    }
  });
  after(() => folder.remove());

  function signerOf(name: string): KeySigner {
    const found = keys.get(name);
    assert.ok(found);
    return found;
  }

  it("every certificate: names, dates, serial number, key, extensions, signature", async function () {
    this.timeout(120_000);
    await fc.assert(
      fc.asyncProperty(
        fc.record({ root: subject, unit: subject, dates, serialNumber, rootKey: kind, unitKey: kind }),
        async one => {
          const signer = signerOf(one.rootKey);
          const unit = signerOf(one.unitKey);
          const rootDer = await issueRoot({ subject: one.root, ...one.dates }, signer);
          const root = new X509Certificate(rootDer);
          const der = await issueDevice(
            { subject: one.unit, publicKey: unit.publicKey, serialNumber: one.serialNumber, ...one.dates },
            root,
            signer,
          );

          const certificate = new X509Certificate(der);
          assert.deepEqual(Uint8Array.from(certificate.raw), der);
          assert.ok(
            certificate.verify(root.publicKey) &&
              certificate.checkIssued(root) &&
              root.verify(root.publicKey),
          );
          assert.equal(certificate.ca, false);
          assert.equal(Date.parse(certificate.validFrom), one.dates.notBefore.getTime());
          assert.equal(Date.parse(certificate.validTo), one.dates.notAfter.getTime());
          const number = BigInt(`0x${one.serialNumber}`);
          assert.equal(BigInt(`0x${certificate.serialNumber}`), number);
          assert.deepEqual(
            Uint8Array.from(certificate.publicKey.export({ type: "spki", format: "der" })),
            unit.publicKey,
          );
          assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.2"]);

          const output = execFileSync(
            "openssl",
            [
              ...[
                "x509",
                "-inform",
                "der",
                "-noout",
                "-serial",
                "-startdate",
                "-enddate",
                "-dateopt",
                "iso_8601",
              ],
              ...["-subject", "-nameopt", "sep_multiline,utf8,sname"],
            ],
            { input: der },
          ).toString();
          const lines = told(output);
          assert.equal(BigInt(`0x${lines.get("serial") ?? ""}`), number);
          const iso = (date: Date): string => date.toISOString().replace("T", " ").replace(".000Z", "Z");
          assert.equal(lines.get("notBefore"), iso(one.dates.notBefore));
          assert.equal(lines.get("notAfter"), iso(one.dates.notAfter));
          assert.deepEqual(partsOf(output), expectedParts(one.unit));
          execFileSync(
            "openssl",
            [
              ...["verify", "-x509_strict", "-purpose", "sslclient"],
              ...["-attime", String(one.dates.notBefore.getTime() / 1_000)],
              ...[
                "-CAfile",
                folder.file("root.pem", root.toString()),
                folder.file("unit.pem", certificate.toString()),
              ],
            ],
            { stdio: "pipe" },
          );

          const device = inspectDer(new BytesCredential(der));
          assert.ok(device.kind === "certificate");
          assert.equal(device.notBefore * 1_000, one.dates.notBefore.getTime());
          assert.equal(device.notAfter * 1_000, one.dates.notAfter.getTime());
          assert.equal(device.algorithm, one.unitKey.startsWith("RSA") ? "RSA" : "P-256");
          assert.equal(device.bits, one.unitKey === "P-256" ? 256 : Number(one.unitKey.slice(4)));
          assert.equal(parseCertificate(rootDer).pathLength, 0);
          assert.deepEqual(certificateFacts(certificate).commonNames, [one.unit.commonName]);
        },
      ),
      { numRuns: RUNS },
    );
  });

  it("every request: subject, key, signature", async function () {
    this.timeout(120_000);
    await fc.assert(
      fc.asyncProperty(text, kind, async (commonName, name) => {
        const key = privateKeys.get(name);
        assert.ok(key);
        const { publicKey, algorithm: scheme } = signerOf(name);
        const algorithm = scheme === "ECDSA" ? "ES256" : "RS256";
        const info = requestInfo(Buffer.from(commonName), {
          algorithm,
          publicKey,
          pkcs8: new Uint8Array(0),
          sign: () => undefined,
        });
        const signature = sign("sha256", info, { key, dsaEncoding: "ieee-p1363" });
        const request = certificationRequest(info, algorithm, signature);
        const output = execFileSync(
          "openssl",
          [
            ...["req", "-inform", "der", "-verify", "-noout", "-subject"],
            ...["-nameopt", "sep_multiline,utf8,sname"],
          ],
          { input: request, stdio: ["pipe", "pipe", "ignore"] },
        );
        assert.deepEqual(partsOf(output.toString()), [`CN=${commonName}`]);
        assert.deepEqual(readRequest(request), { commonName, publicKey });
        assert.ok(await new Pkcs10CertificateRequest(request).verify());
      }),
      { numRuns: RUNS },
    );
  });

  it("every revocation list: number, dates, serial numbers, signature", async function () {
    this.timeout(120_000);
    const entries = fc.uniqueArray(
      fc.record({
        serialNumber,
        at: second.map(seconds => new Date(seconds * 1_000)),
        reason: fc.constantFrom(...REVOCATION_REASONS, undefined),
      }),
      { maxLength: 30, selector: one => BigInt(`0x${one.serialNumber}`) },
    );
    await fc.assert(
      fc.asyncProperty(
        subject,
        dates,
        entries,
        fc.bigInt(0n, 2n ** 159n - 1n),
        kind,
        async (name, life, revoked, number, by) => {
          const signer = signerOf(by);
          const issuer = new X509Certificate(await issueRoot({ subject: name, ...life }, signer));
          const list = await issueRevocationList(
            { revoked, number, thisUpdate: life.notBefore, nextUpdate: life.notAfter },
            issuer,
            signer,
          );
          const ca = folder.file("list-ca.pem", issuer.toString());
          const output = execFileSync("sh", [
            "-c",
            `openssl crl -inform der -in "$1" -CAfile "$2" -noout -text -crlnumber 2>&1`,
            "sh",
            folder.file("list.der", list),
            ca,
          ]).toString();
          assert.match(output, /verify OK/);
          const found = [...output.matchAll(/Serial Number: ([\dA-F]+)/g)].map(match =>
            BigInt(`0x${match[1] ?? ""}`),
          );
          assert.deepEqual(
            found,
            revoked.map(one => BigInt(`0x${one.serialNumber}`)),
          );
          const shown = /crlNumber=(?:0x)?([\dA-F]+)/i.exec(output)?.[1] ?? "";
          assert.equal(BigInt(`0x${shown}`), number);
          for (const [label, date] of [
            ["Last Update", life.notBefore],
            ["Next Update", life.notAfter],
          ] as const)
            assert.equal(Date.parse(new RegExp(`${label}: (.*)`).exec(output)?.[1] ?? ""), date.getTime());
        },
      ),
      { numRuns: RUNS },
    );
  });
});
