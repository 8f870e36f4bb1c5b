import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { EntropyPool } from "../../../hosts/esp32/entropy-pool.js";

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

function hash(bytes: Uint8Array): ArrayBuffer {
  return sha256(bytes).slice().buffer;
}

function pool(seed: Uint8Array, word = () => 0): EntropyPool {
  return new EntropyPool(seed, hash, word);
}

const seed = Uint8Array.from({ length: 64 }, (_, i) => i);

describe("ESP32 entropy pool", () => {
  it("gives 32 bytes, each time others", () => {
    const source = pool(seed);
    const outputs = Array.from({ length: 100 }, () => Buffer.from(source.next()).toString("hex"));
    assert.equal(new Set(outputs).size, 100);
    for (const output of outputs) assert.equal(output.length, 64);
  });

  it("gives the hash of state, 1 and what is stirred in; the next state is that with 2", () => {
    const words = [0x04030201, 0xffffffff, 0, 0x80000000, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
    let taken = 0;
    const source = pool(seed, () => words[taken++] ?? 0);
    const stirred = (from: number) => {
      const view = new DataView(new ArrayBuffer(32));
      for (let i = 0; i < 8; i++) view.setUint32(4 * i, words[from + i] ?? 0, true);
      return new Uint8Array(view.buffer);
    };
    const first = sha256(seed);
    const second = sha256(first, Uint8Array.of(2), stirred(0));
    assert.deepEqual(source.next(), sha256(first, Uint8Array.of(1), stirred(0)));
    assert.deepEqual(source.next(), sha256(second, Uint8Array.of(1), stirred(8)));
  });

  it("depends on every byte of the seed", () => {
    const base = Buffer.from(pool(seed).next()).toString("hex");
    for (let i = 0; i < seed.length; i++) {
      const other = seed.slice();
      other[i] = (other[i] ?? 0) ^ 1;
      assert.notEqual(Buffer.from(pool(other).next()).toString("hex"), base);
    }
  });

  it("does not keep the seed's buffer, nor give out its own", () => {
    const mine = seed.slice();
    const source = pool(mine);
    mine.fill(0);
    const output = source.next();
    const reference = pool(seed);
    assert.deepEqual(output, reference.next());
    output.fill(0);
    assert.deepEqual(source.next(), reference.next());
  });
});
