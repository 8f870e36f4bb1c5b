import assert from "node:assert/strict";
import { createEngine } from "../../xs/index.js";
import { ENGINES, withProgram } from "./support.js";

const ERASED = 0xff;

describe("the flash partition of an engine", () => {
  for (const engine of ENGINES) {
    describe(engine, () => {
      it("is 64 KB in blocks of 4096 bytes, erased", async () => {
        await withProgram("probe", { engine }, async bench => {
          const flash = await bench.engine.flash();
          assert.equal(flash.length, 65536);
          assert.ok(flash.every(byte => byte === ERASED));
        });
      });

      it("writing clears bits and sets none", async () => {
        await withProgram("probe", { engine }, async bench => {
          await bench.start();
          assert.deepEqual(await bench.ask({ run: "flash" }), [
            ["read", 4, `${0xf0 & 0x33} 15 255 255`],
            ["status", 65536, 16, 4096],
          ]);
        });
      });

      it("erasing sets whole blocks to 0xFF and leaves their neighbours", async () => {
        const flash = new Uint8Array(65536);
        await withProgram("probe", { engine, flash }, async bench => {
          await bench.start();
          await bench.message({ run: "erase" });
          const after = await bench.engine.flash();
          const erased = after.reduce((count, byte) => count + (byte === ERASED ? 1 : 0), 0);
          assert.equal(erased, 2 * 4096);
          assert.deepEqual([after[4095], after[4096], after[12287], after[12288]], [0, ERASED, ERASED, 0]);
          assert.ok(
            flash.every(byte => byte === 0),
            "the caller's bytes are not touched",
          );
        });
      });

      it("refuses what lies outside", async () => {
        await withProgram("probe", { engine }, async bench => {
          await bench.start();
          assert.deepEqual(await bench.ask({ run: "flashWrong" }), [
            ["error", "RangeError: invalid offset"],
            ["error", "RangeError: invalid offset"],
            ["error", "RangeError: invalid offset"],
            ["error", "RangeError: invalid block"],
            ["error", "RangeError: invalid block"],
            ["error", "RangeError: invalid block"],
          ]);
          assert.ok((await bench.engine.flash()).every(byte => byte === ERASED));
        });
      });

      it("throws after close", async () => {
        await withProgram("probe", { engine }, async bench => {
          await bench.start();
          assert.deepEqual(await bench.ask({ run: "closeFlash" }), [["thrown", "Error: closed"]]);
        });
      });

      it("comes back as it was given", async () => {
        const flash = Uint8Array.from({ length: 8192 }, (_, index) => index * 7);
        await withProgram("probe", { engine, flash }, async bench => {
          assert.deepEqual(await bench.engine.flash(), flash);
        });
      });
    });
  }

  it("is made of whole blocks", async () => {
    await assert.rejects(
      createEngine({ flash: new Uint8Array(5000) }),
      /5000 bytes is not made of whole blocks/,
    );
  });
});

describe("credentials of an engine", () => {
  const ca = Uint8Array.from({ length: 1000 }, () => 2);

  for (const engine of ENGINES) {
    it(`are read in pieces (${engine})`, async () => {
      await withProgram("probe", { engine, credentials: { ca } }, async bench => {
        await bench.start();
        assert.deepEqual(await bench.ask({ run: "credential", role: "ca" }), [["credential", 1000, 2000, 0]]);
      });
    });

    it(`are absent when nothing is stored (${engine})`, async () => {
      await withProgram("probe", { engine, credentials: { ca } }, async bench => {
        await bench.start();
        assert.deepEqual(await bench.ask({ run: "credential", role: "key" }), [["no credential"]]);
      });
    });
  }
});
