import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteRing } from "../../../modules/buffer/ring.js";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

function drain(ring: ByteRing, count = ring.length): number[] {
  const view = new Uint8Array(count);
  const taken = ring.read(view, 0);
  ring.skip(taken);
  return [...view.subarray(0, taken)];
}

describe("byte ring", () => {
  it("refuses a write that does not fit and leaves everything as it was", () => {
    const ring = new ByteRing(4);
    ring.write(bytes(1, 2, 3));
    assert.throws(() => ring.write(bytes(4, 5)), RangeError);
    assert.equal(ring.length, 3);
    assert.equal(ring.highWater, 3);
    assert.deepEqual(drain(ring), [1, 2, 3]);
  });

  it("refuses to skip more than it holds", () => {
    const ring = new ByteRing(4);
    ring.write(bytes(1));
    assert.throws(() => ring.skip(2), RangeError);
    assert.equal(ring.length, 1);
  });

  it("reads nothing when empty", () => {
    assert.equal(new ByteRing(4).read(new Uint8Array(4), 0), 0);
  });

  it("appends a piece of a larger buffer", () => {
    const ring = new ByteRing(4);
    ring.write(bytes(9, 1, 2, 9), 1, 3);
    assert.deepEqual(drain(ring), [1, 2]);
  });

  it("gives bytes that lie around the buffer's end in their order", () => {
    const ring = new ByteRing(4);
    ring.write(bytes(1, 2, 3));
    ring.skip(2);
    ring.write(bytes(4, 5, 6));
    assert.deepEqual(drain(ring), [3, 4, 5, 6]);
  });

  it("keeps the bytes and passes over the first ones when read at an offset", () => {
    const ring = new ByteRing(4);
    ring.write(bytes(1, 2, 3, 4));
    ring.skip(2);
    ring.write(bytes(5, 6));
    const view = new Uint8Array(2);
    assert.equal(ring.read(view, 1), 2);
    assert.deepEqual([...view], [4, 5]);
    assert.equal(ring.read(view, 4), 0);
    assert.equal(ring.length, 4);
  });

  it("keeps the high-water mark when it is emptied", () => {
    const ring = new ByteRing(8);
    ring.write(new Uint8Array(7));
    ring.skip(7);
    ring.write(bytes(1));
    assert.equal(ring.highWater, 7);
    assert.equal(ring.length, 1);
  });

  it("behaves as a queue of bytes whatever is written, read and skipped", () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("write" as const),
        data: fc.uint8Array({ maxLength: 90 }),
        cut: fc.nat(40),
      }),
      fc.record({ kind: fc.constant("read" as const), count: fc.nat(90) }),
      fc.record({ kind: fc.constant("look" as const), count: fc.nat(90), offset: fc.nat(60) }),
      fc.record({ kind: fc.constant("skip" as const), count: fc.nat(90) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.array(step, { maxLength: 60 }), (size, steps) => {
        const ring = new ByteRing(size);
        let model: number[] = [];
        let most = 0;
        for (const one of steps) {
          if (one.kind === "write") {
            const start = Math.min(one.cut, one.data.length);
            const piece = [...one.data.subarray(start)];
            if (piece.length > size - model.length) {
              assert.throws(() => ring.write(one.data, start), RangeError);
            } else {
              ring.write(one.data, start);
              model.push(...piece);
            }
          } else if (one.kind === "read") {
            assert.deepEqual(drain(ring, one.count), model.slice(0, one.count));
            model = model.slice(one.count);
          } else if (one.kind === "look") {
            const view = new Uint8Array(one.count);
            const count = ring.read(view, one.offset);
            assert.deepEqual([...view.subarray(0, count)], model.slice(one.offset, one.offset + one.count));
          } else if (one.count > model.length) {
            assert.throws(() => ring.skip(one.count), RangeError);
          } else {
            ring.skip(one.count);
            model = model.slice(one.count);
          }
          most = Math.max(most, model.length);
          assert.equal(ring.length, model.length);
          assert.equal(ring.free, size - model.length);
          assert.equal(ring.highWater, most);
        }
      }),
      { numRuns: 300 },
    );
  });
});
