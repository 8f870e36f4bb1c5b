import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import { Authority } from "../../../certs/issue.js";
import { BytesCredential } from "../../../modules/pki/bytes.js";
import { inspectDer, type DerObject } from "../../../modules/pki/der.js";
import { parseCertificate, type Certificate } from "../../../modules/pki/x509.js";
import { CertificateFolder } from "../certs/files.js";
import {
  readByAsn1js,
  headsWithin,
  identifierEnds,
  unreadPlaces,
  STRICTER_RULES,
  type IndependentCertificate,
  type StricterRule,
} from "./asn1js-reader.js";
import { change, changed } from "./changes.js";

describe("asn1js as an independent reader of certificates", () => {
  const folder = new CertificateFolder();
  const corpus: { readonly name: string; readonly der: Uint8Array }[] = [];

  before(async () => {
    const root = await Authority.create({ commonName: "Root" });
    const der = (path: string): Uint8Array => Uint8Array.from(new X509Certificate(readFileSync(path)).raw);
    corpus.push(
      { name: "P-256", der: (await root.client({ commonName: "unit-7" })).certificate },
      { name: "RSA-2048", der: (await root.client({ commonName: "Ä 😀", key: "RSA-2048" })).certificate },
      { name: "P-384", der: (await root.client({ commonName: "x".repeat(64), key: "P-384" })).certificate },
      { name: "authority", der: root.certificate },
      {
        name: "until 2051",
        der: (await root.client({ commonName: "late", notAfter: new Date("2051-02-03T04:05:06Z") }))
          .certificate,
      },
      { name: "Ed25519", der: der(folder.selfSigned("ed", "/CN=ed", "-newkey", "ed25519")) },
      { name: "two common names", der: der(folder.selfSigned("two", "/C=DE/O=Acme/CN=a/CN=b")) },
      {
        name: "several values at once",
        der: der(folder.selfSigned("multi", "/O=Acme+CN=a", "-multivalue-rdn")),
      },
      { name: "no name", der: der(folder.selfSigned("none", "/")) },
    );
  });
  after(() => folder.remove());

  const fieldsOf = (one: IndependentCertificate | Extract<DerObject, { kind: "certificate" }>) => ({
    ...{ notBefore: one.notBefore, notAfter: one.notAfter, commonName: one.commonName },
    ...{ algorithm: one.algorithm, bits: one.bits },
  });
  const inspected = (bytes: Uint8Array): DerObject => inspectDer(new BytesCredential(bytes));
  function parsed(bytes: Uint8Array): Certificate | undefined {
    try {
      return parseCertificate(bytes);
    } catch {
      return undefined;
    }
  }

  it("agrees with device code on good certificates, with nothing that only device code would refuse", () => {
    for (const { name, der } of corpus) {
      const found = inspected(der);
      const independent = readByAsn1js(der);
      assert.ok(found.kind === "certificate" && independent, name);
      assert.deepEqual(fieldsOf(found), fieldsOf(independent), name);
      assert.deepEqual([...independent.stricter], [], name);
    }
  });

  /**
   * What device code does not look at as it was: a reader of everything would stumble there. Object identifiers that it
   * does not know are only told apart from those it knows; that they end within a number is mended.
   */
  function restored(bytes: Uint8Array, base: Uint8Array): Uint8Array {
    const mended = Uint8Array.from(bytes);
    for (const [from, to] of unreadPlaces(base)) mended.set(base.subarray(from, to), from);
    for (const end of identifierEnds(base)) if ((mended[end] ?? 0) >= 0x80) mended[end] = 0x7f;
    return mended;
  }

  const changes = fc.array(change, { minLength: 1, maxLength: 3 });

  it("reads the same fields from whatever inspectDer accepts, and refuses what it refuses but for the named rules", function () {
    this.timeout(60_000);
    const counts = { accepted: 0, loose: 0, refused: 0 };
    fc.assert(
      fc.property(fc.nat(corpus.length - 1), changes, (which, done) => {
        const base = corpus[which]?.der ?? assert.fail();
        const bytes = changed(base, done);
        const found = inspected(bytes);
        const independent = readByAsn1js(bytes);
        if (found.kind === "certificate") {
          counts.accepted++;
          // Where bytes have moved, or lengths inside have changed, others are not looked at than before.
          const isMoved = done.some(one => one.kind !== "set");
          const isLoose = isMoved || headsWithin(base).some(place => bytes[place] !== base[place]);
          const again = isMoved ? readByAsn1js(bytes) : readByAsn1js(restored(bytes, base));
          if (isLoose && again === undefined) {
            counts.loose++;
            return;
          }
          assert.ok(again, "accepted, but asn1js refuses");
          assert.deepEqual(fieldsOf(found), fieldsOf(again));
          if (!isLoose) assert.deepEqual([...again.stricter], []);
        } else {
          counts.refused++;
          if (independent === undefined) return;
          assert.notEqual(independent.stricter.size, 0, "refused by no named rule");
        }
      }),
      { numRuns: 5_000 },
    );
    // Of 5,000 both kinds must have been met, or nothing was proved.
    assert.ok(counts.accepted > 500 && counts.refused > 500, JSON.stringify(counts));
    assert.ok(counts.loose < counts.accepted / 10, JSON.stringify(counts));
  });

  const place = (der: Buffer, bytes: readonly number[]): number => der.indexOf(Buffer.from(bytes));
  /** One example of each rule that device code has and BER has not. */
  const examples: Readonly<Record<StricterRule, (p256: Buffer, rsa: Buffer) => Uint8Array>> = {
    length: der => Buffer.concat([Buffer.of(0x30, 0x83, 0), der.subarray(2)]),
    trailing: der => Buffer.concat([der, Buffer.of(0)]),
    time: der => {
      // The thirteenth month.
      der.write("13", place(der, [0x17, 13]) + 4, "latin1");
      return der;
    },
    modulus: (_, der) => {
      der[place(der, [2, 0x82, 1, 1, 0]) + 5] = 0x7f;
      return der;
    },
    point: der => {
      const at = place(der, [3, 0x42, 0, 4]);
      // One byte less of it, and of everything that it is in.
      der[at + 1] = 0x41;
      const key = place(der, [0x30, 0x59, 0x30, 0x13]) + 1;
      der[key] = 0x58;
      der.writeUInt16BE(der.readUInt16BE(2) - 1, 2);
      der.writeUInt16BE(der.readUInt16BE(6) - 1, 6);
      return Buffer.concat([der.subarray(0, at + 10), der.subarray(at + 11)]);
    },
  };
  for (const rule of STRICTER_RULES)
    it(`inspectDer refuses what asn1js reads, by the rule "${rule}"`, () => {
      const [p256, rsa] = corpus.map(({ der }) => Buffer.from(der));
      assert.ok(p256 && rsa);
      const bytes = Uint8Array.from(examples[rule](p256, rsa));
      assert.equal(inspected(bytes).kind, "invalid");
      assert.deepEqual([...(readByAsn1js(bytes)?.stricter ?? [])], [rule]);
    });

  it("finds the same parts as parseCertificate wherever both read a certificate", function () {
    this.timeout(60_000);
    let both = 0;
    fc.assert(
      fc.property(fc.nat(corpus.length - 1), changes, (which, done) => {
        const bytes = changed(corpus[which]?.der ?? assert.fail(), done);
        const found = parsed(bytes);
        const independent = readByAsn1js(bytes);
        if (found === undefined || independent === undefined || independent.stricter.has("time")) return;
        both++;
        for (const part of ["tbs", "issuer", "subject", "key", "signature"] as const)
          assert.deepEqual(found[part], independent[part], part);
        assert.equal(found.notBefore, independent.notBefore * 1_000);
        assert.equal(found.notAfter, independent.notAfter * 1_000);
      }),
      { numRuns: 5_000 },
    );
    assert.ok(both > 500, String(both));
  });
});
