import assert from "node:assert/strict";
import { openDeviceTarget } from "../../../hosts/workstation/provision/targets/device.js";
import { BenchPort } from "../../factory/bench-port.js";
import { assertSettled } from "../../factory/settled.js";
import { SimDevice } from "../../factory/sim-device.js";
import { Ends, FlowBench, telling } from "./flow-bench.js";

describe("flow: a run that is stopped", () => {
  const ends = new Ends();
  afterEach(() => ends.run());

  it("does not wait for a handshake, leaves no claim, and the next run goes on from there", async () => {
    const bench = await FlowBench.create({ profile: { proof: { handshake: "broker.test:8883" } } });
    ends.add(() => bench.end());
    const device = new SimDevice({ mac: "02AB00000001", broker: "accepts" });
    const port = await BenchPort.open(device);
    ends.add(() => port.close());
    const stop = new AbortController();
    const open = async (address: string) => ({
      ...telling(await openDeviceTarget(address), () => ({})),
      handshake: () => {
        setImmediate(() => {
          stop.abort();
        });
        return new Promise<never>(() => undefined);
      },
    });
    const stopped = await bench.run(port.address, { open, signal: stop.signal });
    assert.deepEqual(
      [stopped.outcome, stopped.error?.code, stopped.state],
      ["failed", "interrupted", "used"],
    );
    const unit = await bench.ledger.unit("unit-1");
    assert.deepEqual([unit?.claim, unit?.failure], [undefined, undefined]);
    const end = await bench.run(port.address);
    assert.deepEqual([end.outcome, end.serial], ["done", "unit-1"]);
    await assertSettled(bench.ledger, "unit-1", device, bench.issuer.certificate);
  });
});
