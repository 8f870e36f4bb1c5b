import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import { mkdirSync, readFileSync } from "node:fs";
import { inspectFiles } from "../../../certs/files/inspect.js";
import { fileText } from "../../../certs/files/text.js";
import { InputError } from "../../../certs/input-error.js";
import { Authority, type Issued } from "../../../certs/issue.js";
import { toPem } from "../../../certs/pem-text.js";
import { checkFiles } from "../../../hosts/workstation/certs/check.js";
import { CertificateFolder } from "./files.js";

const DAY_MS = 86_400_000;

/** A file that somebody gives as the certificate of unit-7, and what the tools must say of it. */
interface Broken {
  readonly name: string;
  readonly make: () => Promise<string> | string;
  /** What `certs inspect` tells, or refuses by. */
  readonly inspect: RegExp;
  /** Rules of the errors that `certs check` finds, or what it refuses by. */
  readonly check: readonly string[] | RegExp;
}

describe("a set of broken certificates, each named for what it is", () => {
  const folder = new CertificateFolder();
  // What openssl makes here is valid from then on.
  const now = new Date(Date.now() + 60_000);
  let root: Authority;
  let unit: Issued;
  let count = 0;

  before(async () => {
    root = await Authority.create({ commonName: "Root" });
    unit = await root.client({ commonName: "unit-7" });
    folder.file("root.pem", root.certificatePem);
    folder.file("root.key", root.keyPem);
    folder.file("unit.key", unit.keyPem);
  });
  after(() => folder.remove());

  function file(contents: string | Uint8Array): string {
    return folder.file(`broken-${String(++count)}`, contents);
  }
  /** Issued by the root, by openssl, which lets anything pass. */
  function issued(subject: string, key: readonly string[], ...options: readonly string[]): string {
    const name = `made-${String(++count)}`;
    folder.openssl(
      "req",
      "-new",
      "-nodes",
      ...key,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.csr`,
      "-subj",
      subject,
    );
    folder.openssl(
      ...["x509", "-req", "-in", `${name}.csr`, "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial"],
      ...["-days", "365", "-extfile", folder.file("leaf.ext", "basicConstraints=critical,CA:FALSE\n")],
      ...["-out", `${name}.pem`, ...options],
    );
    return `${folder.path}/${name}.pem`;
  }
  const p256 = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  /** The unit's certificate as DER, cut up. */
  function surgery(cut: (der: Buffer) => Uint8Array): Uint8Array {
    return Uint8Array.from(cut(Buffer.from(unit.certificate)));
  }
  const head = (der: Buffer, ...bytes: readonly number[]): Buffer =>
    Buffer.concat([Buffer.from(bytes), der.subarray(4)]);
  const set = (der: Buffer, at: number, byte: number): Buffer => {
    der[at] = byte;
    return der;
  };
  const good: readonly string[] = [];

  const table: readonly Broken[] = [
    // Bytes.
    {
      name: "DER cut off",
      make: () => file(surgery(der => der.subarray(0, 300))),
      inspect: /not intact: it is cut off: 300 of \d+ bytes are there/,
      check: /cut off: 300 of/,
    },
    {
      name: "DER cut off in its length",
      make: () => file(surgery(der => der.subarray(0, 3))),
      inspect: /is cut off in its length/,
      check: /cut off in its length/,
    },
    {
      name: "DER with a byte behind it",
      make: () => file(surgery(der => Buffer.concat([der, Buffer.of(0)]))),
      inspect: /has 1 byte behind its end/,
      check: /1 byte behind/,
    },
    {
      name: "DER with a line end behind it",
      make: () => file(surgery(der => Buffer.concat([der, Buffer.from("\r\n")]))),
      inspect: /has 2 bytes behind its end/,
      check: /2 bytes behind/,
    },
    {
      name: "BER: indefinite length",
      make: () => file(surgery(der => Buffer.concat([head(der, 0x30, 0x80), Buffer.of(0, 0)]))),
      inspect: /indefinite length: it is BER/,
      check: /indefinite length/,
    },
    {
      name: "BER: a length of three bytes where two do",
      make: () => file(surgery(der => head(der, 0x30, 0x83, 0, der[2] ?? 0, der[3] ?? 0))),
      inspect: /more bytes than it needs: it is BER/,
      check: /more bytes than it needs/,
    },
    {
      name: "a wrong tag outside",
      make: () => file(surgery(der => set(der, 0, 0x31))),
      inspect: /holds neither PEM text nor DER/,
      check: /neither PEM text nor DER/,
    },
    {
      name: "a wrong tag inside",
      make: () => file(surgery(der => set(der, 4, 0x31))),
      inspect: /is whole, but holds no certificate, no key and no request/,
      check: /holds no certificate, no key/,
    },
    {
      name: "a wrong length inside",
      make: () => file(surgery(der => set(der, 7, (der[7] ?? 0) ^ 4))),
      inspect: /is whole, but holds no certificate/,
      check: /holds no certificate, no key/,
    },
    {
      name: "PEM of cut DER",
      make: () =>
        file(
          toPem(
            surgery(der => der.subarray(0, 300)),
            "CERTIFICATE",
          ),
        ),
      inspect: /damaged: CERTIFICATE is not intact: its DER is cut off: 300 of/,
      check: /its CERTIFICATE is not intact: its DER is cut off/,
    },
    {
      name: "PEM of BER",
      make: () =>
        file(
          toPem(
            surgery(der => Buffer.concat([head(der, 0x30, 0x80), Buffer.of(0, 0)])),
            "CERTIFICATE",
          ),
        ),
      inspect: /damaged: CERTIFICATE is not intact: its DER has an indefinite length/,
      check: /indefinite length/,
    },
    {
      name: "a flipped bit in the signature",
      make: () => file(surgery(der => set(der, der.length - 5, (der[der.length - 5] ?? 0) ^ 1))),
      inspect: /certificate CN=unit-7/,
      check: ["chain"],
    },
    {
      name: "a flipped bit in the name",
      make: () => file(surgery(der => set(der, der.indexOf("unit-7"), 0x76))),
      inspect: /certificate CN=vnit-7/,
      check: ["common-name", "chain"],
    },
    {
      name: "a point that is not on the curve",
      make: () =>
        file(
          surgery(der => {
            const at = der.indexOf(Buffer.of(3, 0x42, 0, 4)) + 20;
            return set(der, at, (der[at] ?? 0) ^ 1);
          }),
        ),
      inspect: /public key that cannot be read/,
      check: /public key that cannot be read/,
    },
    // Text.
    {
      name: "CRLF",
      make: () => file(unit.certificatePem.replaceAll("\n", "\r\n")),
      inspect: /line ends CRLF\n {2}certificate CN=unit-7/,
      check: good,
    },
    {
      name: "a byte order mark",
      make: () => file(`\ufeff${unit.certificatePem}`),
      inspect: /certificate CN=unit-7/,
      check: good,
    },
    {
      name: "words around it",
      make: () => file(`Bag Attributes\n  friendlyName: x\n${unit.certificatePem}bye\n`),
      inspect: /certificate CN=unit-7/,
      check: good,
    },
    {
      name: "no line end at its end",
      make: () => file(unit.certificatePem.trimEnd()),
      inspect: /certificate CN=unit-7/,
      check: good,
    },
    {
      name: "blanks at the ends of lines",
      make: () => file(unit.certificatePem.replaceAll("\n", "  \t\n")),
      inspect: /certificate CN=unit-7/,
      check: good,
    },
    {
      name: "one long line",
      make: () => file(unit.certificatePem.replace(/([A-Za-z0-9+/=])\n(?!-)/g, "$1")),
      inspect: /certificate CN=unit-7/,
      check: good,
    },
    {
      name: "UTF-16, little end first",
      make: () => file(Buffer.from(`\ufeff${unit.certificatePem}`, "utf16le")),
      inspect: /certificate CN=unit-7/,
      check: good,
    },
    {
      name: "UTF-16, big end first",
      make: () => file(Buffer.from(`\ufeff${unit.certificatePem}`, "utf16le").swap16()),
      inspect: /certificate CN=unit-7/,
      check: good,
    },
    {
      name: "no END line",
      make: () => file(unit.certificatePem.replace(/-----END.*/s, "")),
      inspect: /CERTIFICATE has no END line: the text was cut off/,
      check: /has no END line/,
    },
    {
      name: "a character lost",
      make: () => file(unit.certificatePem.replace("MII", "MI")),
      inspect: /characters are missing or do not belong there/,
      check: /characters are missing/,
    },
    {
      name: "a strange character",
      make: () => file(unit.certificatePem.replace("MII", "M*I")),
      inspect: /characters are missing or do not belong there/,
      check: /characters are missing/,
    },
    {
      name: "backslash and n for line ends",
      make: () => file(unit.certificatePem.replaceAll("\n", "\\n")),
      inspect: /the two characters \\ and n where lines should end/,
      check: /two characters/,
    },
    {
      name: "base64 alone",
      make: () => file(Buffer.from(unit.certificate).toString("base64")),
      inspect: /holds neither PEM text nor DER/,
      check: /neither PEM text nor DER/,
    },
    { name: "empty", make: () => file(""), inspect: /is empty/, check: /is empty/ },
    { name: "blanks alone", make: () => file("\n \r\n"), inspect: /is empty/, check: /is empty/ },
    {
      name: "a folder",
      make: () => {
        mkdirSync(`${folder.path}/folder`, { recursive: true });
        return `${folder.path}/folder`;
      },
      inspect: /is a folder/,
      check: /is a folder/,
    },
    {
      name: "not there",
      make: () => `${folder.path}/nowhere.pem`,
      inspect: /does not exist/,
      check: /does not exist/,
    },
    {
      name: "too large",
      make: () => file(Buffer.alloc(1_000_001, 0x30)),
      inspect: /has 1000001 bytes/,
      check: /has 1000001 bytes/,
    },
    {
      name: "some text",
      make: () => file("0 certificates were found\n"),
      inspect: /holds neither PEM text nor DER/,
      check: /neither PEM text nor DER/,
    },
    // Something else.
    {
      name: "the key",
      make: () => file(unit.keyPem),
      inspect: /private key \(EC, curve P-256\)/,
      check: /holds a private key \(EC, curve P-256\), and no certificate/,
    },
    {
      name: "the key under a password",
      make: () => {
        folder.openssl("pkcs8", "-topk8", "-in", "unit.key", "-out", "locked.key", "-passout", "pass:x");
        return `${folder.path}/locked.key`;
      },
      inspect: /private key under a password/,
      check: /holds a private key under a password, and no certificate/,
    },
    {
      name: "a key with CERTIFICATE around it",
      make: () => file(unit.keyPem.replaceAll("PRIVATE KEY", "CERTIFICATE")),
      inspect: /CERTIFICATE holds a private key .*its BEGIN and END lines are wrong/,
      check: /BEGIN and END lines are wrong/,
    },
    {
      name: "a certificate with PRIVATE KEY around it",
      make: () => file(unit.certificatePem.replaceAll("CERTIFICATE", "PRIVATE KEY")),
      inspect: /PRIVATE KEY holds a certificate .*its BEGIN and END lines are wrong/,
      check: /BEGIN and END lines are wrong/,
    },
    {
      name: "a request",
      make: () => {
        folder.openssl("req", "-new", "-key", "unit.key", "-subj", "/CN=unit-7", "-out", "unit.csr");
        return `${folder.path}/unit.csr`;
      },
      inspect: /signing request for CN=unit-7/,
      check: /holds a certificate signing request, and no certificate/,
    },
    {
      name: "a public key",
      make: () => {
        folder.openssl("pkey", "-in", "unit.key", "-pubout", "-out", "unit.pub");
        return `${folder.path}/unit.pub`;
      },
      inspect: /a public key/,
      check: /holds a public key, and no certificate/,
    },
    {
      name: "PKCS#12",
      make: () => {
        folder.openssl(
          "pkcs12",
          "-export",
          "-in",
          file(unit.certificatePem),
          "-inkey",
          "unit.key",
          "-passout",
          "pass:x",
          "-out",
          "unit.p12",
        );
        return `${folder.path}/unit.p12`;
      },
      inspect: /a PKCS#12 bundle \(\.p12, \.pfx\)/,
      check: /holds a PKCS#12 bundle/,
    },
    {
      name: "PKCS#7",
      make: () => {
        folder.openssl("crl2pkcs7", "-nocrl", "-certfile", "root.pem", "-out", "root.p7b");
        return `${folder.path}/root.p7b`;
      },
      inspect: /a PKCS#7 bundle/,
      check: /holds a PKCS#7 bundle/,
    },
    {
      name: "a private SSH key",
      make: () =>
        file(
          "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
        ),
      inspect: /a private key in OpenSSH's own format/,
      check: /OpenSSH's own format, and no certificate/,
    },
    {
      name: "a public SSH key",
      make: () => file("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE me@here\n"),
      inspect: /a public key in OpenSSH's own format/,
      check: /OpenSSH's own format, and no certificate/,
    },
    {
      name: "a PuTTY key",
      make: () => file("PuTTY-User-Key-File-3: ssh-rsa\n"),
      inspect: /PuTTY's own format/,
      check: /PuTTY's own format, and no certificate/,
    },
    // Certificates that nobody should use.
    {
      name: "expired",
      make: async () =>
        file(
          (await root.client({ commonName: "unit-7", notBefore: new Date(0), notAfter: new Date(DAY_MS) }))
            .certificatePem,
        ),
      inspect: /! expired on 1970-01-02/,
      check: ["expired"],
    },
    {
      name: "not valid yet",
      make: async () =>
        file(
          (await root.client({ commonName: "unit-7", notBefore: new Date(now.getTime() + DAY_MS) }))
            .certificatePem,
        ),
      inspect: /! not valid before/,
      check: ["not-yet-valid"],
    },
    {
      name: "another unit's",
      make: async () => file((await root.client({ commonName: "unit-8" })).certificatePem),
      inspect: /certificate CN=unit-8/,
      check: ["common-name"],
    },
    {
      name: "no common name",
      make: () => issued("/O=Acme", p256),
      inspect: /certificate O=Acme/,
      check: ["common-name"],
    },
    {
      name: "two common names",
      make: () => issued("/CN=unit-7/CN=unit-8", p256),
      inspect: /certificate CN=unit-7, CN=unit-8/,
      check: ["common-name"],
    },
    {
      name: "for servers",
      make: async () => file((await root.server({ commonName: "unit-7" })).certificatePem),
      inspect: /for +TLS server/,
      check: ["client-usage"],
    },
    {
      name: "an authority",
      make: async () => file((await root.authority({ commonName: "unit-7" })).certificatePem),
      inspect: /for +an authority/,
      check: ["certificate-role"],
    },
    {
      name: "signed with MD5",
      make: () => signedByRsa("-md5"),
      inspect: /! signed by RSA with MD5/,
      check: ["signature"],
    },
    {
      name: "signed with SHA-1",
      make: () => signedByRsa("-sha1"),
      inspect: /! signed by RSA with SHA-1/,
      check: ["signature"],
    },
    {
      name: "RSA of 1024 bits",
      make: () => issued("/CN=unit-7", ["-newkey", "rsa:1024"]),
      inspect: /! its key \(RSA, 1024 bits\) is none/,
      check: ["key-kind"],
    },
    {
      name: "RSA of 8192 bits",
      make: () => issuedFor8192(),
      inspect: /! its key \(RSA, 8192 bits\) is none/,
      check: ["key-kind"],
    },
    {
      name: "P-384",
      make: () => issued("/CN=unit-7", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"]),
      inspect: /! its key \(EC, curve secp384r1\) is none/,
      check: ["key-kind"],
    },
    {
      name: "secp256k1, which has 256 bits, too",
      make: () => issued("/CN=unit-7", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"]),
      inspect: /! its key \(EC, curve secp256k1\) is none/,
      check: ["key-kind"],
    },
    {
      name: "Ed25519",
      make: () => issued("/CN=unit-7", ["-newkey", "ed25519"]),
      inspect: /! its key \(ed25519\) is none/,
      check: ["key-kind"],
    },
    {
      name: "self-signed and no authority",
      make: () => folder.selfSigned("own", "/CN=unit-7", "-addext", "basicConstraints=critical,CA:FALSE"),
      inspect: /signs itself but is not marked as an authority/,
      check: ["chain"],
    },
  ];

  /** By an RSA authority: what is broken with ECDSA is not even made. */
  function signedByRsa(digest: string): string {
    folder.openssl(
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "root.key", "-out", "root.pem"],
      ...["-subj", "/CN=Root", "-days", "900"],
    );
    try {
      return issued("/CN=unit-7", p256, digest);
    } finally {
      folder.openssl("x509", "-in", "root.pem", "-out", "rsa-root.pem");
      folder.file("root.pem", root.certificatePem);
      folder.file("root.key", root.keyPem);
    }
  }

  /** Making such a key takes minutes: its modulus is any odd number, and only the certificate is signed. */
  function issuedFor8192(): string {
    const modulus = Buffer.alloc(1_024, 0xff);
    const path = file(
      `asn1=SEQUENCE:k\n[k]\na=SEQUENCE:a\nb=BITWRAP,SEQUENCE:n\n[a]\no=OID:rsaEncryption\np=NULL\n[n]\nn=INTEGER:0x${modulus.toString("hex")}\ne=INTEGER:65537\n`,
    );
    folder.openssl("asn1parse", "-genconf", path, "-noout", "-out", "large.der");
    folder.openssl("pkey", "-pubin", "-inform", "der", "-in", "large.der", "-out", "large.pem");
    return issued("/CN=unit-7", p256, "-force_pubkey", "large.pem");
  }

  for (const { name, make, inspect, check } of table)
    it(name, async function () {
      this.timeout(20_000);
      const path = await make();
      let told: string;
      try {
        told = (await inspectFiles([path], now)).map(fileText).join("");
      } catch (error) {
        assert.ok(error instanceof InputError, String(error));
        told = error.what;
        assert.ok(error.why.length > 5 && error.fix.length > 5);
      }
      assert.match(told, inspect);

      const isRsa = name.startsWith("signed with");
      const options = {
        certificate: path,
        issuer: [`${folder.path}/${isRsa ? "rsa-root.pem" : "root.pem"}`],
        serial: "unit-7",
      };
      if (check instanceof RegExp) {
        await assert.rejects(checkFiles(options, now), (error: unknown) => {
          assert.ok(error instanceof InputError, String(error));
          assert.match(error.what, check);
          return true;
        });
      } else {
        const { findings } = await checkFiles(options, now);
        assert.deepEqual(
          findings.filter(one => one.severity === "error").map(one => one.rule),
          check,
        );
      }
    });

  it("no byte that is changed makes the tools fail: a file is read, or refused by a sentence", async function () {
    this.timeout(60_000);
    const rsa = await root.client({ commonName: "unit-7", key: "RSA-2048" });
    folder.openssl(
      "req",
      "-new",
      "-key",
      "unit.key",
      "-subj",
      "/CN=unit-7",
      "-outform",
      "der",
      "-out",
      "unit.der",
    );
    const request = Uint8Array.from(readFileSync(`${folder.path}/unit.der`));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(unit.certificate, rsa.certificate, unit.key, request),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        async (bytes, changes) => {
          const changed = Uint8Array.from(bytes);
          for (const [at, byte] of changes) changed[at % changed.length] = byte;
          const path = folder.file("changed", changed);
          try {
            for (const inspected of await inspectFiles([path], now)) fileText(inspected);
            await checkFiles({ certificate: path, issuer: [`${folder.path}/root.pem`] }, now);
          } catch (error) {
            if (!(error instanceof InputError)) throw error;
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("the key of another certificate", async () => {
    const other = await root.client({ commonName: "unit-8" });
    const [key] = await inspectFiles([file(other.keyPem), file(unit.certificatePem)], now);
    assert.deepEqual(key?.holds[0]?.relations, []);
    const { findings } = await checkFiles(
      { certificate: file(unit.certificatePem), key: file(other.keyPem), issuer: [], serial: "unit-7" },
      now,
    );
    assert.deepEqual(
      findings.map(one => one.rule),
      ["key-match"],
    );
  });

  it("the certificate in the key's place", async () => {
    const options = { certificate: file(unit.certificatePem), key: file(unit.certificatePem), issuer: [] };
    await assert.rejects(checkFiles(options, now), /holds a certificate \(CN=unit-7\), and no private key/);
  });

  it("openssl itself takes the good one that all of these were made from", () => {
    const path = file(unit.certificatePem);
    execFileSync("openssl", ["verify", "-purpose", "sslclient", "-CAfile", `${folder.path}/root.pem`, path]);
    assert.equal(new X509Certificate(readFileSync(path)).subject, "CN=unit-7");
  });
});
