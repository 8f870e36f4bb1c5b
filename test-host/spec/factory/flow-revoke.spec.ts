import assert from "node:assert/strict";
import { join } from "node:path";
import { ImageTarget } from "../../../certs/factory/image-target.js";
import { revokeUnit, type Revoked } from "../../../certs/factory/rework.js";
import type { Ledger } from "../../../certs/ledger/ledger.js";
import type { Target } from "../../../certs/factory/target.js";
import { openDeviceTarget } from "../../../hosts/workstation/provision/targets/device.js";
import { BenchPort } from "../../factory/bench-port.js";
import { all } from "../../factory/settled.js";
import { SimDevice } from "../../factory/sim-device.js";
import { watchedLedger } from "../../factory/watched.js";
import { Ends, FlowBench, HASTY, telling } from "./flow-bench.js";
import { refusal } from "./modem-bench.js";

describe("flow: revoking a unit that is at hand", () => {
  const ends = new Ends();
  let bench: FlowBench;
  let device: SimDevice;
  let port: BenchPort;
  beforeEach(async () => {
    bench = await FlowBench.create();
    ends.add(() => bench.end());
    device = new SimDevice({ mac: "02AB00000001" });
    port = await BenchPort.open(device);
    ends.add(() => port.close());
    assert.equal((await bench.run(port.address)).outcome, "done");
  });
  afterEach(() => ends.run());

  interface Wish {
    readonly replace?: boolean;
    readonly ledger?: Ledger;
    readonly station?: string;
  }

  async function revoke(target: Target, wish: Wish = {}): Promise<Revoked> {
    const { replace = false, ledger = bench.ledger, station = "station-1" } = wish;
    try {
      const options = { ledger, station, serial: "unit-1", reason: "keyCompromise" } as const;
      return await revokeUnit({ ...options, replace, target });
    } finally {
      await target.close();
    }
  }

  /** Refused before the ledger or the unit was changed. */
  async function refuses(code: string, target: Target, at = port.device): Promise<void> {
    const before = await bench.said("unit-1");
    const head = (await bench.ledger.summary()).head;
    const writes = at?.writes;
    assert.equal((await refusal(revoke(target))).code, code);
    assert.deepEqual(await bench.said("unit-1"), before);
    assert.equal((await bench.ledger.summary()).head, head);
    assert.equal(at?.writes, writes, "not one byte was written");
  }

  it("refuses a unit that nothing tells to be the one: another's would be erased", async () => {
    port.insert(new SimDevice({ mac: "02AB00000009" }));
    await refuses("unrecognized", await openDeviceTarget(port.address));
  });

  it("refuses a unit of another factory with credentials that are in use", async () => {
    const elsewhere = await FlowBench.create({ units: ["other-1"] });
    ends.add(() => elsewhere.end());
    const foreign = new SimDevice({ mac: "02AB00000009" });
    port.insert(foreign);
    assert.equal((await elsewhere.run(port.address)).outcome, "done");
    await refuses("unrecognized", await openDeviceTarget(port.address));
    assert.ok(foreign.certificate);
  });

  it("refuses a unit with another address, also when it tells the unit's key", async () => {
    const target = telling(await openDeviceTarget(port.address), () => ({ mac: "02AB00000009" }));
    await refuses("other-hardware", target);
    assert.ok(device.certificate);
  });

  it("refuses another unit of the ledger", async () => {
    const other = new SimDevice({ mac: "02AB00000002" });
    port.insert(other);
    assert.equal((await bench.run(port.address)).serial, "unit-2");
    await refuses("other-unit", await openDeviceTarget(port.address));
    assert.ok(other.certificate);
  });

  it("refuses an image, which nothing can erase in the unit it was flashed to", async () => {
    const image = new ImageTarget({ path: join(bench.folder, "unit-1.bin") });
    await refuses("unable", image);
    // "The profile asks for it" was said of --port.
    assert.match((await refusal(revoke(image))).why, /^--port asks for/);
  });

  it("refuses a unit that is locked", async () => {
    const target = await openDeviceTarget(port.address);
    await target.connect();
    await target.lock();
    await target.close();
    await refuses("locked", await openDeviceTarget(port.address));
    // It holds just what the ledger says: the sentence of a run would be false here.
    const { what, fix } = await refusal(revoke(await openDeviceTarget(port.address)));
    assert.equal(what, "unit-1 is locked, and a locked unit cannot be erased");
    assert.match(fix, /Leave --port out: the certificate is revoked in the ledger alone/);
  });

  for (const replace of [false, true])
    it(`has revoked when the line fails before the unit is erased, and erases when asked again${replace ? ", for a replacement" : ""}`, async () => {
      // The line fails when the ledger has it.
      const ledger = watchedLedger(bench.ledger, point => {
        if (point === "after revoke") port.remove();
      });
      const failed = await refusal(revoke(await openDeviceTarget(port.address, HASTY), { replace, ledger }));
      assert.equal(failed.code, "silent");
      assert.deepEqual(await bench.fates("unit-1"), ["revoked"]);
      assert.equal(await bench.eventsOf("unit-1", "erased"), 0);
      const said = await bench.said("unit-1");
      port.insert(device);
      assert.ok(device.certificate, "it holds everything still");
      const again = await revoke(await openDeviceTarget(port.address), { replace, station: "station-2" });
      assert.equal(again.erased, true);
      assert.equal(again.certificate?.fate, "revoked");
      assert.deepEqual(await bench.said("unit-1"), said, "the second time changes no state");
      assert.equal(await bench.eventsOf("unit-1", "revoked"), 1);
      assert.equal(await bench.eventsOf("unit-1", "erased"), 1);
      const erased = (await all(bench.ledger.events({ unit: "unit-1" }))).find(one => one.event === "erased");
      assert.deepEqual([erased?.data["what"], erased?.data["place"]], ["all", "device"]);
      assert.equal(device.certificate, undefined);
      assert.equal(device.publicKey, undefined);
      const next = await bench.run(port.address);
      assert.deepEqual(
        [next.outcome, next.serial, next.error?.code],
        replace ? ["done", "unit-1", undefined] : ["failed", "unit-1", "revoked"],
      );
    });
});
