import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { openDeviceTarget } from "../../../hosts/workstation/provision/targets/device.js";
import { BenchPort } from "../../factory/bench-port.js";
import { assertSettled } from "../../factory/settled.js";
import { SimDevice } from "../../factory/sim-device.js";
import { Ends, FlowBench, telling, type FlowOptions } from "./flow-bench.js";

const MAC = "02AB00000001";

describe("flow: which unit is at the port", () => {
  const ends = new Ends();
  afterEach(() => ends.run());

  async function scene(options: FlowOptions = {}) {
    const bench = await FlowBench.create(options);
    ends.add(() => bench.end());
    const device = new SimDevice({ mac: MAC });
    const port = await BenchPort.open(device);
    ends.add(() => port.close());
    return { bench, device, port };
  }

  /** Another device with the same address gets nothing, and the first one is finished afterwards. */
  async function getsNothing({ bench, device, port }: Awaited<ReturnType<typeof scene>>): Promise<void> {
    const before = await bench.said("unit-1");
    const double = new SimDevice({ mac: MAC });
    port.insert(double);
    const refused = await bench.run(port.address);
    assert.deepEqual([refused.outcome, refused.serial, refused.error?.code], ["failed", "unit-1", "lost"]);
    assert.deepEqual(await bench.said("unit-1"), before);
    assert.equal(double.keys.made, 0);
    assert.equal(double.certificate, undefined);
    port.insert(device);
  }

  for (const state of ["written", "proved", "used", "connected"] as const)
    it(`another device that tells the address of a unit that is ${state} gets nothing: it may be anybody's`, async () => {
      const profile = { proof: { handshake: "broker.test:8883" } };
      const one = await scene(state === "connected" ? { profile } : {});
      one.device.broker = "accepts";
      await one.bench.killedAt(state, one.port.address);
      await getsNothing(one);
      const end = await one.bench.run(one.port.address);
      assert.deepEqual([end.outcome, end.serial], ["done", "unit-1"]);
      const { ledger, issuer } = one.bench;
      const { certificates } = await assertSettled(ledger, "unit-1", one.device, issuer.certificate);
      assert.equal(certificates.length, 1);
    });

  it("another device that tells the address of a unit whose request is out gets nothing, also when its certificate came", async () => {
    const one = await scene({ outside: true });
    const { bench, port } = one;
    assert.equal((await bench.run(port.address)).outcome, "waiting");
    await getsNothing(one);
    await bench.answer();
    await getsNothing(one);
    assert.equal((await bench.run(port.address)).outcome, "done");
    await assertSettled(bench.ledger, "unit-1", one.device, bench.issuer.certificate);
  });

  for (const [state, fates] of [
    ["keyed", ["active"]],
    ["issuing", ["active"]],
    ["issued", ["abandoned", "active"]],
  ] as const)
    it(`a unit that is ${state} and does not hold its key any more is begun anew: nobody had its certificate`, async () => {
      const { bench, device, port } = await scene();
      await bench.killedAt(state, port.address);
      const replaced = new SimDevice({ mac: MAC });
      port.insert(replaced);
      const result = await bench.run(port.address);
      assert.deepEqual([result.outcome, result.serial], ["done", "unit-1"]);
      assert.ok(result.events.some(one => one.event === "notice" && one.code === "key-gone"));
      assert.deepEqual(await bench.fates("unit-1"), fates);
      await assertSettled(bench.ledger, "unit-1", replaced, bench.issuer.certificate);
      assert.notDeepEqual(replaced.publicKey, device.publicKey);
      // The first one is not a unit any more, whatever it still holds.
      port.insert(device);
      const late = await bench.run(port.address);
      assert.deepEqual([late.outcome, late.error?.code], ["failed", "lost"]);
      assert.equal(device.certificate, undefined);
    });

  for (const state of ["issued", "written", "proved", "used"] as const)
    it(`a fresh unit without any address does not become the double of one that the same port left ${state}`, async () => {
      const { bench, device, port } = await scene();
      const open = async (address: string) =>
        telling(await openDeviceTarget(address), () => ({ mac: undefined, imei: undefined }));
      await bench.killedAt(state, port.address, { open });
      const before = await bench.said("unit-1");
      const fresh = new SimDevice({ mac: MAC });
      port.insert(fresh);
      const next = await bench.run(port.address, { open });
      assert.deepEqual([next.outcome, next.serial], ["done", "unit-2"]);
      assert.deepEqual(await bench.said("unit-1"), before);
      port.insert(device);
      const resumed = await bench.run(port.address, { open });
      assert.deepEqual([resumed.outcome, resumed.serial], ["done", "unit-1"]);
      await assertSettled(bench.ledger, "unit-1", device, bench.issuer.certificate);
      await assertSettled(bench.ledger, "unit-2", fresh, bench.issuer.certificate);
    });

  it("a unit that uses a key of somebody else's, and no certificate with it, is not written unasked", async () => {
    const { bench, device, port } = await scene();
    const key = Uint8Array.from(
      generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "der", type: "spki" }),
    );
    const open = async (address: string) =>
      telling(await openDeviceTarget(address), present => ({ used: { ...present.used, key } }));
    const written = device.writes;
    const refused = await bench.run(port.address, { open });
    assert.deepEqual([refused.outcome, refused.error?.code], ["failed", "foreign"]);
    assert.equal(device.writes, written);
    assert.equal((await bench.ledger.unit("unit-1"))?.attempts, 0);
  });

  /** Tells somebody else's public key as its own, and signs requests with its own. */
  function planting(victim: Uint8Array) {
    return async (address: string) => {
      const target = await openDeviceTarget(address);
      let own: Uint8Array = new Uint8Array();
      return {
        ...telling(target, () => ({})),
        generate: async () => {
          own = await target.generate();
          return victim;
        },
        request: (commonName: string) => target.request(commonName, own),
      };
    };
  }

  for (const outside of [false, true])
    it(`a device that tells another's public key and signs with its own gets no certificate for it${outside ? " from outside" : ""}`, async () => {
      const { bench, port } = await scene({ outside });
      const victim = Uint8Array.from(
        generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "der", type: "spki" }),
      );
      const result = await bench.run(port.address, { open: planting(victim) });
      assert.deepEqual([result.outcome, result.error?.code, result.state], ["failed", "request", "keyed"]);
      const unit = await bench.ledger.unit("unit-1");
      assert.equal(unit?.draft, undefined);
      assert.deepEqual(await bench.certificates(), []);
      assert.deepEqual(readdirSync(join(bench.folder, "out")), []);
    });

  it("a device that puts another's public key into a request that its own has signed gets no certificate for it", async () => {
    const { bench, port } = await scene();
    const victim = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({
      format: "der",
      type: "spki",
    });
    const open = async (address: string) => {
      const target = await openDeviceTarget(address);
      let own = Buffer.alloc(0);
      return {
        ...telling(target, () => ({})),
        generate: async () => {
          own = Buffer.from(await target.generate());
          return Uint8Array.from(victim);
        },
        request: async (commonName: string) => {
          const request = Buffer.from(await target.request(commonName, own));
          victim.copy(request, request.indexOf(own));
          return Uint8Array.from(request);
        },
      };
    };
    const result = await bench.run(port.address, { open });
    assert.deepEqual([result.outcome, result.error?.code, result.state], ["failed", "request", "keyed"]);
    assert.deepEqual(await bench.certificates(), []);
  });

  it("a device that tells the key of a finished unit as its own takes nothing from that unit", async () => {
    const { bench, device, port } = await scene();
    assert.equal((await bench.run(port.address)).outcome, "done");
    const victim = device.publicKey;
    assert.ok(victim);
    const before = await bench.said("unit-1");
    port.insert(new SimDevice({ mac: "02AB00000002" }));
    const planted = await bench.run(port.address, { open: planting(victim) });
    assert.deepEqual([planted.outcome, planted.error?.code], ["failed", "conflict"]);
    assert.deepEqual(await bench.fates("unit-2"), []);
    assert.deepEqual(await bench.said("unit-1"), before);
    port.insert(device);
    const again = await bench.run(port.address);
    assert.deepEqual([again.outcome, again.serial, again.error?.code], ["already", "unit-1", undefined]);
  });
});
