import assert from "node:assert/strict";
import { BenchPort } from "../../factory/bench-port.js";
import { assertSettled } from "../../factory/settled.js";
import { SimDevice } from "../../factory/sim-device.js";
import { authority, Ends, FlowBench } from "./flow-bench.js";

describe("flow: what the profile says against what the unit holds", () => {
  const ends = new Ends();
  afterEach(() => ends.run());

  async function at(device: SimDevice): Promise<string> {
    const port = await BenchPort.open(device);
    ends.add(() => port.close());
    return port.address;
  }

  it("a unit with another module is refused before anything is written: all checks were made for the other one", async () => {
    const bench = await FlowBench.create({ profile: { module: "bc66", route: "host-tls" } });
    ends.add(() => bench.end());
    const device = new SimDevice({ mac: "02AB00000001", module: "bg95" });
    const { outcome, error } = await bench.run(await at(device));
    assert.equal(outcome, "failed");
    assert.equal(error?.code, "wrong-module");
    assert.equal(device.writes, 0);
    assert.equal((await bench.ledger.unit("unit-1"))?.attempts, 0);
  });

  for (const state of ["written", "proved", "used"] as const)
    it(`a unit that is ${state} with the broker's CA of a wrong profile is begun anew with the right one`, async () => {
      const bench = await FlowBench.create();
      ends.add(() => bench.end());
      const wrong = (await authority()).certificate;
      const device = new SimDevice({ mac: "02AB00000001" });
      const port = await at(device);
      await bench.killedAt(state, port, { recipe: { ...bench.recipe, brokerCa: wrong } });
      const { outcome, error, events } = await bench.run(port);
      assert.equal(outcome, "done", error?.what);
      const told = events.some(event => event.event === "notice" && event.code === "broker-ca");
      assert.equal(told, true);
      await assertSettled(bench.ledger, "unit-1", device, bench.issuer.certificate);
      assert.deepEqual(await bench.fates("unit-1"), ["abandoned", "active"]);
    });
});
