import assert from "node:assert/strict";
import type { LineOptions } from "../../../certs/factory/line.js";
import { openDeviceTarget } from "../../../hosts/workstation/provision/targets/device.js";
import { BenchPort } from "../../factory/bench-port.js";
import { assertSettled } from "../../factory/settled.js";
import { SimDevice } from "../../factory/sim-device.js";
import { watchedLedger, watchedTarget } from "../../factory/watched.js";
import { Ends, FlowBench, telling } from "./flow-bench.js";

const MAC = "02AB00000001";

describe("flow: two stations and one unit", () => {
  const ends = new Ends();
  let bench: FlowBench;
  let device: SimDevice;
  let first: BenchPort;
  let second: BenchPort;
  beforeEach(async () => {
    bench = await FlowBench.create();
    ends.add(() => bench.end());
    device = new SimDevice({ mac: MAC });
    first = await BenchPort.open(device);
    ends.add(() => first.close());
    second = await BenchPort.open();
    ends.add(() => second.close());
  });
  afterEach(() => ends.run());

  const atSecond = (options: Partial<LineOptions> = {}) =>
    bench.run(second.address, { station: "station-2", ...options });

  async function isWithFirst(before: object): Promise<void> {
    const unit = await bench.ledger.unit("unit-1");
    assert.equal(unit?.claim?.station, "station-1");
    assert.deepEqual(await bench.said("unit-1"), before);
    assert.equal(await bench.eventsOf("unit-1", "taken-over"), 0);
  }

  for (const state of ["issued", "used"] as const)
    it(`a told address does not take a unit that is ${state} from the station that works on it`, async () => {
      await bench.killedAt(state, first.address);
      const before = await bench.said("unit-1");
      const double = new SimDevice({ mac: MAC });
      second.insert(double);
      const refused = await atSecond();
      assert.deepEqual([refused.outcome, refused.error?.code], ["failed", "claimed"]);
      await isWithFirst(before);
      assert.equal(double.keys.made, 0);
    });

  it("a told public key does not take a unit from a station either: it is no secret", async () => {
    await bench.killedAt("used", first.address);
    const before = await bench.said("unit-1");
    const key = device.publicKey;
    assert.ok(key);
    const liar = new SimDevice({ mac: "02AB00000002" });
    second.insert(liar);
    const refused = await atSecond({
      open: async address => telling(await openDeviceTarget(address), () => ({ mac: MAC, used: { key } })),
    });
    assert.equal(refused.outcome, "failed");
    assert.notEqual(refused.error?.code, "internal");
    await isWithFirst(before);
    assert.equal(liar.keys.made, 0);
  });

  it("a key that has signed takes the unit over, and finishes it", async () => {
    await bench.killedAt("used", first.address);
    first.remove();
    second.insert(device);
    const points: string[] = [];
    const result = await atSecond({
      ledger: watchedLedger(bench.ledger, point => points.push(point)),
      open: async address => watchedTarget(await openDeviceTarget(address), point => points.push(point)),
    });
    assert.deepEqual([result.outcome, result.serial], ["done", "unit-1"]);
    const proved = points.indexOf("after prove");
    assert.ok(proved >= 0 && proved < points.indexOf("before claim"), points.join());
    assert.equal(await bench.eventsOf("unit-1", "taken-over"), 1);
    await assertSettled(bench.ledger, "unit-1", device, bench.issuer.certificate);
  });

  it("a unit that the other station finishes in the moment of the claim is done already, and nobody's", async () => {
    await bench.killedAt("used", first.address);
    first.remove();
    second.insert(device);
    const finishedElsewhere: LineOptions["ledger"] = {
      ...watchedLedger(bench.ledger, () => undefined),
      claim: async (...args) => {
        second.remove();
        first.insert(device);
        assert.equal((await bench.run(first.address)).outcome, "done");
        first.remove();
        second.insert(device);
        return bench.ledger.claim(...args);
      },
    };
    const result = await atSecond({ ledger: finishedElsewhere });
    assert.deepEqual([result.outcome, result.serial], ["already", "unit-1"], result.error?.what);
    const { unit } = await assertSettled(bench.ledger, "unit-1", device, bench.issuer.certificate);
    assert.equal(unit.claim, undefined);
  });
});
