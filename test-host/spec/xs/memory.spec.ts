import assert from "node:assert/strict";
import { reports, withProgram } from "./support.js";

const BUFFERS = { run: "allocateBuffers" };

describe("memory of an ESP32", () => {
  it("has the pools of the SDK's ESP32 manifests", async () => {
    await withProgram("probe", {}, async bench => {
      const { budgetBytes } = await bench.engine.memory();
      assert.equal(budgetBytes, 4928 * 16 + 78848);
    });
  });

  it("holds 70 buffers of 1000 bytes and aborts at 80", async () => {
    await withProgram("probe", {}, async bench => {
      await bench.start();
      assert.deepEqual(await bench.ask({ ...BUFFERS, count: 70 }), [["held", 70]]);
      const { abort } = await bench.message({ ...BUFFERS, count: 10 });
      assert.equal(abort?.reason, "memory full");
    });
  });

  it("tells how much the allocation that failed would have needed", async () => {
    await withProgram("probe", {}, async bench => {
      await bench.start();
      await bench.message({ ...BUFFERS, count: 10 });
      const { abort } = await bench.message({ run: "allocateAtOnce", count: 200_000 });
      const needed = abort?.neededBytes ?? 0;
      assert.ok(needed > 210_000 && needed < 214_000, String(needed));
      assert.match(abort?.detail ?? "", /^1\d{4} bytes held, 200016 more asked for$/m);
    });
  });

  it("aborts when the slots run out, though chunks are free", async () => {
    await withProgram("probe", {}, async bench => {
      await bench.start();
      assert.deepEqual(await bench.ask({ run: "allocateObjects", count: 2000 }), [["held", 2000]]);
      const { abort } = await bench.message({ run: "allocateObjects", count: 4000 });
      assert.equal(abort?.reason, "memory full");
      assert.match(abort.detail, / 16 more asked for$/m);
      assert.ok((abort.neededBytes ?? 0) > 78_000, String(abort.neededBytes));
    });
  });

  it("counts a slot as 16 bytes and an object with one property as two slots", async () => {
    await withProgram("probe", {}, async bench => {
      await bench.start();
      const before = await bench.engine.memory();
      await bench.message({ run: "allocateObjects", count: 500 });
      const after = await bench.engine.memory();
      assert.ok(Math.abs(after.slots - before.slots - 1000) <= 4, `${after.slots - before.slots} slots`);
    });
  });

  it("collects garbage instead of aborting", async () => {
    await withProgram("probe", {}, async bench => {
      await bench.start();
      const turn = await bench.message({ run: "garbage", count: 1000 });
      assert.deepEqual(reports(turn), [["made", 1000]]);
      assert.ok(turn.collections >= 10 && turn.collections <= 20, String(turn.collections));
      const memory = await bench.engine.memory();
      assert.equal(memory.collections, turn.collections);
      assert.ok(
        memory.peakChunkBytes > 70_000 && memory.peakChunkBytes <= 78_848,
        String(memory.peakChunkBytes),
      );
      assert.ok(memory.livePeakBytes < 4000, String(memory.livePeakBytes));
    });
  });

  it("takes one limit for both when heapBytes is given", async () => {
    await withProgram("probe", { heapBytes: 20_000 }, async bench => {
      await bench.start();
      assert.deepEqual(await bench.ask({ ...BUFFERS, count: 15 }), [["held", 15]]);
      const { abort } = await bench.message({ ...BUFFERS, count: 5 });
      assert.equal(abort?.reason, "memory full");
      assert.equal((await bench.engine.memory()).budgetBytes, 20_000);
    });
  });

  it("lets slots and chunks share that limit", async () => {
    const room = async (objects: number): Promise<number> => {
      let held = 0;
      await withProgram("probe", { heapBytes: 40_000 }, async bench => {
        await bench.start();
        await bench.message({ run: "allocateObjects", count: objects });
        while (!(await bench.message({ ...BUFFERS, count: 1 })).abort) held++;
      });
      return held;
    };
    const [few, many] = [await room(100), await room(700)];
    assert.ok(few - many >= 15 && few - many <= 22, `${few} and ${many} buffers beside 100 and 700 objects`);
  });

  it("collects in a small shared pool, too", async () => {
    await withProgram("probe", { heapBytes: 12_000 }, async bench => {
      await bench.start();
      const { collections, abort } = await bench.message({ run: "garbage", count: 200 });
      assert.equal(abort, undefined);
      assert.ok(collections > 10, String(collections));
    });
  });

  it("makes room again when objects are let go", async () => {
    await withProgram("probe", {}, async bench => {
      await bench.start();
      for (let i = 0; i < 5; i++) {
        assert.deepEqual(await bench.ask({ ...BUFFERS, count: 60 }), [["held", 60]]);
        await bench.message({ run: "release" });
      }
      assert.ok((await bench.engine.memory()).chunkBytes < 4000);
    });
  });

  it("does not change the run by being asked", async () => {
    const run = async (asks: boolean): Promise<unknown> => {
      const turns: unknown[] = [];
      await withProgram("probe", { heapBytes: 12_000 }, async bench => {
        turns.push(await bench.start());
        for (let i = 0; i < 30; i++) {
          if (asks) await bench.engine.memory();
          turns.push(await bench.message({ run: "garbage", count: 7 }));
        }
      });
      return turns;
    };
    assert.deepEqual(await run(true), await run(false));
  });

  it("keeps built-ins, modules and byte code out of the budget", async () => {
    await withProgram("probe", {}, async bench => {
      const memory = await bench.engine.memory();
      assert.equal(memory.peakBytes, 0);
      assert.equal(memory.slots, 0);
      assert.equal(memory.chunkBytes, 0);
      assert.ok(memory.loadedBytes > 1000);
      const size = memory.modules["test-host/spec/xs/programs/probe"] ?? 0;
      assert.ok(size > 2000 && size < 8000, String(size));
      assert.equal(
        memory.bytecodeBytes,
        Object.values(memory.modules).reduce((sum, bytes) => sum + bytes, 0),
      );
    });
  });

  it("counts the stack above the engine's own", async () => {
    await withProgram("probe", {}, async bench => {
      await bench.start();
      const { stackPeakSlots: before } = await bench.engine.memory();
      await bench.message({ run: "recurse", count: 30 });
      const { stackPeakSlots: after } = await bench.engine.memory();
      assert.ok(before > 10 && before < 150, String(before));
      assert.ok(after > before + 100 && after <= 512, String(after));
    });
  });

  it("still tells its figures after an abort", async () => {
    await withProgram("probe", {}, async bench => {
      await bench.start();
      await bench.message({ ...BUFFERS, count: 100 });
      const { peakChunkBytes } = await bench.engine.memory();
      assert.ok(peakChunkBytes > 70_000 && peakChunkBytes <= 78_848, String(peakChunkBytes));
    });
  });

  it("gives a credential no room in the heap", async () => {
    const key = new Uint8Array(60_000).fill(1);
    await withProgram("probe", { heapBytes: 8000, credentials: { key } }, async bench => {
      await bench.start();
      assert.deepEqual(await bench.ask({ run: "credential", role: "key" }), [
        ["credential", 60_000, 60_000, 0],
      ]);
      const { chunkBytes } = await bench.engine.memory();
      assert.ok(chunkBytes < 1000, String(chunkBytes));
    });
  });
});

describe("built-ins in flash", () => {
  const CASES: readonly (readonly [what: string, run: string, expected: RegExp])[] = [
    ["assigning toString to an object", "assignToString", /TypeError: .*toString.*not writable/],
    ["adding to Array.prototype", "extendArray", /TypeError: .*last.*not extensible/],
    ["assigning to a static field of a class", "assignStatic", /TypeError: .*count.*not writable/],
    ["changing the configuration", "changeConfig", /TypeError: .*module.*not writable/],
  ];

  for (const [what, run, expected] of CASES) {
    it(`${what} throws`, async () => {
      await withProgram("probe", { config: { module: "bg95" } }, async bench => {
        await bench.start();
        const [[kind, text] = []] = (await bench.ask({ run })) as [string, string][];
        assert.equal(kind, "thrown");
        assert.match(String(text), expected);
      });
    });
  }

  it("assigning name in an Error subclass throws out of its constructor", async () => {
    await withProgram("probe", {}, async bench => {
      await bench.start();
      const { abort } = await bench.message({ run: "nameInConstructor" });
      assert.match(abort?.detail ?? "", /^TypeError: .*name: not writable/);
    });
  });

  // Fields compile to assignments (useDefineForClassFields: false saves 3 % of the byte code), so lint forbids this one.
  it("a class field named name in an Error subclass throws as well", async () => {
    await withProgram("probe", {}, async bench => {
      await bench.start();
      assert.deepEqual(await bench.ask({ run: "nameAsField" }), [
        ["thrown", "TypeError: set name: not writable"],
      ]);
    });
  });

  it("the global object takes new properties", async () => {
    await withProgram("probe", {}, async bench => {
      await bench.start();
      assert.deepEqual(await bench.ask({ run: "assignGlobal" }), [["global", true]]);
    });
  });

  for (const run of ["assignToString", "extendArray"]) {
    it(`${run} throws in Node, too`, async () => {
      await withProgram("probe", { engine: "node" }, async bench => {
        await bench.start();
        const [[kind, text] = []] = (await bench.ask({ run })) as [string, string][];
        assert.equal(kind, "thrown");
        assert.match(String(text), /^TypeError/);
      });
    });
  }
});
