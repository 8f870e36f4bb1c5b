import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { rootCertificates } from "node:tls";
import fc from "fast-check";
import { BytesCredential } from "../../../modules/pki/bytes.js";
import { FileChecksum } from "../../../modules/pki/checksum.js";
import { PemStream } from "../../../modules/pki/pem.js";

function checksum(bytes: Uint8Array): string {
  const sum = new FileChecksum();
  sum.update(bytes);
  return sum.value.toString(16);
}

describe("upload checksum", () => {
  // By hand: words with the first byte high, an odd last byte high with a low byte of 0.
  const vectors: readonly (readonly [string, readonly number[], string])[] = [
    ["nothing", [], "0"],
    ["one byte", [0x12], "1200"],
    ["one word", [0x12, 0x34], "1234"],
    ["two equal words", [0x12, 0x34, 0x12, 0x34], "0"],
    ["two words", [0xff, 0x00, 0x0f, 0x5f], "f05f"],
    ["three bytes", [0x00, 0x57, 0x01], "157"],
  ];
  for (const [name, bytes, expected] of vectors) {
    it(`of ${name} is ${expected}`, () => assert.equal(checksum(Uint8Array.from(bytes)), expected));
  }

  it("of the 1188 bytes of Amazon Root CA 1 is what real modules print: 2d13", () => {
    const root = rootCertificates
      .map(pem => new X509Certificate(pem))
      .find(one => one.subject.endsWith("CN=Amazon Root CA 1"));
    assert.ok(root !== undefined);
    const pem = new PemStream(new BytesCredential(root.raw), "CERTIFICATE");
    const view = new Uint8Array(2000);
    const count = pem.read(view);
    assert.equal(count, 1188);
    assert.equal(checksum(view.subarray(0, count)), "2d13");
    // One report counts the text's trailing NUL too: 1189 bytes, same checksum.
    assert.equal(checksum(view.subarray(0, count + 1)), "2d13");
  });

  it("is the same whatever the pieces", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.array(fc.nat(9), { maxLength: 60 }),
        (bytes, sizes) => {
          const sum = new FileChecksum();
          let from = 0;
          for (const size of [...sizes, bytes.length]) {
            const to = Math.min(from + size, bytes.length);
            sum.update(bytes, from, to);
            from = to;
          }
          assert.equal(sum.value.toString(16), checksum(bytes));
          assert.equal(sum.byteLength, bytes.length);
        },
      ),
    );
  });
});
