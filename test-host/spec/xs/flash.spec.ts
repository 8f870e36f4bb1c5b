import assert from "node:assert/strict";
import fc from "fast-check";
import { createEngine, EngineError } from "../../xs/index.js";
import type { EngineOptions, PowerCut } from "../../xs/index.js";
import { NorFlash, PowerCut as Cut } from "../buffer/nor-flash.js";
import type { FlashCommand } from "./programs/flash.js";
import { ENGINES, withProgram } from "./support.js";
import type { Bench } from "./support.js";

const BLOCK = 4096;

function counted(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index * 7);
}

async function withFlash(options: EngineOptions, work: (bench: Bench) => Promise<void>): Promise<void> {
  await withProgram("flash", options, async bench => {
    await bench.start();
    await work(bench);
  });
}

/** What the operations gave, without the reports' name. */
async function results(bench: Bench, ...commands: FlashCommand[]): Promise<unknown[]> {
  return (await bench.ask(commands)).map(report => (Array.isArray(report) ? (report[1] as unknown) : report));
}

describe("flash partitions of an engine", () => {
  for (const engine of ENGINES) {
    describe(engine, () => {
      const partitions = { first: counted(BLOCK), second: counted(2 * BLOCK).reverse() };

      it("are opened by their labels, by either module", async () => {
        await withFlash({ engine, partitions }, async bench => {
          const seen = await results(
            bench,
            { run: "read", label: "first", at: 1, count: 3 },
            { run: "read", label: "first", at: 1, count: 3, old: true },
            { run: "read", label: "second", at: 8189, count: 3 },
            { run: "status", label: "second" },
            { run: "status", label: "second", old: true },
          );
          assert.deepEqual(seen, [
            "070e15",
            "070e15",
            "0e0700",
            '{"size":8192,"blocks":2,"blockLength":4096}',
            "8192 4096",
          ]);
        });
      });

      it("that are not there cannot be opened", async () => {
        await withFlash({ engine, partitions }, async bench => {
          assert.deepEqual(
            await results(
              bench,
              { run: "status", label: "third" },
              { run: "status", label: "third", old: true },
            ),
            ["Error: can't find partition", "Error: can't find partition"],
          );
        });
      });

      it("have a journal beside them, erased", async () => {
        await withFlash({ engine, partitions }, async bench => {
          const journal = await bench.engine.flash();
          assert.equal(journal.length, 65536);
          assert.ok(journal.every(byte => byte === 0xff));
          assert.deepEqual(await bench.engine.flash("journal"), journal);
        });
      });

      it("are read back as the firmware left them, and the caller's bytes are not touched", async () => {
        const given = { first: new Uint8Array(BLOCK).fill(0xff), second: new Uint8Array(BLOCK).fill(0xff) };
        await withFlash({ engine, partitions: given }, async bench => {
          await results(bench, { run: "write", label: "first", at: 10, bytes: [1, 2, 3] });
          const first = await bench.engine.flash("first");
          assert.deepEqual([...first.subarray(9, 14)], [0xff, 1, 2, 3, 0xff]);
          assert.deepEqual(await bench.engine.flash("second"), given.second);
          assert.equal(given.first[10], 0xff);
          assert.equal(await bench.engine.flashSteps("first"), 3);
          assert.equal(await bench.engine.flashSteps("second"), 0);
        });
      });

      it("are written and erased by the older module too, which clears bits only", async () => {
        await withFlash({ engine, partitions: { first: new Uint8Array(2 * BLOCK) } }, async bench => {
          const seen = await results(
            bench,
            { run: "erase", label: "first", at: 1, old: true },
            { run: "write", label: "first", at: BLOCK, bytes: [0xf0, 0x55], old: true },
            { run: "write", label: "first", at: BLOCK, bytes: [0x3f], old: true },
            { run: "read", label: "first", at: BLOCK - 1, count: 4, old: true },
          );
          assert.deepEqual(seen, ["erased", "written", "written", "003055ff"]);
        });
      });

      it("refuse what lies outside, by the older module", async () => {
        await withFlash({ engine, partitions: { first: new Uint8Array(BLOCK) } }, async bench => {
          const seen = await results(
            bench,
            { run: "read", label: "first", at: BLOCK - 1, count: 2, old: true },
            { run: "read", label: "first", at: -1, count: 1, old: true },
            { run: "write", label: "first", at: BLOCK, bytes: [1], old: true },
            { run: "write", label: "first", at: 0, bytes: [1], count: 2, old: true },
            { run: "erase", label: "first", at: 1, old: true },
          );
          assert.deepEqual(seen, [
            "RangeError: invalid offset",
            "RangeError: invalid offset",
            "RangeError: invalid offset",
            "Error: invalid",
            "RangeError: invalid block",
          ]);
        });
      });

      it("are mapped in place: what is written later is seen", async () => {
        await withFlash({ engine, partitions: { first: new Uint8Array(BLOCK).fill(0xff) } }, async bench => {
          const seen = await results(
            bench,
            { run: "hold", label: "first", old: true },
            { run: "write", label: "first", at: 4, bytes: [0x12, 0x34] },
            { run: "held", label: "first", at: 3, count: 4, old: true },
            { run: "erase", label: "first", at: 0 },
            { run: "held", label: "first", at: 3, count: 4, old: true },
          );
          assert.deepEqual(seen, ["4096", "written", "ff1234ff", "erased", "ffffffff"]);
        });
      });

      it("tell their length at the map, and views begin where they are told to", async () => {
        await withFlash({ engine, partitions }, async bench => {
          assert.deepEqual(
            await results(bench, { run: "map", label: "second", at: 8189, count: 3, old: true }),
            ["8192 0e0700"],
          );
        });
      });
    });
  }

  it("are mapped without a copy in the heap", async () => {
    await withFlash({ partitions: { large: new Uint8Array(64 * BLOCK) }, heapBytes: 8000 }, async bench => {
      assert.deepEqual(await results(bench, { run: "hold", label: "large", old: true }), ["262144"]);
      assert.ok((await bench.engine.memory()).peakChunkBytes < 2000);
    });
  });

  it("are read-only at the map", async () => {
    await withFlash({ partitions: { first: new Uint8Array(BLOCK).fill(9) } }, async bench => {
      const [seen] = await results(bench, { run: "spoil", label: "first", at: 0, old: true });
      assert.match(String(seen), /^TypeError/);
      assert.equal((await bench.engine.flash("first"))[0], 9);
    });
  });

  for (const [what, options, expected] of [
    ["of half a block", { partitions: { half: new Uint8Array(2048) } }, /half of 2048 bytes/],
    ["of the journal twice", { flash: counted(BLOCK), partitions: { journal: counted(BLOCK) } }, /twice/],
    [
      "that power is cut on but that is not there",
      { powerCut: { label: "x", afterSteps: 1 } },
      /no partition x/,
    ],
  ] as const) {
    it(`${what} are refused`, async () => {
      await assert.rejects(createEngine(options), expected);
    });
  }

  it("that are not there have no contents", async () => {
    await withFlash({}, async bench => {
      await assert.rejects(bench.engine.flash("absent"), /no partition absent/);
    });
  });
});

interface Write {
  readonly at: number;
  readonly bytes: readonly number[];
}
type Operation = { readonly write: Write } | { readonly erase: number };

const operations = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        write: fc.record({
          at: fc.nat(2 * BLOCK - 9),
          bytes: fc.array(fc.nat(255), { minLength: 1, maxLength: 9 }),
        }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ erase: fc.nat(1) }) },
  ),
  { minLength: 1, maxLength: 12 },
);

/** What an independent model of such a flash holds after the operations, and whether its power went. */
function modelled(list: readonly Operation[], { afterSteps, tear = "prefix", seed = 1 }: PowerCut) {
  const nor = new NorFlash(2, BLOCK);
  nor.cutAfter(afterSteps, tear, seed);
  try {
    for (const operation of list) {
      if ("erase" in operation) nor.eraseBlock(operation.erase);
      else {
        const { at, bytes } = operation.write;
        nor.write(
          Uint8Array.from(bytes, (byte, index) => byte & (nor.bytes[at + index] ?? 0)),
          at,
        );
      }
    }
  } catch (error) {
    if (!(error instanceof Cut)) throw error;
    return { bytes: nor.bytes, isCut: true };
  }
  return { bytes: nor.bytes, isCut: false };
}

function asCommand(operation: Operation): FlashCommand {
  if ("erase" in operation) return { run: "erase", label: "torn", at: operation.erase };
  return { run: "write", label: "torn", ...operation.write };
}

describe("a power cut", () => {
  const erased = new Uint8Array(2 * BLOCK).fill(0xff);

  for (const engine of ENGINES) {
    describe(engine, () => {
      it("tears an operation as the model of the flash does", async () => {
        const cuts = fc.record({
          afterSteps: fc.nat(60),
          tear: fc.constantFrom("prefix" as const, "scatter" as const),
          seed: fc.nat(1_000_000),
        });
        let torn = 0;
        await fc.assert(
          fc.asyncProperty(operations, cuts, async (list, cut) => {
            const expected = modelled(list, cut);
            if (expected.isCut) torn++;
            const options = { engine, partitions: { torn: erased }, powerCut: cut };
            await withFlash(options, async bench => {
              const { end } = await bench.message(list.map(asCommand));
              assert.deepEqual(end, expected.isCut ? { reason: "power cut" } : undefined);
              assert.deepEqual(Buffer.compare(await bench.engine.flash("torn"), expected.bytes), 0);
            });
          }),
          { numRuns: 30, seed: 4 },
        );
        assert.ok(torn > 10, `${torn} runs were cut`);
      });

      it("keeps what the turn did before, and ends the run", async () => {
        const options = { engine, partitions: { torn: erased }, powerCut: { afterSteps: 5, label: "torn" } };
        await withFlash(options, async bench => {
          const write = (at: number): FlashCommand => ({ run: "write", label: "torn", at, bytes: [1, 2, 3] });
          const turn = await bench.message([write(0), write(10), write(20)]);
          assert.deepEqual(turn.end, { reason: "power cut" });
          assert.equal(turn.abort, undefined);
          assert.equal(turn.actions.length, 1, "one write was reported as done");
          const left = await bench.engine.flash("torn");
          assert.deepEqual([...left.subarray(0, 4)], [1, 2, 3, 0xff]);
          assert.deepEqual([...left.subarray(10, 12)], [1, 2]);
          assert.deepEqual([...left.subarray(13, 24)], new Array(11).fill(0xff));
          await assert.rejects(
            bench.message([]),
            (error: unknown) => error instanceof EngineError && error.kind === "stopped",
          );
        });
      });

      it("counts the steps of its partition only", async () => {
        const partitions = { torn: erased, other: erased };
        const options = { engine, partitions, powerCut: { afterSteps: 0, label: "torn" } };
        await withFlash(options, async bench => {
          const done = await bench.message([{ run: "write", label: "other", at: 0, bytes: [1, 2, 3] }]);
          assert.equal(done.end, undefined);
          const cut = await bench.message([{ run: "write", label: "torn", at: 0, bytes: [1] }]);
          assert.deepEqual(cut.end, { reason: "power cut" });
        });
      });

      it("counts those of all partitions when it names none", async () => {
        const options = { engine, partitions: { torn: erased, other: erased }, powerCut: { afterSteps: 4 } };
        await withFlash(options, async bench => {
          const { end } = await bench.message([
            { run: "write", label: "other", at: 0, bytes: [1, 2, 3] },
            { run: "write", label: "torn", at: 0, bytes: [1, 2] },
          ]);
          assert.deepEqual(end, { reason: "power cut" });
          assert.equal((await bench.engine.flash("torn"))[0], 1);
        });
      });
    });
  }
});
