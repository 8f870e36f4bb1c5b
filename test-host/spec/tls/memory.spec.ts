import assert from "node:assert/strict";
import { createEngine, type FirmwareEngine } from "../../xs/index.js";
import { Bench, reports } from "../xs/support.js";

const SLOT_BYTES = 16;
/** A 64-bit host counts 8 bytes more for each buffer, so these are upper bounds. */
const RECORDER_BYTES = 1024;
/** Socket, recorder and buffers, the application's options and the played engine included; TCP apart. */
const SOCKET_BYTES = 6_200;
const BYTECODE_LIMIT = 13_000;
/** A record each way, as an MQTT message and its acknowledgement. */
const EXCHANGE_SLOTS = 60;

async function withProgram(work: (bench: Bench, engine: FirmwareEngine) => Promise<void>): Promise<void> {
  const engine = await createEngine({ engine: "xs", entry: "test-host/spec/tls/programs/memory" });
  try {
    const bench = new Bench(engine);
    await bench.start();
    await work(bench, engine);
  } finally {
    await engine.stop();
  }
}

async function held(engine: FirmwareEngine): Promise<number> {
  const { slots, chunkBytes } = await engine.memory();
  return slots * SLOT_BYTES + chunkBytes;
}

async function run(bench: Bench, order: object): Promise<unknown[]> {
  const turn = await bench.message(order);
  assert.equal(turn.abort, undefined);
  return reports(turn);
}

describe("TLS on this side in XS", () => {
  it("keeps the flight recorder within 1 KB, before and after a handshake", async () => {
    await withProgram(async (bench, engine) => {
      await run(bench, { run: "handshake" });
      const before = await held(engine);
      await run(bench, { run: "recorder" });
      const made = (await held(engine)) - before;
      assert.deepEqual(await run(bench, { run: "handshake" }), [["handshake", 13, 0]]);
      const used = (await held(engine)) - before;
      assert.ok(made > 300 && made <= RECORDER_BYTES, `${made} bytes`);
      assert.ok(used <= RECORDER_BYTES, `${used} bytes after a handshake`);
      await run(bench, { run: "handshake", count: 20 });
      assert.ok((await held(engine)) - before <= used + SLOT_BYTES);
    });
  });

  it("adds a known amount to TCP's memory", async () => {
    await withProgram(async (bench, engine) => {
      const empty = await held(engine);
      await run(bench, { run: "tcp" });
      const tcp = (await held(engine)) - empty;
      await run(bench, { run: "socket" });
      await run(bench, { run: "exchange" });
      const both = (await held(engine)) - empty;
      // The first TCP is garbage by now.
      const added = both - tcp;
      assert.ok(added > 1_500 && added <= SOCKET_BYTES, `${added} bytes beside ${tcp} of TCP`);
    });
  });

  it("holds no more after a thousand records, and makes little garbage of each", async () => {
    await withProgram(async (bench, engine) => {
      await run(bench, { run: "socket" });
      await run(bench, { run: "exchange", count: 10 });
      const before = await held(engine);
      let collections = 0;
      for (let i = 0; i < 20; i++) {
        const turn = await bench.message({ run: "exchange", count: 50 });
        assert.equal(turn.abort, undefined);
        collections += turn.collections;
      }
      const received = (await run(bench, { run: "exchange" }))[0];
      assert.deepEqual(received, ["exchange", null, 1011 * 64]);
      assert.ok((await held(engine)) - before <= 4 * SLOT_BYTES);
      assert.ok(collections <= Math.ceil((1000 * EXCHANGE_SLOTS) / 4_600), `${collections} collections`);
    });
  });

  it("leaves nothing behind that cannot be preloaded, and stays within its byte code", async () => {
    await withProgram(async (_, engine) => {
      assert.deepEqual(engine.loadedNatives, {});
      const { modules } = await engine.memory();
      const sizes = Object.entries(modules).filter(([name]) => name.startsWith("modules/tls/"));
      const size = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
      assert.ok(size > 0 && size <= BYTECODE_LIMIT, JSON.stringify(sizes));
    });
  });
});
