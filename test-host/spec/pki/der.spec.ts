import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { rootCertificates } from "node:tls";
import fc from "fast-check";
import type { Credential } from "../../../modules/io/credentials.js";
import { BytesCredential } from "../../../modules/pki/bytes.js";
import { inspectDer, type DerFault, type DerObject } from "../../../modules/pki/der.js";

const inspect = (bytes: Uint8Array): DerObject => inspectDer(new BytesCredential(bytes));
const roots = rootCertificates.map(pem => new X509Certificate(pem));

/** A key of a kind that the device can use. */
function pkcs8(kind: "RSA" | "P-256"): Buffer {
  const { privateKey } =
    kind === "RSA"
      ? generateKeyPairSync("rsa", { modulusLength: 2048 })
      : generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "der" });
}

/** DER by hand: `tlv(0x30, [...])`. */
function tlv(tag: number, content: readonly number[]): number[] {
  const length = content.length;
  if (length < 0x80) return [tag, length, ...content];
  if (length < 0x100) return [tag, 0x81, length, ...content];
  return [tag, 0x82, length >> 8, length & 0xff, ...content];
}

const ascii = (text: string): number[] => [...Buffer.from(text, "latin1")];

interface Shape {
  readonly notBefore?: readonly [number, string];
  readonly notAfter?: readonly [number, string];
  readonly names?: readonly (readonly [number, readonly number[]])[];
}

/** A P-256 certificate of hand-made parts; nothing is signed. */
function certificate(shape: Shape = {}): Uint8Array {
  const [firstTag, first] = shape.notBefore ?? [0x17, "250102030405Z"];
  const [lastTag, last] = shape.notAfter ?? [0x17, "351231235959Z"];
  const ecdsa = tlv(0x30, tlv(0x06, [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]));
  const names = (shape.names ?? [[0x0c, ascii("device")]]).flatMap(([tag, value]) =>
    tlv(0x31, tlv(0x30, [...tlv(0x06, [0x55, 4, 3]), ...tlv(tag, value)])),
  );
  const key = tlv(0x30, [
    ...tlv(0x30, [
      ...tlv(0x06, [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]),
      ...tlv(0x06, [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]),
    ]),
    ...tlv(0x03, [0, 4, ...new Array<number>(64).fill(1)]),
  ]);
  const body = tlv(0x30, [
    ...tlv(0xa0, [2, 1, 2]),
    ...tlv(0x02, [1]),
    ...ecdsa,
    ...tlv(0x30, []),
    ...tlv(0x30, [...tlv(firstTag, ascii(first)), ...tlv(lastTag, ascii(last))]),
    ...tlv(0x30, names),
    ...key,
  ]);
  return Uint8Array.from(tlv(0x30, [...body, ...ecdsa, ...tlv(0x03, [0, 1, 2])]));
}

function faultOf(object: DerObject): DerFault | undefined {
  return object.kind === "invalid" ? object.fault : undefined;
}

const noKey = { type: "pkcs8", format: "der", cipher: "aes-256-cbc", passphrase: "x" } as const;

describe("DER inspection", () => {
  const broken: readonly (readonly [string, () => Uint8Array, DerFault])[] = [
    ["nothing", () => new Uint8Array(0), "empty"],
    ["PEM text", () => Buffer.from("-----BEGIN CERTIFICATE-----\n"), "pem"],
    ["text", () => Buffer.from("hello, this is no certificate"), "malformed"],
    ["a certificate without its last byte", () => certificate().slice(0, -1), "truncated"],
    ["the first three bytes of a certificate", () => certificate().slice(0, 3), "truncated"],
    ["a certificate with a byte behind it", () => Uint8Array.of(...certificate(), 0), "trailing"],
    ["an indefinite length", () => Uint8Array.of(0x30, 0x80, 2, 1, 0, 0, 0, 0), "malformed"],
    ["a length that is not minimal", () => Uint8Array.of(0x30, 0x81, 3, 2, 1, 0), "malformed"],
    ["a length with a leading zero", () => Uint8Array.of(0x30, 0x82, 0, 0x83, 2, 1, 0), "malformed"],
    [
      "an object inside that is longer than the whole",
      () => Uint8Array.of(0x30, 4, 0x30, 9, 2, 1),
      "malformed",
    ],
    ["an empty sequence", () => Uint8Array.of(0x30, 0), "malformed"],
    ["a public key", () => publicKey(), "malformed"],
    [
      "an RSA key without PKCS#8",
      () =>
        generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({
          type: "pkcs1",
          format: "der",
        }),
      "pkcs1",
    ],
    [
      "an EC key without PKCS#8",
      () =>
        generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "sec1", format: "der" }),
      "sec1",
    ],
    [
      "an encrypted key",
      () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export(noKey),
      "encrypted",
    ],
    ["a date of 13 months", () => certificate({ notAfter: [0x17, "251301000000Z"] }), "malformed"],
    ["the 30th of February", () => certificate({ notBefore: [0x17, "240230000000Z"] }), "malformed"],
    ["24 o'clock", () => certificate({ notBefore: [0x17, "240101240000Z"] }), "malformed"],
    ["a date with a zone", () => certificate({ notBefore: [0x17, "2401012200+0100"] }), "malformed"],
    ["a date with letters", () => certificate({ notBefore: [0x17, "24010122x000Z"] }), "malformed"],
    ["a date as text", () => certificate({ notBefore: [0x0c, "240101000000Z"] }), "malformed"],
  ];
  for (const [name, bytes, fault] of broken) {
    it(`says ${fault} of ${name}`, () => assert.equal(faultOf(inspect(bytes())), fault));
  }

  function publicKey(): Buffer {
    return generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({
      type: "spki",
      format: "der",
    });
  }

  it("calls every cut of a certificate and of keys unusable", () => {
    for (const whole of [certificate(), pkcs8("P-256"), pkcs8("RSA"), roots[0]?.raw ?? new Uint8Array()]) {
      assert.notEqual(inspect(whole).kind, "invalid");
      for (let length = 0; length < whole.length; length++) {
        assert.equal(
          inspect(whole.subarray(0, length)).kind,
          "invalid",
          `${length} of ${whole.length} bytes`,
        );
      }
    }
  });

  it("never throws and never reads outside, whatever bytes are changed", () => {
    const samples = [certificate(), pkcs8("P-256"), pkcs8("RSA")];
    fc.assert(
      fc.property(
        fc.constantFrom(...samples),
        fc.array(fc.tuple(fc.nat(3000), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 }),
        (sample, changes) => {
          const bytes = Uint8Array.from(sample);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          const guarded: Credential = {
            byteLength: bytes.length,
            read(view, offset) {
              assert.ok(offset >= 0 && offset <= bytes.length, `read at ${offset} of ${bytes.length}`);
              return new BytesCredential(bytes).read(view, offset);
            },
          };
          inspectDer(guarded);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("says malformed when the store gives less than it promised", () => {
    const whole = certificate();
    const source: Credential = {
      byteLength: whole.length,
      read: (view, offset) => (offset > 100 ? 0 : new BytesCredential(whole).read(view, offset)),
    };
    assert.equal(faultOf(inspectDer(source)), "malformed");
  });

  it("agrees with OpenSSL on the public roots: dates, common name, key", () => {
    assert.ok(roots.length > 100);
    for (const root of roots) {
      const found = inspect(root.raw);
      assert.ok(found.kind === "certificate", root.subject);
      const details = root.publicKey.asymmetricKeyDetails;
      const type = root.publicKey.asymmetricKeyType;
      const p256 = type === "ec" && details?.namedCurve === "prime256v1";
      assert.deepEqual(found, {
        kind: "certificate",
        notBefore: Date.parse(root.validFrom) / 1000,
        notAfter: Date.parse(root.validTo) / 1000,
        commonName: commonName(root),
        algorithm: type === "rsa" ? "RSA" : p256 ? "P-256" : "other",
        bits: type === "rsa" ? details?.modulusLength : p256 ? 256 : 0,
      });
    }
  });

  function commonName(root: X509Certificate): string {
    const line = root.subject
      .split("\n")
      .filter(one => one.startsWith("CN="))
      .pop();
    return (line ?? "CN=").slice(3).replaceAll("\\", "");
  }

  const keys: readonly (readonly [string, () => Buffer, object])[] = [
    ["RSA of 2048 bits", () => pkcs8("RSA"), { algorithm: "RSA", bits: 2048 }],
    ["P-256", () => pkcs8("P-256"), { algorithm: "P-256", bits: 256 }],
    ["P-384", () => other("P-384"), { algorithm: "other", bits: 0 }],
    [
      "Ed25519",
      () => generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "der" }),
      { algorithm: "other", bits: 0 },
    ],
  ];
  for (const [name, der, expected] of keys) {
    it(`knows a PKCS#8 key: ${name}`, () => {
      const { algorithm, bits } = Object.assign({ algorithm: "", bits: -1 }, inspect(der()));
      assert.deepEqual({ algorithm, bits }, expected);
    });
  }

  function other(namedCurve: string): Buffer {
    return generateKeyPairSync("ec", { namedCurve }).privateKey.export({ type: "pkcs8", format: "der" });
  }

  it("tells where the RSA key without its envelope lies", () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const der = privateKey.export({ type: "pkcs8", format: "der" });
    const found = inspect(der);
    assert.ok(found.kind === "key");
    const inner = der.subarray(found.innerOffset, found.innerOffset + found.innerLength);
    assert.deepEqual(inner, privateKey.export({ type: "pkcs1", format: "der" }));
  });

  const dates: readonly (readonly [number, string, string])[] = [
    [0x17, "491231235959Z", "2049-12-31T23:59:59Z"],
    [0x17, "500101000000Z", "1950-01-01T00:00:00Z"],
    [0x17, "240229120000Z", "2024-02-29T12:00:00Z"],
    [0x18, "20500101000000Z", "2050-01-01T00:00:00Z"],
    [0x18, "99991231235959Z", "9999-12-31T23:59:59Z"],
  ];
  for (const [tag, text, iso] of dates) {
    it(`reads the date ${text}`, () => {
      const found = inspect(certificate({ notAfter: [tag, text] }));
      assert.ok(found.kind === "certificate");
      assert.equal(found.notAfter, Date.parse(iso) / 1000);
    });
  }

  const names: readonly (readonly [string, readonly (readonly [number, readonly number[]])[], string])[] = [
    ["UTF-8", [[0x0c, [...Buffer.from("Zähler 7")]]], "Zähler 7"],
    [
      "the last of several",
      [
        [0x13, ascii("first")],
        [0x13, ascii("last")],
      ],
      "last",
    ],
    ["line ends as question marks", [[0x0c, ascii("a\r\nb")]], "a??b"],
    ["nothing of broken UTF-8", [[0x0c, [0x61, 0xff]]], ""],
    ["nothing of UTF-16", [[0x1e, [0, 0x61]]], ""],
    ["nothing of more than 256 bytes", [[0x0c, new Array<number>(257).fill(0x61)]], ""],
    ["nothing of an empty subject", [], ""],
  ];
  for (const [name, list, expected] of names) {
    it(`reads a common name: ${name}`, () => {
      const found = inspect(certificate({ names: list }));
      assert.ok(found.kind === "certificate");
      assert.equal(found.commonName, expected);
    });
  }
});
