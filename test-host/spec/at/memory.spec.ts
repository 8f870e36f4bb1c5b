import assert from "node:assert/strict";
import { createEngine, type FirmwareEngine } from "../../xs/index.js";
import { Bench, reports } from "../xs/support.js";

/** Byte code of `modules/at`; the whole firmware has 64 KB. */
const BYTECODE_LIMIT = 16 * 1024;
/** As the stock serial class hands them over. */
const READ_BYTES = 96;

/** Runs `work` with a channel in the XS engine and an ESP32's memory. */
async function withChannel(work: (bench: Bench, engine: FirmwareEngine) => Promise<void>): Promise<void> {
  const engine = await createEngine({ engine: "xs", entry: "test-host/spec/at/programs/lines" });
  try {
    const bench = new Bench(engine);
    await bench.start();
    await work(bench, engine);
  } finally {
    await engine.stop();
  }
}

/** Collections of garbage while the channel receives `text` so many times. */
async function collections(bench: Bench, text: string, times: number, piece: number): Promise<number> {
  const bytes = Buffer.from(text.repeat(times), "latin1");
  let count = 0;
  for (let from = 0; from < bytes.length; from += piece) {
    const turn = await bench.readable([...bytes.subarray(from, from + piece)]);
    assert.equal(turn.abort, undefined);
    count += turn.collections;
  }
  return count;
}

describe("the AT channel in XS", () => {
  const lines: readonly [what: string, text: string][] = [
    ["reports", '\r\n+QIURC: "recv",0\r\n'],
    ["reports at the end of the table", "\r\n+QPSMTIMER: 86400,2\r\n"],
    ["reports that are told apart by their shape", '\r\n+CEREG: 5,"66C0","1042",9\r\n'],
    ["lines that nobody waits for", "\r\n+ABCDEF: 1,2\r\n"],
    ["lines that are too long", "x".repeat(520) + "\r\n"],
  ];
  for (const [what, text] of lines)
    for (const piece of [READ_BYTES, 7])
      it(`makes no garbage of ${what}, read in pieces of ${String(piece)}`, async () => {
        await withChannel(async bench => {
          // One slot of each line or read would fill the 4,928 of an ESP32.
          const times = piece === READ_BYTES ? 6_000 : Math.ceil((6_000 * piece) / text.length);
          assert.equal(await collections(bench, text, times, piece), 0);
        });
      });

  it("makes no garbage of raw data", async () => {
    await withChannel(async bench => {
      await bench.message({ run: "receive" });
      await bench.readable([...Buffer.from("\r\n+QIRD: 500000\r\n")]);
      assert.equal(await collections(bench, "x".repeat(100), 5_000, READ_BYTES), 0);
      const [done] = reports(await bench.readable([...Buffer.from("\r\nOK\r\n")]));
      assert.deepEqual(done, ["done", true, 500_000]);
    });
  });

  it("makes little garbage of a command: fewer than 60 slots", async () => {
    await withChannel(async bench => {
      let count = 0;
      for (let i = 0; i < 300; i++) {
        count += (await bench.message({ run: "attention" })).collections;
        const turn = await bench.readable([...Buffer.from("\r\nOK\r\n")]);
        count += turn.collections;
        assert.deepEqual(reports(turn), [["done", true]]);
      }
      assert.ok(count <= Math.ceil((300 * 60) / 4_600), `${String(count)} collections`);
    });
  });

  it("leaves nothing behind that cannot be preloaded, and stays within its byte code", async () => {
    await withChannel(async (_, engine) => {
      assert.deepEqual(engine.loadedNatives, {});
      const { modules } = await engine.memory();
      const size = Object.entries(modules)
        .filter(([name]) => name.startsWith("modules/at/"))
        .reduce((sum, [, bytes]) => sum + bytes, 0);
      assert.ok(size > 0 && size <= BYTECODE_LIMIT, `${String(size)} bytes`);
    });
  });
});
