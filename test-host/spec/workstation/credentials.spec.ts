import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync, webcrypto, type KeyObject } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pkcs10CertificateRequestGenerator } from "@peculiar/x509";
import { Authority, type Issued } from "../../../certs/issue.js";
import {
  credentialStore,
  loadCredentials,
  type LoadedCredentials,
} from "../../../hosts/workstation/credentials.js";
import { InputError } from "../../../certs/input-error.js";

const NOW = new Date("2026-06-01T12:00:00Z");
const VALID = { notBefore: new Date("2026-01-01T00:00:00Z"), notAfter: new Date("2027-01-01T00:00:00Z") };

/** Everything that the tables below make their files of. */
interface Material {
  readonly root: Authority;
  readonly middle: Authority;
  readonly client: Issued;
  readonly rsaClient: Issued;
  readonly server: Issued;
  readonly key: KeyObject;
  readonly otherKey: KeyObject;
}

let folder: string;
let made: Material;
/** Base64 of every key that a test wrote: no error may show a part of it. */
const secrets: string[] = [];
let serial = 0;

function write(name: string, content: string | Uint8Array): string {
  const file = join(folder, `${serial++}-${name}`);
  writeFileSync(file, content);
  return file;
}

function privateKey(
  options: { type: "rsa"; bits: number } | { type: "ec"; curve: string } | { type: "ed25519" },
): KeyObject {
  const pair =
    options.type === "rsa"
      ? generateKeyPairSync("rsa", { modulusLength: options.bits })
      : options.type === "ec"
        ? generateKeyPairSync("ec", { namedCurve: options.curve })
        : generateKeyPairSync("ed25519");
  return pair.privateKey;
}

function pem(key: KeyObject, type: "pkcs8" | "pkcs1" | "sec1" = "pkcs8"): string {
  secrets.push(key.export({ type: "pkcs8", format: "der" }).toString("base64"));
  return key.export({ type, format: "pem" }).toString();
}

function locked(key: KeyObject, format: "pem" | "der"): string | Buffer {
  const options = { type: "pkcs8", cipher: "aes-256-cbc", passphrase: "secret" } as const;
  return format === "pem" ? key.export({ ...options, format }) : key.export({ ...options, format });
}

/** The error that loading ends in, after a look that all its sentences are there and show no key. */
function refusal(run: () => unknown): InputError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof InputError, String(error));
    const parts = [error.what, error.why, error.fix, error.file];
    for (const part of parts) assert.ok(part.trim().length > 0);
    const shown = [...parts, error.message, String(error), error.stack ?? ""].join("\n");
    for (const secret of secrets) {
      for (let at = 0; at + 12 <= secret.length; at++) {
        assert.ok(!shown.includes(secret.slice(at, at + 12)), "an error shows key material");
      }
    }
    return error;
  }
  assert.fail("nothing was refused");
}

const crlf = (text: string): string => text.replaceAll("\n", "\r\n");
const cr = (text: string): string => text.replaceAll("\n", "\r");

describe("credential files", () => {
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "credentials-"));
    const root = await Authority.create({ commonName: "Root A", ...VALID });
    const middle = await root.authority({ commonName: "Middle A", ...VALID });
    const client = await root.client({ commonName: "device-1", ...VALID });
    made = {
      root,
      middle,
      client,
      rsaClient: await root.client({ commonName: "device-rsa", key: "RSA-2048", ...VALID }),
      server: await root.server({ commonName: "broker.test", ...VALID }),
      key: createPrivateKey(client.keyPem),
      otherKey: privateKey({ type: "ec", curve: "P-256" }),
    };
    for (const one of [root, middle, made.client, made.rsaClient, made.server]) {
      secrets.push(Buffer.from(one.key).toString("base64"));
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** One file in the place of `role`, the other two in order. */
  function load(role: "ca" | "certificate" | "key", file: string, now = NOW): LoadedCredentials {
    const files = {
      ca: write("ca.crt", made.root.certificatePem),
      certificate: write("client.crt", made.client.certificatePem),
      key: write("client.key", made.client.keyPem),
    };
    return loadCredentials({ ...files, [role]: file }, now);
  }

  describe("refused", () => {
    type Case = readonly [
      name: string,
      role: "ca" | "certificate" | "key",
      content: () => string | Uint8Array | Promise<string>,
      what: RegExp,
      fix: RegExp,
    ];
    const cases: readonly Case[] = [
      [
        "a certificate in the place of the key",
        "key",
        () => made.client.certificatePem,
        /holds a certificate \(CN=device-1\), not a private key/,
        /swapped/,
      ],
      [
        "a key in the place of the certificate",
        "certificate",
        () => made.client.keyPem,
        /holds a private key \(EC, curve P-256\), not a client certificate/,
        /swapped/,
      ],
      [
        "a key in the place of the CA",
        "ca",
        () => made.client.keyPem,
        /holds a private key \(EC, curve P-256\), not a CA certificate/,
        /--ca/,
      ],
      [
        "a public key in the place of the key",
        "key",
        () =>
          generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({
            type: "spki",
            format: "pem",
          }),
        /holds a public key, not a private key/,
        /--key/,
      ],
      [
        "a public key as DER",
        "key",
        () =>
          generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({
            type: "spki",
            format: "der",
          }),
        /holds a public key, not a private key/,
        /--key/,
      ],
      [
        "a signing request in the place of the certificate",
        "certificate",
        async () => {
          const keys = await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
            "sign",
          ]);
          const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" };
          const request = await Pkcs10CertificateRequestGenerator.create({
            name: "CN=a",
            keys,
            signingAlgorithm,
          });
          return request.toString("pem");
        },
        /holds a certificate signing request, not a client certificate/,
        /issued for this request/,
      ],
      [
        "a revocation list",
        "ca",
        () => "-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n",
        /holds a certificate revocation list, not a CA certificate/,
        /--ca/,
      ],
      [
        "an OpenSSH key",
        "key",
        () => "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk=\n-----END OPENSSH PRIVATE KEY-----\n",
        /private key in OpenSSH's own format, not a private key/,
        /ssh-keygen/,
      ],
      [
        "a PKCS#12 bundle",
        "key",
        () => Uint8Array.from([0x30, 0x82, 0, 5, 2, 1, 3, 5, 0]),
        /holds a PKCS#12 bundle/,
        /openssl pkcs12/,
      ],
      ["an encrypted key", "key", () => locked(made.key, "pem"), /private key under a password/, /-nocrypt/],
      [
        "an encrypted key as DER",
        "key",
        () => locked(made.key, "der"),
        /private key under a password/,
        /-nocrypt/,
      ],
      [
        "an encrypted key of OpenSSL's older form",
        "key",
        () =>
          "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
        /private key under a password/,
        /-nocrypt/,
      ],
      [
        "the server's certificate as CA",
        "ca",
        () => made.server.certificatePem,
        /holds a certificate \(CN=broker\.test\), but no CA certificate/,
        /not the broker's/,
      ],
      [
        "two roots as CA",
        "ca",
        async () =>
          made.root.certificatePem +
          (await Authority.create({ commonName: "Root B", ...VALID })).certificatePem,
        /2 CA certificates that could be meant \(CN=Root A, CN=Root B\)/,
        /one root/,
      ],
      [
        "a key of another certificate",
        "key",
        () => pem(made.otherKey),
        /does not belong to .*client\.crt/,
        /mixed/,
      ],
      [
        "an RSA key for an EC certificate",
        "key",
        () => made.rsaClient.keyPem,
        /does not belong to .*client\.crt/,
        /requested with/,
      ],
      [
        "intermediates before the client's certificate",
        "certificate",
        () => made.middle.certificatePem + made.client.certificatePem,
        /does not belong to/,
        /Put the certificate CN=device-1 first/,
      ],
      [
        "an expired certificate",
        "certificate",
        async () =>
          (
            await made.root.client({
              commonName: "old",
              notBefore: new Date("2020-01-01T00:00:00Z"),
              notAfter: new Date("2025-03-04T05:06:00Z"),
            })
          ).certificatePem,
        /\(CN=old\) expired on 2025-03-04 05:06 UTC/,
        /new certificate/,
      ],
      [
        "a certificate of the future",
        "certificate",
        async () =>
          (
            await made.root.client({
              commonName: "new",
              notBefore: new Date("2026-06-02T00:00:00Z"),
              notAfter: VALID.notAfter,
            })
          ).certificatePem,
        /\(CN=new\) is not valid before 2026-06-02 00:00 UTC/,
        /clock/,
      ],
      [
        "an expired CA",
        "ca",
        async () =>
          (
            await Authority.create({
              commonName: "Old root",
              notBefore: new Date("2010-01-01T00:00:00Z"),
              notAfter: new Date("2020-01-01T00:00:00Z"),
            })
          ).certificatePem,
        /\(CN=Old root\) expired on 2020-01-01/,
        /new certificate/,
      ],
      [
        "an RSA-1024 CA",
        "ca",
        async () =>
          (await Authority.create({ commonName: "Weak", key: "RSA-1024", ...VALID })).certificatePem,
        /public key \(CN=Weak\) is RSA, 1024 bits, which is not supported/,
        /2048 bits/,
      ],
      [
        "a P-384 CA",
        "ca",
        async () => (await Authority.create({ commonName: "Big", key: "P-384", ...VALID })).certificatePem,
        /EC, curve secp384r1, which is not supported/,
        /P-256/,
      ],
      ["nothing at all", "key", () => "", /is empty/, /again/],
      ["blanks alone", "key", () => "\ufeff \r\n\r\n", /is empty/, /again/],
      ["some text", "certificate", () => "hello\n", /neither PEM text nor DER/, /PEM/],
      [
        "base64 without BEGIN and END",
        "certificate",
        () => made.rsaClient.certificatePem.split("\n").slice(1, -2).join("\n"),
        /neither PEM text nor DER/,
        /-----BEGIN CERTIFICATE-----/,
      ],
      [
        "a text with \\n for line ends",
        "key",
        () => JSON.stringify(made.client.keyPem),
        /the two characters \\ and n/,
        /real line end/,
      ],
      [
        "a certificate cut off",
        "certificate",
        () => made.client.certificatePem.slice(0, 200),
        /its CERTIFICATE has no END line/,
        /again/,
      ],
      [
        "a certificate with a lost character",
        "certificate",
        () => made.client.certificatePem.replace(/[A-Z]\n/, "\n"),
        /its CERTIFICATE is not intact/,
        /again/,
      ],
      [
        "a certificate with a lost line",
        "certificate",
        () =>
          made.client.certificatePem
            .split("\n")
            .filter((_, index) => index !== 3)
            .join("\n"),
        /its CERTIFICATE is not intact/,
        /again/,
      ],
      [
        "a key with a lost line",
        "key",
        () =>
          made.rsaClient.keyPem
            .split("\n")
            .filter((_, index) => index !== 3)
            .join("\n"),
        /its PRIVATE KEY is not intact/,
        /again/,
      ],
      [
        "a key in the lines of a certificate",
        "certificate",
        () => made.client.keyPem.replaceAll("PRIVATE KEY", "CERTIFICATE"),
        /holds a private key \(EC, curve P-256\): its BEGIN and END lines are wrong/,
        /export/,
      ],
      ["a file of more than a megabyte", "ca", () => "x".repeat(1_000_001), /has 1000001 bytes/, /path/],
    ];
    for (const [name, role, content, what, fix] of cases) {
      it(name, async () => {
        const file = write(`${role}.pem`, await content());
        const error = refusal(() => load(role, file));
        assert.match(error.what, what);
        assert.match(error.fix, fix);
        assert.equal(error.file, file);
        assert.ok(error.what.includes(file), "the sentence names the file");
      });
    }

    const kinds: readonly (readonly [string, () => KeyObject, RegExp])[] = [
      ["RSA-1024", () => privateKey({ type: "rsa", bits: 1024 }), /RSA, 1024 bits/],
      ["P-384", () => privateKey({ type: "ec", curve: "P-384" }), /EC, curve secp384r1/],
      ["Ed25519", () => privateKey({ type: "ed25519" }), /does not belong|ed25519/],
    ];
    for (const [name, key, what] of kinds) {
      it(`a client key of the kind ${name}`, async () => {
        const kind = name === "RSA-1024" || name === "P-384" ? name : undefined;
        if (kind === undefined) {
          assert.match(refusal(() => load("key", write("client.key", pem(key())))).what, what);
          return;
        }
        const client = await made.root.client({ commonName: "odd", key: kind, ...VALID });
        const files = {
          certificate: write("odd.crt", client.certificatePem),
          key: write("odd.key", client.keyPem),
        };
        const error = refusal(() => loadCredentials(files, NOW));
        assert.match(error.what, what);
        assert.match(error.what, /not supported/);
      });
    }

    it("a file that does not exist", () => {
      const error = refusal(() => load("ca", join(folder, "missing.pem")));
      assert.match(error.what, /missing\.pem does not exist/);
      assert.match(error.fix, /spelling/);
    });

    it("a folder", () => {
      const path = join(folder, "folder.pem");
      mkdirSync(path);
      assert.match(refusal(() => load("ca", path)).what, /is a folder/);
    });

    it("a file that this user may not read", function () {
      if (process.getuid?.() === 0) this.skip();
      const file = write("hidden.key", made.client.keyPem);
      chmodSync(file, 0o000);
      assert.match(refusal(() => load("key", file)).what, /may not be read/);
    });

    it("a certificate without its key", () => {
      const certificate = write("client.crt", made.client.certificatePem);
      const error = refusal(() => loadCredentials({ certificate }, NOW));
      assert.match(error.what, /was given without --key/);
      assert.match(error.fix, /private key/);
    });

    it("a key without its certificate", () => {
      const key = write("client.key", made.client.keyPem);
      assert.match(refusal(() => loadCredentials({ key }, NOW)).what, /was given without --cert/);
    });
  });

  describe("accepted", () => {
    const forms: readonly (readonly [string, (text: string) => string | Uint8Array])[] = [
      ["LF", text => text],
      ["CRLF", crlf],
      ["CR alone", cr],
      ["a byte order mark", text => `\ufeff${text}`],
      ["UTF-16 of a Windows shell", text => Buffer.from(`\ufeff${crlf(text)}`, "utf16le")],
      ["text before and after", text => `subject=CN = device\nBag Attributes\n${text}\nthe end\n`],
      ["no line end at the end", text => text.trimEnd()],
      [
        "other line lengths and indented lines",
        text => text.replace(/^([A-Za-z0-9+/=]{20})(?=[A-Za-z0-9])/gm, "  $1 \n\t"),
      ],
    ];
    for (const [name, form] of forms) {
      it(`PEM with ${name}, as the very same DER`, () => {
        const files = {
          ca: write("ca.crt", form(made.root.certificatePem)),
          certificate: write("client.crt", form(made.client.certificatePem)),
          key: write("client.key", form(made.client.keyPem)),
        };
        const loaded = loadCredentials(files, NOW);
        assert.deepEqual(loaded.ca, made.root.certificate);
        assert.deepEqual(loaded.certificate, made.client.certificate);
        assert.deepEqual(loaded.key, made.client.key);
        assert.deepEqual(loaded.notes, []);
      });
    }

    it("DER, as it is", () => {
      const files = {
        ca: write("ca.der", made.root.certificate),
        certificate: write("client.der", made.client.certificate),
        key: write("client.key.der", made.client.key),
      };
      const { ca, certificate, key } = loadCredentials(files, NOW);
      assert.deepEqual(
        [ca, certificate, key],
        [made.root.certificate, made.client.certificate, made.client.key],
      );
    });

    const keyForms: readonly (readonly [
      string,
      "client" | "rsaClient",
      (key: KeyObject) => string | Uint8Array,
    ])[] = [
      ["PKCS#1", "rsaClient", key => pem(key, "pkcs1")],
      ["PKCS#1 as DER", "rsaClient", key => key.export({ type: "pkcs1", format: "der" })],
      [
        "PKCS#1 under the label of PKCS#8",
        "rsaClient",
        key => pem(key, "pkcs1").replaceAll("RSA PRIVATE", "PRIVATE"),
      ],
      ["SEC1", "client", key => pem(key, "sec1")],
      ["SEC1 as DER", "client", key => key.export({ type: "sec1", format: "der" })],
      [
        "SEC1 behind its curve",
        "client",
        key =>
          `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${pem(key, "sec1")}`,
      ],
    ];
    for (const [name, who, form] of keyForms) {
      it(`a key as ${name}, turned into PKCS#8`, () => {
        const issued = made[who];
        const files = {
          certificate: write("client.crt", issued.certificatePem),
          key: write("client.key", form(createPrivateKey(issued.keyPem))),
        };
        const { key } = loadCredentials(files, NOW);
        assert.ok(key !== undefined);
        const loaded = createPrivateKey({ key: Buffer.from(key), format: "der", type: "pkcs8" });
        assert.ok(loaded.equals(createPrivateKey(issued.keyPem)));
      });
    }

    it("certificate and key in one file, given twice", () => {
      const both = write("both.pem", made.client.keyPem + made.client.certificatePem);
      const loaded = loadCredentials({ certificate: both, key: both }, NOW);
      assert.deepEqual(loaded.certificate, made.client.certificate);
      assert.deepEqual(loaded.key, made.client.key);
    });

    it("nothing, when nothing is given", () => {
      assert.deepEqual(loadCredentials({}, NOW), { notes: [] });
    });

    it("a certificate in its first and in its last second", () => {
      const client = write("client.crt", made.client.certificatePem);
      assert.ok(load("certificate", client, VALID.notBefore).certificate);
      assert.ok(load("certificate", client, VALID.notAfter).certificate);
    });
  });

  describe("notes", () => {
    const note = (loaded: LoadedCredentials): string => loaded.notes.join("\n");

    it("say which CA of a chain is used", () => {
      const loaded = load(
        "ca",
        write(
          "chain.pem",
          made.server.certificatePem + made.middle.certificatePem + made.root.certificatePem,
        ),
      );
      assert.deepEqual(loaded.ca, made.root.certificate);
      assert.match(note(loaded), /CN=Root A is used as the CA; left out: CN=broker\.test, CN=Middle A/);
    });

    it("warn of an intermediate as the only CA", () => {
      const loaded = load("ca", write("middle.pem", made.middle.certificatePem));
      assert.deepEqual(loaded.ca, made.middle.certificate);
      assert.match(note(loaded), /intermediate, not a root/);
    });

    it("say that intermediates behind the client's certificate are not sent", () => {
      const loaded = load(
        "certificate",
        write("chain.pem", made.client.certificatePem + made.middle.certificatePem),
      );
      assert.deepEqual(loaded.certificate, made.client.certificate);
      assert.match(note(loaded), /the first \(CN=device-1\) is used, the device sends it alone/);
    });

    it("warn of a private key beside a CA certificate", () => {
      const loaded = load("ca", write("ca-and-key.pem", made.root.certificatePem + made.root.keyPem));
      assert.match(note(loaded), /also holds a private key/);
    });

    it("warn of a client certificate that is marked as a CA", () => {
      const files = {
        certificate: write("self.crt", made.root.certificatePem),
        key: write("self.key", made.root.keyPem),
      };
      assert.match(note(loadCredentials(files, NOW)), /marked as a CA/);
    });
  });

  it("become the store that the firmware opens", () => {
    const ca = Uint8Array.of(1, 2, 3);
    const store = credentialStore({ ca });
    const view = new Uint8Array(8);
    const opened = store.open("ca");
    assert.ok(opened !== undefined);
    assert.equal(opened.byteLength, 3);
    assert.equal(opened.read(view, 1), 2);
    assert.deepEqual([...view.subarray(0, 2)], [2, 3]);
    assert.equal(store.open("key"), undefined);
  });
});
