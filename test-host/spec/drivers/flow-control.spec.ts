import assert from "node:assert/strict";
import { withFlowControl } from "../../../drivers/bg95/flow-control.js";
import { bg95 } from "../../../drivers/bg95/profile.js";
import { bufferedSerial, type SerialClass } from "../../simulator/uart.js";
import { Bench, pattern, PORT } from "./bench.js";

/** So small that a read of the module is several times as long. */
const small: SerialClass = { ...bufferedSerial, name: "small", receiveCapacity: 256 };

describe("flow control of a BG95", () => {
  const received = async (profile: typeof bg95 | ReturnType<typeof withFlowControl>) => {
    // The firmware takes the port for one with more room than it has.
    const bench = new Bench({ serial: small, headroom: 4_096, driver: { profile }, pauseMs: () => 40 });
    await bench.goOnline();
    const payload = pattern(3_000);
    bench.network.serve(PORT, peer => peer.write(payload));
    const client = bench.open();
    await bench.until("data", () => client.received.length === payload.length || client.ended);
    return { bench, whole: client.received.length === payload.length };
  };

  it("is asked for at each start where it is wired, and holds the module back", async () => {
    const { bench, whole } = await received(withFlowControl(bg95));
    assert.deepEqual(bench.sent("AT+IFC"), ["AT+IFC=2,2"]);
    assert.equal(whole, true);
    assert.equal(bench.uart.counters.lostBytes, 0);
    assert.ok(bench.uart.counters.pauses > 0);
  });

  it("is not asked for else, and the same data are lost", async () => {
    const { bench, whole } = await received(bg95);
    assert.deepEqual(bench.sent("AT+IFC"), []);
    assert.equal(whole, false);
    assert.ok(bench.uart.counters.lostBytes > 0);
  });
});
