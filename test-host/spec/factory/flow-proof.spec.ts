import assert from "node:assert/strict";
import { FactoryError } from "../../../certs/factory-error.js";
import type { Target } from "../../../certs/factory/target.js";
import { openDeviceTarget } from "../../../hosts/workstation/provision/targets/device.js";
import { BenchPort } from "../../factory/bench-port.js";
import { assertSettled } from "../../factory/settled.js";
import { SimDevice } from "../../factory/sim-device.js";
import { Ends, FlowBench, telling } from "./flow-bench.js";

function refused(code: string): FactoryError {
  return new FactoryError({ code, side: "unit", what: "it is not", why: "-", fix: "-" });
}

describe("flow: what proves that a unit holds its credentials", () => {
  const ends = new Ends();
  afterEach(() => ends.run());

  const failing: readonly (readonly [title: string, code: string, state: string, Partial<Target>])[] = [
    ["holds something else", "different", "issued", { readBack: () => Promise.reject(refused("different")) }],
    ["cannot sign a nonce", "proof", "written", { prove: () => Promise.reject(refused("proof")) }],
  ];
  for (const [title, code, state, methods] of failing)
    it(`a unit that ${title} uses nothing of it, and the next run goes on`, async () => {
      const bench = await FlowBench.create();
      ends.add(() => bench.end());
      const device = new SimDevice({ mac: "02AB00000001" });
      const port = await BenchPort.open(device);
      ends.add(() => port.close());
      const open = async (address: string) => ({
        ...telling(await openDeviceTarget(address), () => ({})),
        ...methods,
      });
      const result = await bench.run(port.address, { open });
      assert.deepEqual([result.outcome, result.error?.code, result.state], ["failed", code, state]);
      assert.equal(device.certificate, undefined);
      assert.deepEqual(await bench.fates("unit-1"), ["issued"]);
      assert.equal((await bench.run(port.address)).outcome, "done");
      await assertSettled(bench.ledger, "unit-1", device, bench.issuer.certificate);
    });
});
