import assert from "node:assert/strict";
import { Bench, pattern, PORT, type BenchSettings } from "./bench.js";

/** A connection whose first payload loses one byte on its way to the module. */
async function damagedUplink(lines: NonNullable<BenchSettings["lines"]>) {
  const bench = await new Bench({ lines, running: true }).goOnline();
  const received: number[] = [];
  bench.network.serve(PORT, peer => {
    peer.onData = bytes => received.push(...bytes);
  });
  const client = bench.open();
  await bench.until("connected", () => client.connected);
  const { module } = bench;
  const receive = module.receive.bind(module);
  let dropped = false;
  module.receive = bytes => {
    const hit = !dropped && module.port.carriesData && bytes.length > 1;
    dropped ||= hit;
    receive(hit ? bytes.subarray(1) : bytes);
  };
  bench.call(() => client.socket.write(pattern(1_000)));
  await bench.until("end", () => client.ended, 300_000);
  return { bench, client, received };
}

describe("a payload that lost a byte on its way to the module", () => {
  // The module waits for the missing byte, and took the first of the next command for it.
  for (const lines of [["powerKey", "status"], ["powerKey"], ["reset"]] as const) {
    it(`reaches nobody, and the module is restarted by ${lines.join(" and ")}`, async () => {
      const { bench, client, received } = await damagedUplink(lines);
      assert.deepEqual(received, []);
      assert.equal(client.failure?.kind, "no-answer");
      await bench.until("online again", () => bench.online, 600_000);
      assert.deepEqual(received, []);
      const next = bench.open();
      await bench.until("connected again", () => next.connected);
      bench.call(() => next.socket.write(pattern(100)));
      await bench.until("delivered", () => received.length === 100);
      assert.deepEqual(Uint8Array.from(received), pattern(100));
    });
  }

  it("ends the connection when nothing can restart the module", async () => {
    const { bench, client } = await damagedUplink([]);
    assert.equal(client.failure?.kind, "timeout");
    await bench.until("online", () => bench.online, 600_000);
  });
});
