import assert from "node:assert/strict";
import type { LineOptions } from "../../../certs/factory/line.js";
import { openDeviceTarget } from "../../../hosts/workstation/provision/targets/device.js";
import { BenchPort } from "../../factory/bench-port.js";
import { assertSettled } from "../../factory/settled.js";
import { SimDevice } from "../../factory/sim-device.js";
import { watchedTarget } from "../../factory/watched.js";
import { Ends, FlowBench, telling, type FlowRun } from "./flow-bench.js";

describe("flow: the end of a unit, former keys and the lock", () => {
  const ends = new Ends();
  let device: SimDevice;
  let port: BenchPort;
  beforeEach(async () => {
    device = new SimDevice({ mac: "02AB00000001" });
    port = await BenchPort.open(device);
    ends.add(() => port.close());
  });
  afterEach(() => ends.run());

  async function factory(profile: object = {}): Promise<FlowBench> {
    const bench = await FlowBench.create({ profile });
    ends.add(() => bench.end());
    return bench;
  }

  /** Private keys of the device that somebody with a flash reader finds. */
  function inFlash(): readonly string[] {
    const flash = Buffer.from(device.flash);
    return [...device.keys.seen]
      .filter(([, pkcs8]) => flash.includes(Buffer.from(pkcs8)))
      .map(([half]) => half);
  }

  const current = (): string => Buffer.from(device.publicKey ?? []).toString("hex");

  async function watched(bench: FlowBench, options: Partial<LineOptions> = {}) {
    const points: string[] = [];
    const open = async (address: string) =>
      watchedTarget(await openDeviceTarget(address), point => points.push(point));
    const result: FlowRun = await bench.run(port.address, { open, ...options });
    return { points, result };
  }

  function isErasedThenLocked(points: readonly string[]): void {
    const [erased, locked] = [points.indexOf("after erase"), points.indexOf("before lock")];
    assert.ok(erased >= 0 && erased < locked, points.join());
    assert.deepEqual(inFlash(), [current()], "of all keys its own alone is left");
    assert.equal(device.vault.locked, true);
  }

  for (const state of ["written", "proved", "used"] as const)
    it(`a replacement whose run ended at ${state} is locked without its former key in flash`, async () => {
      const bench = await factory();
      assert.equal((await bench.run(port.address)).outcome, "done");
      const former = current();
      const replacement = { reason: "superseded", replace: true, station: "station-1" } as const;
      await bench.ledger.revoke("unit-1", replacement);
      const recipe = { ...bench.recipe, profile: { ...bench.recipe.profile, lock: true } };
      await bench.killedAt(state, port.address, { recipe });
      assert.ok(inFlash().includes(former) && inFlash().length === 2, "both are there until then");
      const { points, result } = await watched(bench, { recipe });
      assert.equal(result.outcome, "done", result.error?.what);
      isErasedThenLocked(points);
      assert.deepEqual(await bench.fates("unit-1"), ["revoked", "active"]);
    });

  it("a foreign unit that was overwritten, and whose run ended at used, is locked without the foreign key in flash", async () => {
    const elsewhere = await factory();
    assert.equal((await elsewhere.run(port.address)).outcome, "done");
    const bench = await factory({ lock: true });
    const refused = await bench.run(port.address);
    assert.deepEqual([refused.outcome, refused.error?.code], ["failed", "foreign"]);
    await bench.killedAt("used", port.address, { overwrite: true });
    assert.equal(inFlash().length, 2);
    const { points, result } = await watched(bench);
    assert.equal(result.outcome, "done", result.error?.what);
    isErasedThenLocked(points);
  });

  it("a unit in whose profile no lock is asked for loses its former key too", async () => {
    const bench = await factory();
    await bench.killedAt("used", port.address);
    const { points, result } = await watched(bench);
    assert.equal(result.outcome, "done");
    assert.ok(points.includes("after erase") && !points.includes("before lock"));
    assert.deepEqual(inFlash(), [current()]);
  });

  it("a unit whose key nothing has proved is not locked: it could not be mended", async () => {
    const bench = await factory({ lock: true, key: { made: "host", kind: "P-256" } });
    const open = async (address: string) =>
      telling(await openDeviceTarget(address), () => ({ proves: false }));
    const refused = await bench.run(port.address, { open });
    assert.deepEqual([refused.outcome, refused.state, refused.error?.code], ["failed", "used", "unproved"]);
    assert.equal(device.vault.locked, false);
  });

  it("a handshake is proof enough for the lock", async () => {
    device.broker = "accepts";
    const bench = await factory({
      lock: true,
      key: { made: "host", kind: "P-256" },
      proof: { handshake: "broker.test:8883" },
    });
    const open = async (address: string) =>
      telling(await openDeviceTarget(address), () => ({ proves: false }));
    const result = await bench.run(port.address, { open });
    assert.equal(result.outcome, "done", result.error?.what);
    assert.equal(device.vault.locked, true);
    await assertSettled(bench.ledger, "unit-1", device, bench.issuer.certificate);
  });

  it("a run that ended between the lock and the ledger is finished by the next", async () => {
    const bench = await factory({ lock: true });
    const open = async (address: string) =>
      watchedTarget(await openDeviceTarget(address), point => {
        if (point === "after lock") throw new Error("killed");
      });
    assert.equal((await bench.run(port.address, { open })).state, "used");
    assert.equal(device.vault.locked, true);
    const result = await bench.run(port.address);
    assert.equal(result.outcome, "done", result.error?.what);
    await assertSettled(bench.ledger, "unit-1", device, bench.issuer.certificate);
  });
});
