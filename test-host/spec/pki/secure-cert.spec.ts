import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import fc from "fast-check";
import { Authority, type Issued } from "../../../certs/issue.js";
import type { Credential, CredentialRole } from "../../../modules/io/credentials.js";
import { inspectDer } from "../../../modules/pki/der.js";
import { envelopeOf } from "../../../modules/pki/envelope.js";
import { ROLES, SecureCert, type SecureCertFault } from "../../../modules/pki/secure-cert.js";
import { vector, VECTORS, type VectorName } from "./secure-cert-vectors.js";
import { parse, partition, tlv, type TlvEntry } from "./tlv.js";

const [CA, CERTIFICATE, KEY] = [0, 1, 2] as const;

const text = (pem: string): Uint8Array => Buffer.from(pem + "\0", "latin1");

/** All bytes of a credential, read in pieces of `piece`. */
function bytesOf(credential: Credential, piece = 48): Uint8Array {
  const parts: Buffer[] = [];
  for (let offset = 0; ;) {
    const view = Buffer.alloc(piece);
    const count = credential.read(view, offset);
    if (count === 0) break;
    parts.push(view.subarray(0, count));
    offset += count;
  }
  const bytes = Buffer.concat(parts);
  assert.equal(bytes.length, credential.byteLength);
  return new Uint8Array(bytes);
}

function given(image: Uint8Array, role: CredentialRole): Credential {
  const found = new SecureCert(image).open(role);
  assert.ok(found, role);
  return found;
}

/** What a private key is, by OpenSSL. */
const keyFacts = (der: Uint8Array): unknown =>
  createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" }).export({ format: "jwk" });

/** A base64 body in lines of `columns`. */
function pem(label: string, der: Uint8Array, columns = 64, lineEnd = "\n"): string {
  const body = Buffer.from(der)
    .toString("base64")
    .replace(new RegExp(`.{1,${columns}}`, "g"), line => line + lineEnd);
  return `-----BEGIN ${label}-----${lineEnd}${body}-----END ${label}-----${lineEnd}`;
}

describe("credentials in an esp_secure_cert partition", () => {
  let root: Authority;
  let unit: Issued;
  before(async () => {
    root = await Authority.create({ commonName: "Root" });
    unit = await root.client({ commonName: "unit-1" });
  });

  const whole = (): Uint8Array =>
    partition([
      { type: CA, value: root.certificate },
      { type: CERTIFICATE, value: unit.certificate },
      { type: KEY, value: unit.key },
    ]);

  describe("made by Espressif's tool", () => {
    for (const name of ["ecPem", "ecDer", "rsaPem", "rsaDer"] as const) {
      it(`gives certificate and key of ${name}`, () => {
        const image = vector(name);
        const stored = parse(image);
        for (const { type, value } of stored) {
          const role = ROLES[type];
          assert.ok(role);
          const found = bytesOf(given(image, role));
          if (role !== "key") assert.deepEqual(found, new Uint8Array(new X509Certificate(value).raw));
          else {
            // PKCS#1 or SEC1, which is what the tool makes of every key.
            const isPem = value[0] === 0x2d;
            const key = createPrivateKey(
              isPem
                ? Buffer.from(value.subarray(0, -1))
                : { key: Buffer.from(value), format: "der", type: name === "rsaDer" ? "pkcs1" : "sec1" },
            );
            assert.deepEqual(keyFacts(found), key.export({ format: "jwk" }));
            const certificate = new X509Certificate(bytesOf(given(image, "certificate")));
            assert.ok(certificate.checkPrivateKey(key));
          }
        }
        assert.equal(new SecureCert(image).open("ca") !== undefined, stored.length === 3);
      });
    }

    const REFUSED: readonly [VectorName, SecureCertFault][] = [
      ["encrypted", "encrypted"],
      ["derived", "derived"],
      ["ds", "peripheral"],
      ["ecdsa", "peripheral"],
    ];
    for (const [name, fault] of REFUSED) {
      it(`says of the key of ${name} that it is ${fault}, and gives the certificate`, () => {
        const reader = new SecureCert(vector(name));
        assert.equal(reader.look("key"), fault);
        assert.equal(reader.open("key"), undefined);
        assert.equal(inspectDer(given(vector(name), "certificate")).kind, "certificate");
      });
    }

    it("covers every vector", () => {
      assert.equal(Object.keys(VECTORS).length, 8);
    });
  });

  it("gives DER in place", () => {
    const image = whole();
    const view = given(image, "certificate").view;
    assert.ok(view);
    assert.equal(view.buffer, image.buffer);
    assert.deepEqual(new Uint8Array(view), unit.certificate);
  });

  it("finds nothing in an erased partition, in zeros and in none", () => {
    for (const image of [
      new Uint8Array(0x2000).fill(0xff),
      new Uint8Array(0x2000),
      new Uint8Array(0),
      new Uint8Array(15),
    ]) {
      const reader = new SecureCert(image);
      for (const role of ROLES) assert.equal(reader.look(role), undefined);
      assert.equal(reader.end, 0);
    }
  });

  it("passes over types, subtypes and lengths that it does not know", () => {
    const strange: TlvEntry[] = [
      { type: 8, value: Buffer.alloc(600, 7) },
      { type: 9, value: Buffer.alloc(32) },
      { type: 51, subtype: 3, value: Buffer.from("ESP32-S3") },
      { type: 201, subtype: 254, value: new Uint8Array(0) },
      { type: 255, flags: 0xff, value: Buffer.alloc(17) },
    ];
    const image = partition([
      ...strange,
      { type: KEY, subtype: 200, value: unit.key },
      ...strange,
      { type: CA, value: root.certificate },
    ]);
    assert.deepEqual(bytesOf(given(image, "key")), unit.key);
    assert.deepEqual(bytesOf(given(image, "ca")), root.certificate);
  });

  it("takes the last entry of a type, whatever its subtype, as Espressif's reader does", () => {
    const image = partition([
      { type: CA, subtype: 9, value: unit.certificate },
      { type: KEY, value: unit.key },
      { type: CA, subtype: 0, value: root.certificate },
    ]);
    assert.deepEqual(bytesOf(given(image, "ca")), root.certificate);
  });

  it("refuses the last entry when it is damaged, and gives no older one in its place", () => {
    const image = partition([
      { type: CA, value: root.certificate },
      { type: CA, subtype: 1, value: root.certificate },
    ]);
    const second = parse(image)[1];
    assert.ok(second);
    image[second.offset + 20] = ~(image[second.offset + 20] ?? 0);
    assert.equal(new SecureCert(image).look("ca"), "damaged");
  });

  it("reads images from before there were flags, which have 0xFF in their place", () => {
    const image = partition([{ type: KEY, flags: 0xff, value: unit.key }]);
    assert.deepEqual(bytesOf(given(image, "key")), unit.key);
  });

  for (const [fault, flags] of [
    ["encrypted", 0x80],
    ["encrypted", 0x88],
    ["derived", 0x40],
    ["peripheral", 0x08],
  ] as const) {
    it(`says that an entry with flags 0x${flags.toString(16)} is ${fault}, also when it is empty`, () => {
      for (const value of [unit.key, new Uint8Array(0)])
        assert.equal(new SecureCert(partition([{ type: KEY, flags, value }])).look("key"), fault);
    });
  }

  it("prefers a key that is stored over a peripheral's data", () => {
    const image = partition([
      { type: 3, value: Buffer.alloc(1220) },
      { type: KEY, value: unit.key },
    ]);
    assert.deepEqual(bytesOf(given(image, "key")), unit.key);
    assert.equal(new SecureCert(partition([{ type: 3, value: Buffer.alloc(40) }])).look("ca"), undefined);
  });

  it("refuses an entry that reaches beyond the partition, even when it is whole there", () => {
    const bytes = whole();
    for (let size = 0; size < parse(bytes).reduce((sum, { value }) => sum + value.length + 31, 0); size++) {
      const inside = parse(bytes.subarray(0, size)).map(({ type }) => type);
      const reader = new SecureCert(bytes.subarray(0, size));
      for (const [type, role] of ROLES.entries()) {
        if (inside.includes(type)) assert.ok(reader.open(role), `${role} within ${size} bytes`);
        else assert.equal(reader.open(role), undefined, `${role} within ${size} bytes`);
      }
    }
  });

  it("tells whether it holds the very entry that was written", () => {
    const image = whole();
    const reader = new SecureCert(image);
    const at = reader.find("key");
    const end = reader.end;
    const crc = Buffer.from(image).readInt32LE(end - 4);
    assert.ok(reader.holds("key", end, crc));
    assert.equal(reader.holds("key", end, crc ^ 1), false);
    assert.equal(reader.holds("key", end + 16, crc), false);
    assert.equal(reader.holds("ca", end, crc), false);
    image[at + 40] = ~(image[at + 40] ?? 0);
    assert.equal(reader.holds("key", end, crc), false);
    assert.equal(new SecureCert(new Uint8Array(64)).holds("ca", 16, 0), false);
  });

  describe("as PEM", () => {
    const TEXTS: readonly [string, (der: Uint8Array) => string][] = [
      ["64 columns", der => pem("CERTIFICATE", der)],
      ["CR LF", der => pem("CERTIFICATE", der, 64, "\r\n")],
      ["76 columns", der => pem("CERTIFICATE", der, 76)],
      ["5 columns with tabs", der => pem("CERTIFICATE", der, 5, "\t\n")],
      ["one line", der => pem("CERTIFICATE", der, 9999)],
      ["no line end at all", der => pem("CERTIFICATE", der, 9999, "")],
      ["words before it", der => "Root\nissuer: -----\n" + pem("CERTIFICATE", der)],
      [
        "a chain, of which the first counts",
        der => pem("CERTIFICATE", der) + pem("CERTIFICATE", Buffer.alloc(9)),
      ],
    ];
    for (const [name, make] of TEXTS) {
      it(`reads ${name}`, () => {
        const image = partition([{ type: CA, value: text(make(root.certificate)) }]);
        const found = given(image, "ca");
        assert.equal(found.view, undefined);
        assert.deepEqual(bytesOf(found), root.certificate);
      });
    }

    it("reads from any place, in any order, what DER holds there", () => {
      fc.assert(
        fc.property(
          fc.uint8Array({ minLength: 1, maxLength: 200 }),
          fc.integer({ min: 1, max: 80 }),
          fc.array(fc.tuple(fc.nat(220), fc.integer({ min: 0, max: 40 })), { maxLength: 12 }),
          (der, columns, reads) => {
            const credential = given(
              partition([{ type: CA, value: text(pem("CERTIFICATE", der, columns)) }]),
              "ca",
            );
            assert.equal(credential.byteLength, der.length);
            for (const [offset, size] of reads) {
              const view = new Uint8Array(size);
              const count = credential.read(view, offset);
              assert.equal(count, Math.max(0, Math.min(size, der.length - offset)));
              assert.deepEqual(view.subarray(0, count), der.slice(offset, offset + count));
            }
          },
        ),
      );
    });

    const BROKEN: readonly [string, string][] = [
      ["no block", "MAEw"],
      ["another label", "-----BEGIN X509 CRL-----\nMAAw\n-----END X509 CRL-----\n"],
      ["no end", "-----BEGIN CERTIFICATE-----\nMAAw\n"],
      ["nothing inside", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"],
      ["a strange character", "-----BEGIN CERTIFICATE-----\nMA?w\n-----END CERTIFICATE-----\n"],
      ["a digit missing", "-----BEGIN CERTIFICATE-----\nMAA\n-----END CERTIFICATE-----\n"],
      ["digits behind the padding", "-----BEGIN CERTIFICATE-----\nMAA=MAAw\n-----END CERTIFICATE-----\n"],
      ["too much padding", "-----BEGIN CERTIFICATE-----\nM===\n-----END CERTIFICATE-----\n"],
      ["padding alone", "-----BEGIN CERTIFICATE-----\n====\n-----END CERTIFICATE-----\n"],
      ["a zero inside", "-----BEGIN CERTIFICATE-----\nMA\0Aw\n-----END CERTIFICATE-----\n"],
      ["an empty value", ""],
    ];
    for (const [name, broken] of BROKEN) {
      it(`refuses ${name}`, () => {
        const image = partition([{ type: CA, value: Buffer.from(broken, "latin1") }]);
        assert.equal(new SecureCert(image).look("ca"), "malformed");
      });
    }

    it("ends a read when the flash is erased meanwhile", () => {
      const image = partition([{ type: CA, value: text(root.certificatePem) }]);
      const credential = given(image, "ca");
      image.fill(0xff);
      assert.equal(credential.read(new Uint8Array(48), 0), 0);
    });
  });

  describe("keys", () => {
    const pairs = {
      "P-256": generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
      "P-384": generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey,
      RSA: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
    };
    for (const [name, key] of Object.entries(pairs)) {
      const older = name === "RSA" ? "pkcs1" : "sec1";
      const label = name === "RSA" ? "RSA PRIVATE KEY" : "EC PRIVATE KEY";
      for (const form of ["pkcs8", older] as const) {
        const der = key.export({ format: "der", type: form });
        const values = { DER: der, PEM: text(pem(form === "pkcs8" ? "PRIVATE KEY" : label, der)) };
        for (const [encoding, value] of Object.entries(values)) {
          it(`gives ${name} stored as ${form} in ${encoding} as PKCS#8`, () => {
            const found = given(partition([{ type: KEY, value }]), "key");
            const bytes = bytesOf(found, 13);
            assert.deepEqual(keyFacts(bytes), key.export({ format: "jwk" }));
            assert.equal(envelopeOf(found).kind, "key");
            assert.equal(envelopeOf(found).rsaLength > 0, name === "RSA");
            const inspected = inspectDer(found);
            assert.equal(inspected.kind, "key");
            assert.equal(found.view !== undefined, encoding === "DER" && form === "pkcs8");
          });
        }
      }
    }

    it("reads a made envelope from any place", () => {
      const found = given(
        partition([{ type: KEY, value: pairs["P-256"].export({ format: "der", type: "sec1" }) }]),
        "key",
      );
      const bytes = bytesOf(found);
      for (let offset = 0; offset <= bytes.length + 2; offset++) {
        const view = new Uint8Array(30);
        const count = found.read(view, offset);
        assert.deepEqual(view.subarray(0, count), bytes.slice(offset, offset + 30));
      }
    });

    const sec1 = pairs["P-256"].export({ format: "der", type: "sec1" });
    const pkcs1 = pairs.RSA.export({ format: "der", type: "pkcs1" });
    const publicKey = createPublicKey(pairs["P-256"]).export({ format: "der", type: "spki" });
    // SEC1 with [0] cut out: the lengths made right again.
    const curveless = Buffer.concat([
      Buffer.from([0x30, sec1.length - 14]),
      sec1.subarray(2, 39),
      sec1.subarray(51),
    ]);
    const encrypted = pairs["P-256"].export({
      format: "der",
      type: "pkcs8",
      cipher: "aes-128-cbc",
      passphrase: "secret",
    });
    const WRONG: readonly [string, Uint8Array][] = [
      ["a public key", publicKey],
      ["a key under a password", encrypted],
      ["SEC1 without its curve", curveless],
      ["SEC1 cut off", sec1.subarray(0, -1)],
      ["SEC1 with a byte too many", Buffer.concat([sec1, Buffer.alloc(1)])],
      ["PKCS#1 cut off", pkcs1.subarray(0, 300)],
      ["a few bytes", Buffer.from([0x30, 0x03, 0x02, 0x01, 0x01])],
      [
        "PEM under a password",
        text(`-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n${pem("", pkcs1)}`),
      ],
    ];
    for (const [name, value] of WRONG) {
      it(`refuses ${name}`, () => {
        assert.equal(new SecureCert(partition([{ type: KEY, value }])).look("key"), "malformed");
      });
    }
  });

  describe("whatever the partition holds", () => {
    /** Opens and reads everything. */
    function useAll(image: Uint8Array): (Uint8Array | undefined)[] {
      const reader = new SecureCert(image);
      assert.ok(reader.end >= 0);
      return ROLES.map(role => {
        const found = reader.open(role);
        return found && bytesOf(found, 31);
      });
    }

    it("never throws on random bytes behind a header", () => {
      fc.assert(
        fc.property(
          fc.array(
            fc.record({
              type: fc.integer({ min: 0, max: 8 }),
              flags: fc.constantFrom(0, 0, 0, 8, 64, 128, 255),
              value: fc.oneof(
                fc.uint8Array({ maxLength: 80 }),
                fc
                  .uint8Array({ maxLength: 80 })
                  .map(bytes => Uint8Array.from([0x30, bytes.length, 2, 1, 0, ...bytes])),
                fc.uint8Array({ maxLength: 80 }).map(bytes => text(pem("PRIVATE KEY", bytes))),
                fc
                  .string({ maxLength: 40 })
                  .map(words => text(`-----BEGIN CERTIFICATE-----\n${words}-----END`)),
              ),
            }),
            { maxLength: 6 },
          ),
          fc.uint8Array({ maxLength: 64 }),
          (entries, rest) => {
            useAll(Buffer.concat([...entries.map(tlv), rest]));
          },
        ),
        { numRuns: 400 },
      );
    });

    it("gives an object as it was stored or not at all, whichever bytes are changed", () => {
      const stored = [root.certificate, unit.certificate, unit.key];
      const texts = [root.certificatePem, unit.certificatePem, unit.keyPem].map(text);
      fc.assert(
        fc.property(
          fc.boolean(),
          fc.array(fc.tuple(fc.nat(1800), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }),
          (asText, changes) => {
            const image = partition((asText ? texts : stored).map((value, type) => ({ type, value })));
            for (const [at, mask] of changes) image[at] = (image[at] ?? 0) ^ mask;
            for (const [index, found] of useAll(image).entries())
              if (found !== undefined) assert.deepEqual(found, stored[index]);
          },
        ),
        { numRuns: 600 },
      );
    });

    it("gives an object as it was stored or not at all, whichever bit is changed", () => {
      const image = whole();
      const end = parse(image).reduce((sum, { value }) => sum + 16 + Math.ceil(value.length / 16) * 16, 0);
      const stored = [root.certificate, unit.certificate, unit.key];
      for (let bit = 0; bit < end * 8; bit += 3) {
        image[bit >> 3] = (image[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const reader = new SecureCert(image);
        for (const [index, role] of ROLES.entries()) {
          const found = reader.open(role);
          if (found !== undefined) assert.deepEqual(new Uint8Array(found.view ?? []), stored[index]);
        }
        image[bit >> 3] = (image[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      }
    });
  });
});
