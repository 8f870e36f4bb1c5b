import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import type { Credential } from "../../../modules/io/credentials.js";
import { BytesCredential } from "../../../modules/pki/bytes.js";
import { PemStream } from "../../../modules/pki/pem.js";

/** The text in pieces whose sizes follow `sizes` over and over. */
function text(stream: PemStream, sizes: readonly number[] = [4096]): string {
  const parts: Buffer[] = [];
  for (let index = 0; ; index++) {
    const view = new Uint8Array(sizes[index % sizes.length] ?? 1);
    const count = stream.read(view);
    if (count === 0) return Buffer.concat(parts).toString("latin1");
    parts.push(Buffer.from(view.subarray(0, count)));
  }
}

/** RFC 7468 by Node's base64. */
function expected(der: Uint8Array, label: string): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

describe("PEM stream", () => {
  it("ends before END when the credential gives less than it promised", () => {
    const short: Credential = { byteLength: 100, read: view => (view.length < 48 ? 0 : view.fill(1).length) };
    const stream = new PemStream(short, "CERTIFICATE");
    const whole = text(stream);
    assert.ok(whole.length < stream.byteLength);
    assert.ok(!whole.includes("END"));
    assert.equal(stream.read(new Uint8Array(10)), 0);
  });

  it("ends lines with CR LF where that is asked for, and tells that length before", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1 }),
        (der, sizes) => {
          const stream = new PemStream(new BytesCredential(der), "CERTIFICATE", 0, der.length, "\r\n");
          const whole = text(stream, sizes);
          assert.equal(whole, expected(der, "CERTIFICATE").replaceAll("\n", "\r\n"));
          assert.equal(whole.length, stream.byteLength);
        },
      ),
    );
  });

  it("makes what Node's base64 makes, whatever the size and the pieces, and tells its length before", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.array(fc.integer({ min: 1, max: 130 }), { minLength: 1, maxLength: 8 }),
        fc.constantFrom("CERTIFICATE" as const, "PRIVATE KEY" as const, "EC PRIVATE KEY" as const),
        (der, sizes, label) => {
          const stream = new PemStream(new BytesCredential(der), label);
          const whole = text(stream, sizes);
          assert.equal(whole, expected(der, label));
          assert.equal(stream.byteLength, whole.length);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("makes the very file that OpenSSL writes", () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const der = privateKey.export({ type: "pkcs8", format: "der" });
    const pem = privateKey.export({ type: "pkcs8", format: "pem" });
    assert.equal(text(new PemStream(new BytesCredential(der), "PRIVATE KEY")), pem);
  });

  it("makes the text of a part, as for a key without its envelope", () => {
    const der = Uint8Array.from({ length: 150 }, (_, index) => index * 7);
    const stream = new PemStream(new BytesCredential(der), "RSA PRIVATE KEY", 26, 147);
    assert.equal(text(stream, [20]), expected(der.subarray(26, 147), "RSA PRIVATE KEY"));
    assert.equal(stream.byteLength, expected(der.subarray(26, 147), "RSA PRIVATE KEY").length);
  });

  it("leaves the rest of a view alone at the end", () => {
    const stream = new PemStream(new BytesCredential(new Uint8Array(1)), "CERTIFICATE");
    const view = new Uint8Array(stream.byteLength + 5).fill(0xaa);
    assert.equal(stream.read(view), stream.byteLength);
    assert.deepEqual([...view.subarray(stream.byteLength)], [0xaa, 0xaa, 0xaa, 0xaa, 0xaa]);
  });
});
