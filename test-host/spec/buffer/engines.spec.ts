import assert from "node:assert/strict";
import { Authority } from "../../../certs/issue.js";
import { createEngine, type EngineOptions } from "../../xs/index.js";
import { Bench, ENGINES } from "../xs/support.js";

/** Runs `work` with the program that uses journal, ring and certificates as a device does. */
async function withStorage(options: EngineOptions, work: (bench: Bench) => Promise<void>): Promise<void> {
  const engine = await createEngine({ ...options, entry: "test-host/spec/buffer/programs/storage" });
  try {
    const bench = new Bench(engine);
    await bench.start();
    await work(bench);
  } finally {
    await engine.stop();
  }
}

describe("storage in the device's engine", () => {
  let root: Authority;
  before(async () => {
    root = await Authority.create({ commonName: "Gerät 7", notAfter: new Date("2049-12-31T23:59:59Z") });
  });

  for (const engine of ENGINES) {
    it(`finds the journal's messages again after a restart (${engine})`, async () => {
      let flash = new Uint8Array(16 * 4096).fill(0xff);
      await withStorage({ engine, flash }, async bench => {
        assert.deepEqual(await bench.ask({ run: "append", count: 2, length: 3, topic: "äöü/😀" }), [
          ["stored", 2],
        ]);
        flash = Uint8Array.from(await bench.engine.flash());
      });
      await withStorage({ engine, flash }, async bench => {
        assert.deepEqual(await bench.ask({ run: "open" }), [["opened", 2]]);
        assert.deepEqual(await bench.ask({ run: "list" }), [
          ["äöü/😀", 1, 3, "0 0 0"],
          ["äöü/😀", 1, 3, "1 1 1"],
        ]);
        assert.deepEqual(await bench.ask({ run: "drain" }), [["removed", 2]]);
      });
    });

    it(`says that the journal is full, and has room when it is drained (${engine})`, async () => {
      await withStorage({ engine }, async bench => {
        const full = await bench.ask({ run: "append", count: 20, length: 4000 });
        assert.deepEqual(full, [["thrown", "Error: journal: full"]]);
        assert.deepEqual(await bench.ask({ run: "drain" }), [["removed", 16]]);
        assert.deepEqual(await bench.ask({ run: "append", length: 4000 }), [["stored", 1]]);
      });
    });

    it(`tells what certificates and keys are (${engine})`, async () => {
      const credentials = { ca: root.certificate, key: root.key, certificate: root.certificate.slice(0, 99) };
      await withStorage({ engine, credentials }, async bench => {
        const [certificate] = await bench.ask({ run: "inspect", role: "ca" });
        assert.ok(Array.isArray(certificate));
        assert.deepEqual(certificate.slice(0, 4), ["certificate", "Gerät 7", "P-256", 256]);
        assert.equal(certificate[5], Date.parse("2049-12-31T23:59:59Z") / 1000);
        assert.deepEqual(await bench.ask({ run: "inspect", role: "key" }), [["key", "P-256", 256]]);
        assert.deepEqual(await bench.ask({ run: "inspect", role: "certificate" }), [
          ["invalid", "truncated"],
        ]);
      });
    });
  }

  it("makes the same PEM in both", async () => {
    const sums: unknown[] = [];
    for (const engine of ENGINES) {
      await withStorage({ engine, credentials: { ca: root.certificate } }, async bench => {
        sums.push((await bench.ask({ run: "pem" }))[0]);
      });
    }
    assert.deepEqual(sums[0], sums[1]);
    assert.deepEqual(Array.isArray(sums[0]) && sums[0].slice(0, 3), [
      "pem",
      root.certificatePem.length,
      root.certificatePem.length,
    ]);
  });

  it("holds no more memory with a hundred messages in the journal than with one", async () => {
    await withStorage({ engine: "xs" }, async bench => {
      await bench.ask({ run: "append", length: 32 });
      await bench.ask({ run: "list" });
      const before = await bench.engine.memory();
      await bench.ask({ run: "append", count: 99, length: 32 });
      await bench.ask({ run: "list" });
      const after = await bench.engine.memory();
      assert.deepEqual([after.slots, after.chunkBytes], [before.slots, before.chunkBytes]);
    });
  });

  it("leaves nothing behind when loaded that could not lie in flash", async () => {
    await withStorage({ engine: "xs" }, bench => {
      assert.deepEqual(bench.engine.loadedNatives, {});
      return Promise.resolve();
    });
  });

  it("keeps the journal within 4 KB of byte code", async () => {
    await withStorage({ engine: "xs" }, async bench => {
      const { modules } = await bench.engine.memory();
      const size = modules["modules/buffer/journal"];
      assert.ok(size !== undefined && size <= 4096, `${size} bytes`);
    });
  });
});
