import "reflect-metadata";
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync } from "node:fs";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { connect as connectTcp } from "node:net";
import { connect } from "node:tls";
import { X509Crl } from "@peculiar/x509";
import { issueRoot } from "../../../certs/authority/certificate.js";
import {
  issueRevocationList,
  revocationListPem,
  revokedBy,
  type Revoked,
} from "../../../certs/authority/crl.js";
import { nextListNumber } from "../../../certs/authority/crl-number.js";
import { SigningIssuer } from "../../../certs/authority/file-authority.js";
import { KeySigner } from "../../../certs/authority/signer.js";
import { FactoryError } from "../../../certs/factory-error.js";
import { Authority } from "../../../certs/issue.js";
import type { CertificateRecord, Fate, Ledger } from "../../../certs/ledger/ledger.js";
import { openLedger } from "../../../certs/ledger/open.js";
import { toPem } from "../../../certs/pem-text.js";
import { freePort, peer } from "../cli/support.js";
import { CertificateFolder } from "./files.js";

const DAY_MS = 86_400_000;
/** MQTT 3.1.1 CONNECT of a clean session, client id "a". */
const CONNECT = Buffer.from([0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 1, 0x61]);

describe("certificate revocation lists", () => {
  const folder = new CertificateFolder();
  // Whole seconds, as lists have them.
  const now = new Date(Math.floor(Date.now() / 1_000) * 1_000);
  const nextUpdate = new Date(now.getTime() + 30 * DAY_MS);
  const issuers = new Map<string, { by: SigningIssuer; key: KeySigner }>();

  before(async () => {
    for (const [kind, key] of [
      ["P-256", generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey],
      ["RSA-2048", generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey],
    ] as const) {
      const signer = new KeySigner(key);
      const der = await issueRoot(
        {
          subject: { commonName: `Factory ${kind}`, organization: "Acme" },
          notBefore: new Date(now.getTime() - DAY_MS),
          notAfter: new Date(now.getTime() + 1_000 * DAY_MS),
        },
        signer,
      );
      issuers.set(kind, { by: new SigningIssuer(new X509Certificate(der), signer), key: signer });
    }
  });
  after(() => folder.remove());

  function issuerOf(kind = "P-256") {
    const found = issuers.get(kind);
    assert.ok(found);
    return found;
  }

  const revoked: readonly Revoked[] = [
    { serialNumber: "0a", at: now, reason: "keyCompromise" },
    { serialNumber: "00ff", at: now, reason: "superseded" },
    { serialNumber: "7f".repeat(20), at: new Date("2051-02-03T04:05:06Z"), reason: "cessationOfOperation" },
    { serialNumber: "4b", at: now, reason: "affiliationChanged" },
    { serialNumber: "4c", at: now, reason: "unspecified" },
    { serialNumber: "4d", at: now },
  ];

  for (const kind of ["P-256", "RSA-2048"])
    it(`openssl verifies one, and reads number, dates, serial numbers and reasons: ${kind}`, async () => {
      const { by } = issuerOf(kind);
      const list = await by.revocationList({ revoked, number: 2n ** 64n, thisUpdate: now, nextUpdate });
      const ca = folder.file(`${kind}.pem`, toPem(Uint8Array.from(by.certificate.raw), "CERTIFICATE"));
      const path = folder.file(`${kind}.crl`, revocationListPem(list));
      const verified = execFileSync("sh", [
        "-c",
        `openssl crl -in "$1" -CAfile "$2" -noout -text 2>&1`,
        "sh",
        path,
        ca,
      ]);
      const text = verified.toString();
      assert.match(text, /verify OK/);
      assert.match(text, /Version 2/);
      assert.match(text, /X509v3 CRL Number: *\n +(18446744073709551616|0x010000000000000000)/);
      assert.match(text, /Serial Number: 0A\n[\s\S]*?Key Compromise/);
      assert.match(text, /Serial Number: FF\n[\s\S]*?Superseded/);
      assert.match(
        text,
        /Serial Number: (7F){20}\n +Revocation Date: Feb {2}3 04:05:06 2051 GMT[\s\S]*?Cessation Of Operation/,
      );
      assert.match(text, /Serial Number: 4B\n[\s\S]*?Affiliation Changed/);
      // Without a reason there is no extension: RFC 5280, 5.3.1.
      assert.match(text, /Serial Number: 4C\n.*\n +Serial Number: 4D\n.*\n +Signature Algorithm/);
    });

  it("an independent reader finds the same", async () => {
    const { by } = issuerOf();
    const list = new X509Crl(
      Uint8Array.from(await by.revocationList({ revoked, number: 5, thisUpdate: now, nextUpdate })),
    );
    assert.equal(list.issuer, "O=Acme, CN=Factory P-256");
    assert.deepEqual(list.thisUpdate, now);
    assert.deepEqual(list.nextUpdate, nextUpdate);
    assert.deepEqual(
      list.entries.map(one => [one.serialNumber, one.revocationDate.getTime()]),
      revoked.map(one => [one.serialNumber.replace(/^00/, ""), one.at.getTime()]),
    );
  });

  it("an empty list is one, without an empty sequence in it", async () => {
    const { by } = issuerOf();
    const list = await by.revocationList({ revoked: [], number: 1, thisUpdate: now, nextUpdate });
    const text = execFileSync("openssl", ["crl", "-inform", "der", "-noout", "-text"], { input: list });
    assert.match(text.toString(), /No Revoked Certificates/);
  });

  it("a list of 10,000 is more than 64 KB and read whole", async () => {
    const { by } = issuerOf();
    const many = Array.from({ length: 10_000 }, (_, at) => ({
      serialNumber: (0x4000 + at).toString(16),
      at: now,
    }));
    const list = await by.revocationList({ revoked: many, number: 1, thisUpdate: now, nextUpdate });
    const text = execFileSync("openssl", ["crl", "-inform", "der", "-noout", "-text"], {
      input: list,
      maxBuffer: 1e8,
    });
    assert.equal(text.toString().match(/Serial Number/g)?.length, 10_000);
  });

  const wrong: readonly (readonly [string, Partial<Parameters<typeof issueRevocationList>[0]>, RegExp])[] = [
    ["dates in the wrong order", { nextUpdate: new Date(0) }, /end before it begins/],
    ["a date that is none", { nextUpdate: new Date(NaN) }, /end before it begins/],
    [
      "the same serial number twice",
      {
        revoked: [
          { serialNumber: "0a", at: now },
          { serialNumber: "000A", at: now },
        ],
      },
      /stands twice/,
    ],
    [
      "a serial number that is none",
      { revoked: [{ serialNumber: "xyz", at: now }] },
      /serial number \? is none/,
    ],
    ["a negative number", { number: -1 }, /negative/],
  ];
  for (const [name, change, what] of wrong)
    it(`refused: ${name}`, async () => {
      const options = { revoked: [], number: 1, thisUpdate: now, nextUpdate, ...change };
      await assert.rejects(issuerOf().by.revocationList(options), (error: unknown) => {
        assert.ok(error instanceof FactoryError, String(error));
        assert.equal(error.code, "revocation-list");
        assert.match(error.what, what);
        return true;
      });
    });

  it("refused: an issuer whose key usage lacks cRLSign", async () => {
    const path = folder.selfSigned("nocrl", "/CN=CA", "-addext", "keyUsage=critical,keyCertSign");
    const certificate = new X509Certificate(execFileSync("cat", [path]));
    await assert.rejects(
      issueRevocationList(
        { revoked: [], number: 1, thisUpdate: now, nextUpdate },
        certificate,
        issuerOf().key,
      ),
      /may not sign revocation lists/,
    );
  });

  it("a signer of another key than the issuer's is found", async () => {
    const { by } = issuerOf();
    const other = new KeySigner(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
    await assert.rejects(
      issueRevocationList({ revoked: [], number: 1, thisUpdate: now, nextUpdate }, by.certificate, other),
      (error: unknown) => error instanceof FactoryError && error.code === "signature",
    );
  });

  function recordOf(certificate: X509Certificate, fate: Fate, from: X509Certificate): CertificateRecord {
    return {
      ...{ sha256: "", serialNumber: certificate.serialNumber.toLowerCase(), unit: "u", keySha256: "" },
      ...{ der: Uint8Array.from(certificate.raw), notBefore: now, notAfter: now, fate, fateAt: now },
      issuer: from.fingerprint256.replaceAll(":", "").toLowerCase(),
      ...(fate === "revoked" ? { reason: "keyCompromise" as const } : undefined),
    };
  }

  async function issuedBy(by: SigningIssuer): Promise<X509Certificate> {
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    return new X509Certificate(
      await by.issue({
        subject: { commonName: "unit-1" },
        publicKey: Uint8Array.from(publicKey.export({ type: "spki", format: "der" })),
        notBefore: now,
        notAfter: nextUpdate,
      }),
    );
  }

  // Abandoned ones were valid for ever: no list named them, and no command revokes them.
  it("of a ledger's certificates the revoked and the abandoned ones of this issuer go in", async () => {
    const { by } = issuerOf();
    const { by: other } = issuerOf("RSA-2048");
    const [revoked, abandoned] = [await issuedBy(by), await issuedBy(by)];
    const records = [
      recordOf(revoked, "revoked", by.certificate),
      recordOf(abandoned, "abandoned", by.certificate),
      recordOf(await issuedBy(other), "revoked", other.certificate),
    ];
    for (const fate of ["issued", "active", "superseded"] as const)
      records.push(recordOf(await issuedBy(by), fate, by.certificate));
    const found = await revokedBy(by.certificate, records);
    assert.deepEqual(found, [
      { serialNumber: revoked.serialNumber.toLowerCase(), at: now, reason: "keyCompromise" },
      { serialNumber: abandoned.serialNumber.toLowerCase(), at: now, reason: undefined },
    ]);
    const list = await by.revocationList({ revoked: found, number: 1, thisUpdate: now, nextUpdate });
    assert.deepEqual(
      new X509Crl(list).entries.map(({ reason }) => reason),
      [1, undefined],
    );
  });

  async function authorityNamed(commonName: string, signer: KeySigner): Promise<SigningIssuer> {
    const der = await issueRoot(
      { subject: { commonName, organization: "Acme" }, notBefore: now, notAfter: nextUpdate },
      signer,
    );
    return new SigningIssuer(new X509Certificate(der), signer);
  }

  // They were found by the SHA-256 of the authority's certificate, and lost with its renewal.
  it("what was revoked stays in the list when the authority's own certificate was renewed", async () => {
    const { by, key } = issuerOf();
    const certificate = await issuedBy(by);
    const record = recordOf(certificate, "revoked", by.certificate);
    const renewed = await authorityNamed("Factory P-256", key);
    assert.notEqual(renewed.certificate.fingerprint256, by.certificate.fingerprint256);
    const serials = (await revokedBy(renewed.certificate, [record])).map(one => one.serialNumber);
    assert.deepEqual(serials, [record.serialNumber]);
  });

  it("an authority with the same key and another name, or the same name and another key, is another one", async () => {
    const { by, key } = issuerOf();
    const record = recordOf(await issuedBy(by), "revoked", by.certificate);
    const stranger = new KeySigner(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
    for (const other of [
      await authorityNamed("Factory 2", key),
      await authorityNamed("Factory P-256", stranger),
    ])
      assert.deepEqual(await revokedBy(other.certificate, [record]), []);
  });

  it("a record that holds no certificate is not of a renewed authority", async () => {
    const { by, key } = issuerOf();
    const record = recordOf(await issuedBy(by), "revoked", by.certificate);
    const renewed = await authorityNamed("Factory P-256", key);
    assert.deepEqual(await revokedBy(renewed.certificate, [{ ...record, der: new Uint8Array(4) }]), []);
  });

  describe("numbers of lists", () => {
    const numbered = async (ledger: Ledger, at: Date, kind = "P-256"): Promise<number> =>
      await nextListNumber(ledger, { station: "office", issuer: issuerOf(kind).by.certificate, now: at });
    const opened: Ledger[] = [];
    async function open(name: string): Promise<Ledger> {
      const ledger = await openLedger(`${folder.path}/${name}`);
      opened.push(ledger);
      return ledger;
    }
    afterEach(async () => {
      for (const ledger of opened.splice(0)) await ledger.close();
    });

    // The number was the ledger's count of events, which no list made higher.
    it("grow with every list, whatever the clock says, and are recorded", async () => {
      const ledger = await open("numbers.db");
      const numbers = [];
      for (const ms of [0, 0, -DAY_MS, 5]) numbers.push(await numbered(ledger, new Date(now.getTime() + ms)));
      assert.deepEqual(
        numbers,
        [0, 1, 2, 5].map(more => now.getTime() + more),
      );
      const told = [];
      for await (const { event, station, data } of ledger.events({ unit: "" }))
        told.push([event, station, data["number"]]);
      assert.deepEqual(
        told,
        numbers.map(number => ["revocation-list", "office", String(number)]),
      );
    });

    // The count fell when an older copy of the ledger took its place.
    it("are higher in a ledger that does not know the lists before", async () => {
      const last = await numbered(await open("lost.db"), now);
      assert.ok((await numbered(await open("backup.db"), new Date(now.getTime() + 1))) > last);
    });

    it("are counted for each authority", async () => {
      const ledger = await open("two.db");
      assert.equal(await numbered(ledger, now), now.getTime());
      assert.equal(await numbered(ledger, now, "RSA-2048"), now.getTime());
    });

    it("never stand twice, when stations make lists at once", async () => {
      const ledgers = [await open("shared.db"), await open("shared.db")];
      const numbers = await Promise.all(
        ledgers.flatMap(ledger => Array.from({ length: 5 }, () => numbered(ledger, now))),
      );
      assert.equal(new Set(numbers).size, 10);
    });
  });

  describe("a real broker", () => {
    /** What becomes of a client: the first bytes that the broker answers to CONNECT, or how it refuses. */
    function attempt(port: number, ca: string, cert: string, key: string): Promise<string> {
      return new Promise(resolve => {
        const socket = connect({
          port,
          host: "127.0.0.1",
          ca,
          cert,
          key,
          servername: "localhost",
          maxVersion: "TLSv1.2",
        });
        socket.once("secureConnect", () => socket.write(CONNECT));
        socket.once("data", (bytes: Buffer) => {
          resolve(bytes.toString("hex"));
          socket.destroy();
        });
        socket.once("error", (error: NodeJS.ErrnoException) => {
          resolve(error.message);
        });
        socket.once("close", () => {
          resolve("closed");
        });
      });
    }

    /** What becomes of a revoked client and of a good one, with a list that is good from and until then. */
    async function attempts(
      suite: Mocha.Context,
      thisUpdate: Date,
      until: Date,
    ): Promise<{ readonly bad: string; readonly good: string }> {
      const path = peer(suite, "mosquitto");
      const { by } = issuerOf();
      const clients = await Promise.all(
        ["unit-1", "unit-2"].map(async commonName => {
          const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
          const certificate = await by.issue({
            subject: { commonName },
            publicKey: Uint8Array.from(publicKey.export({ type: "spki", format: "der" })),
            notBefore: now,
            notAfter: nextUpdate,
          });
          const key = String(privateKey.export({ type: "pkcs8", format: "pem" }));
          return { certificate, pem: toPem(certificate, "CERTIFICATE"), key };
        }),
      );
      const [bad, good] = clients;
      assert.ok(bad && good);
      const list = await by.revocationList({
        revoked: [
          {
            serialNumber: new X509Certificate(bad.certificate).serialNumber,
            at: now,
            reason: "keyCompromise",
          },
        ],
        number: 1,
        thisUpdate,
        nextUpdate: until,
      });
      const brokerCa = await Authority.create({ commonName: "Broker CA" });
      const server = await brokerCa.server({ commonName: "localhost", names: ["localhost", "127.0.0.1"] });
      const port = await freePort();
      chmodSync(folder.path, 0o755);
      const conf = folder.file(
        "mosquitto.conf",
        [
          `listener ${String(port)} 127.0.0.1`,
          "persistence false",
          "allow_anonymous true",
          `cafile ${folder.file("clients.pem", toPem(Uint8Array.from(by.certificate.raw), "CERTIFICATE"))}`,
          `crlfile ${folder.file("clients.crl", revocationListPem(list))}`,
          `certfile ${folder.file("server.pem", server.chainPem)}`,
          `keyfile ${folder.file("server.key", server.keyPem)}`,
          "require_certificate true",
          "",
        ].join("\n"),
      );
      const broker = spawn(path, ["-c", conf], { stdio: "ignore" });
      try {
        for (let isUp = false; !isUp;) {
          assert.equal(broker.exitCode, null, "mosquitto ended");
          isUp = await new Promise<boolean>(resolve => {
            const probe = connectTcp(port, "127.0.0.1");
            probe.once("connect", () => {
              probe.destroy();
              resolve(true);
            });
            probe.once("error", () => {
              resolve(false);
            });
          });
        }
        const { certificatePem: ca } = brokerCa;
        return {
          good: await attempt(port, ca, good.pem, good.key),
          bad: await attempt(port, ca, bad.pem, bad.key),
        };
      } finally {
        const gone = once(broker, "exit");
        broker.kill();
        await gone;
      }
    }

    it("mosquitto refuses a revoked client and takes another one", async function () {
      this.timeout(20_000);
      const { good, bad } = await attempts(this, now, nextUpdate);
      assert.equal(good, "20020000");
      assert.match(bad, /alert certificate revoked|alert number 44/);
    });

    it("mosquitto refuses every client when the list's next date has passed", async function () {
      this.timeout(20_000);
      const { good } = await attempts(
        this,
        new Date(now.getTime() - 2 * DAY_MS),
        new Date(now.getTime() - DAY_MS),
      );
      assert.match(good, /alert/);
    });
  });
});
