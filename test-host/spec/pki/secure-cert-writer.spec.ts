import assert from "node:assert/strict";
import fc from "fast-check";
import { ROLES, SecureCert } from "../../../modules/pki/secure-cert.js";
import { secureCertImage } from "../../../modules/pki/secure-cert-image.js";
import { SecureCertWriter, UNIT } from "../../../modules/pki/secure-cert-writer.js";
import { parse, partition } from "./tlv.js";

/** Erased bytes that take each unit once, as flash encryption asks for. */
class Units {
  readonly bytes = new Uint8Array(0x2000).fill(0xff);
  readonly written = new Set<number>();

  write(data: ArrayBuffer | Uint8Array, offset: number): void {
    assert.equal(offset % UNIT, 0, `unaligned at ${offset}`);
    assert.equal(data.byteLength, UNIT);
    assert.ok(!this.written.has(offset), `written twice at ${offset}`);
    this.written.add(offset);
    this.bytes.set(data instanceof Uint8Array ? data : new Uint8Array(data), offset);
  }
}

describe("writer of esp_secure_cert partitions", () => {
  it("writes what an independent builder makes, byte for byte, whatever the pieces", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(2), fc.uint8Array({ minLength: 1, maxLength: 120 })), {
          minLength: 1,
          maxLength: 5,
        }),
        fc.integer({ min: 1, max: 50 }),
        (objects, piece) => {
          const flash = new Units();
          const writer = new SecureCertWriter(flash, 0);
          for (const [type, value] of objects) {
            const role = ROLES[type];
            assert.ok(role);
            writer.open(role, value.length);
            for (let at = 0; at < value.length; at += piece) writer.write(value.subarray(at, at + piece));
            assert.equal(writer.rest, 0);
            writer.close();
          }
          assert.deepEqual(flash.bytes, partition(objects.map(([type, value]) => ({ type, value }))));
          assert.equal(flash.written.size * UNIT, writer.at);
        },
      ),
    );
  });

  it("goes on behind what a partition holds", () => {
    const flash = new Units();
    flash.bytes.set(partition([{ type: 51, value: Buffer.from("user data") }]));
    const writer = new SecureCertWriter(flash, new SecureCert(flash.bytes).end);
    writer.open("ca", 3);
    writer.write(Uint8Array.of(0x30, 1, 0));
    writer.close();
    assert.deepEqual(
      parse(flash.bytes).map(({ type, valid }) => [type, valid]),
      [
        [51, true],
        [0, true],
      ],
    );
  });

  it("leaves an object that is begun again unread, and what follows readable", () => {
    for (const written of [0, 3, 4, 40, 99]) {
      const flash = new Units();
      const writer = new SecureCertWriter(flash, 0);
      writer.open("key", 100);
      writer.write(new Uint8Array(written));
      writer.open("key", 30);
      writer.write(new Uint8Array(30).fill(7));
      writer.close();
      const entries = parse(flash.bytes);
      assert.equal(entries.length, written < 4 ? 1 : 2);
      assert.deepEqual(entries.at(-1)?.value, new Uint8Array(30).fill(7));
      assert.ok(entries.at(-1)?.valid);
      assert.ok(entries.length === 1 || entries[0]?.valid === false);
    }
  });

  it("builds a whole image that has its objects once, in order of their types, and room for records", () => {
    const image = secureCertImage({ key: Buffer.alloc(5, 3), ca: Buffer.alloc(20, 1) });
    assert.equal(image.length, 0x2000);
    assert.deepEqual(
      parse(image).map(({ type, subtype, flags, value, valid }) => [
        type,
        subtype,
        flags,
        value.length,
        valid,
      ]),
      [
        [0, 0, 0, 20, true],
        [2, 0, 0, 5, true],
      ],
    );
    assert.ok(image.subarray(0x2000 - 512).every(byte => byte === 0xff));
  });

  it("refuses objects that are empty, too long, or too much together", () => {
    assert.throws(() => secureCertImage({ ca: new Uint8Array(0) }), RangeError);
    assert.throws(() => secureCertImage({ ca: new Uint8Array(65536) }, 0x20000), RangeError);
    assert.throws(() => secureCertImage({ ca: new Uint8Array(4000), key: new Uint8Array(4000) }), RangeError);
    assert.equal(parse(secureCertImage({ ca: new Uint8Array(7664) })).length, 1);
    assert.throws(() => secureCertImage({ ca: new Uint8Array(7665) }), RangeError);
  });
});
