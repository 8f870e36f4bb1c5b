import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import * as asn1js from "asn1js";
import fc from "fast-check";
import { BytesCredential } from "../../../modules/pki/bytes.js";
import { certificationRequest, requestInfo } from "../../../modules/pki/csr.js";
import { inspectDer, type DerKey } from "../../../modules/pki/der.js";
import {
  contents,
  is,
  lengths,
  oidOf,
  primitive,
  Refused,
  sequence,
  unlessRefused,
  type StricterRule,
} from "./asn1js-reader.js";
import { change, changed } from "./changes.js";

type KeyFields = Pick<DerKey, "algorithm" | "bits">;

const UNIVERSAL = 1;

/** Contents of an RSA or EC private key without its envelope, as far as `inspectDer` looks at it. */
function innerOf(bytes: Uint8Array, stricter: Set<StricterRule>): readonly asn1js.AsnType[] {
  const { offset, result } = asn1js.fromBER(Uint8Array.from(bytes));
  if (offset === -1) throw new Refused();
  if (offset !== bytes.length) stricter.add("trailing");
  lengths(result, stricter);
  return sequence(result);
}

/** A private key as asn1js reads it (RFC 5958). */
function readKey(bytes: Uint8Array): KeyFields & { readonly stricter: ReadonlySet<StricterRule> } {
  const stricter = new Set<StricterRule>();
  const { offset, result } = asn1js.fromBER(Uint8Array.from(bytes));
  if (offset === -1) throw new Refused();
  if (offset !== bytes.length) stricter.add("trailing");
  lengths(result, stricter);
  const [version, identifier, key] = sequence(result);
  primitive(version, 2);
  const [type, curve] = sequence(identifier);
  const id = oidOf(type);
  const inner = contents(primitive(key, 4));
  if (id === "1.2.840.113549.1.1.1") {
    const [, modulus] = innerOf(inner, stricter);
    const number = contents(primitive(modulus, 2));
    const [first = 0, second = 0] = number;
    if (number.length < 2 || first >= 0x80 || (first === 0 && second < 0x80)) stricter.add("modulus");
    const from = first === 0 ? 1 : 0;
    const bits = (number.length - from) * 8 - Math.clz32(number[from] ?? 0) + 24;
    return { algorithm: "RSA", bits, stricter };
  }
  const isP256 =
    id === "1.2.840.10045.2.1" &&
    curve !== undefined &&
    is(curve, UNIVERSAL, 6) &&
    oidOf(curve) === "1.2.840.10045.3.1.7";
  if (!isP256) return { algorithm: "other", bits: 0, stricter };
  const [, number] = innerOf(inner, stricter);
  if (contents(primitive(number, 4)).length !== 32) throw new Refused();
  return { algorithm: "P-256", bits: 256, stricter };
}

describe("asn1js as an independent reader of private keys and requests", () => {
  const pkcs8 = (key: KeyObject): Uint8Array => Uint8Array.from(key.export({ format: "der", type: "pkcs8" }));
  const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const corpus: readonly (readonly [name: string, der: Uint8Array, fields: KeyFields])[] = [
    ["P-256", pkcs8(p256.privateKey), { algorithm: "P-256", bits: 256 }],
    ["RSA-2048", pkcs8(rsa.privateKey), { algorithm: "RSA", bits: 2048 }],
    [
      "RSA-3072",
      pkcs8(generateKeyPairSync("rsa", { modulusLength: 3072 }).privateKey),
      { algorithm: "RSA", bits: 3072 },
    ],
    [
      "P-384",
      pkcs8(generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey),
      { algorithm: "other", bits: 0 },
    ],
    ["Ed25519", pkcs8(generateKeyPairSync("ed25519").privateKey), { algorithm: "other", bits: 0 }],
  ];

  for (const [name, der, fields] of corpus)
    it(`a key ${name} is the same to both`, () => {
      const found = inspectDer(new BytesCredential(der));
      assert.ok(found.kind === "key");
      const { algorithm, bits } = found;
      assert.deepEqual({ algorithm, bits }, fields);
      const independent = readKey(der);
      assert.deepEqual(independent, { ...fields, stricter: new Set() });
    });

  it("reads the same of whatever inspectDer takes for a key, and refuses what it refuses but for the named rules", function () {
    this.timeout(60_000);
    const counts = { accepted: 0, loose: 0, refused: 0 };
    const changes = fc.array(change, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(fc.nat(corpus.length - 1), changes, (which, done) => {
        const bytes = changed(corpus[which]?.[1] ?? assert.fail(), done);
        const found = inspectDer(new BytesCredential(bytes));
        const independent = unlessRefused(() => readKey(bytes));
        if (found.kind !== "key") {
          counts.refused++;
          if (independent !== undefined) assert.notEqual(independent.stricter.size, 0, "by no named rule");
          return;
        }
        counts.accepted++;
        // The other numbers of a key are not looked at by a device that only stores it: using it tells.
        if (independent === undefined) counts.loose++;
        else {
          const { algorithm, bits } = found;
          assert.deepEqual({ algorithm, bits }, { algorithm: independent.algorithm, bits: independent.bits });
        }
      }),
      { numRuns: 5_000 },
    );
    assert.ok(counts.accepted > 500 && counts.refused > 500, JSON.stringify(counts));
    assert.ok(counts.loose < counts.accepted / 5, JSON.stringify(counts));
  });

  for (const [name, keys, algorithm] of [
    ["P-256", p256, "ES256"],
    ["RSA-2048", rsa, "RS256"],
  ] as const)
    it(`a request for a key ${name} has subject, key, no attribute and a signature in their places`, () => {
      const publicKey = Uint8Array.from(keys.publicKey.export({ format: "der", type: "spki" }));
      fc.assert(
        fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }), commonName => {
          const info = requestInfo(new TextEncoder().encode(commonName), {
            algorithm,
            publicKey,
            pkcs8: new Uint8Array(0),
            sign: () => undefined,
          });
          const key = createPrivateKey({ key: keys.privateKey.export({ format: "pem", type: "pkcs8" }) });
          const signature = sign("sha256", info, { key, dsaEncoding: "ieee-p1363" });
          const request = certificationRequest(info, algorithm, signature);
          const { offset, result } = asn1js.fromBER(Uint8Array.from(request));
          assert.equal(offset, request.length);
          const stricter = new Set<StricterRule>();
          lengths(result, stricter);
          assert.deepEqual([...stricter], [], "DER throughout");
          const [signed, identifier, bits, ...more] = sequence(result);
          assert.equal(more.length, 0);
          assert.ok(signed);
          assert.deepEqual(new Uint8Array(signed.valueBeforeDecodeView), info);
          const [version, subject, spki, attributes, ...others] = sequence(signed);
          assert.equal(others.length, 0);
          assert.deepEqual([...contents(primitive(version, 2))], [0]);
          assert.ok(spki && attributes && subject instanceof asn1js.Sequence);
          assert.deepEqual(new Uint8Array(spki.valueBeforeDecodeView), publicKey);
          assert.deepEqual([...new Uint8Array(attributes.valueBeforeDecodeView)], [0xa0, 0]);
          const [set, ...sets] = subject.valueBlock.value;
          assert.ok(set instanceof asn1js.Set && sets.length === 0);
          const [type, value] = sequence(set.valueBlock.value[0]);
          assert.equal(oidOf(type), "2.5.4.3");
          assert.ok(value instanceof asn1js.Utf8String);
          assert.equal(value.valueBlock.value, commonName);
          const [oid] = sequence(identifier);
          assert.equal(oidOf(oid), algorithm === "RS256" ? "1.2.840.113549.1.1.11" : "1.2.840.10045.4.3.2");
          const [unused, ...rest] = contents(primitive(bits, 3));
          assert.equal(unused, 0);
          if (algorithm === "RS256") assert.deepEqual(Uint8Array.from(rest), Uint8Array.from(signature));
          else {
            const numbers = sequence(asn1js.fromBER(Uint8Array.from(rest)).result).map(one =>
              BigInt(`0x${Buffer.from(contents(primitive(one, 2))).toString("hex")}`),
            );
            const halves = [signature.subarray(0, 32), signature.subarray(32)];
            assert.deepEqual(
              numbers,
              halves.map(half => BigInt(`0x${half.toString("hex")}`)),
            );
          }
        }),
        { numRuns: 100 },
      );
    });
});
