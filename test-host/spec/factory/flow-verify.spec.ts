import assert from "node:assert/strict";
import { FactoryError } from "../../../certs/factory-error.js";
import type { Present, Target } from "../../../certs/factory/target.js";
import { verifyUnit, type Verified, type VerifyOptions } from "../../../certs/factory/verify.js";
import { openDeviceTarget } from "../../../hosts/workstation/provision/targets/device.js";
import { BenchPort } from "../../factory/bench-port.js";
import { all } from "../../factory/settled.js";
import { SimDevice } from "../../factory/sim-device.js";
import { authority, DAY_MS, Ends, FlowBench, telling } from "./flow-bench.js";

describe("flow: verifying a finished unit", () => {
  const ends = new Ends();
  afterEach(() => ends.run());

  /** A unit that is done; `verify` looks at it, and tells which points differ. */
  async function scene() {
    const bench = await FlowBench.create();
    ends.add(() => bench.end());
    const device = new SimDevice({ mac: "02AB00000001" });
    const port = await BenchPort.open(device);
    ends.add(() => port.close());
    assert.equal((await bench.run(port.address)).outcome, "done");
    const written = device.writes;
    async function verify(
      options: Partial<VerifyOptions> = {},
      as: (target: Target) => Target = target => target,
    ): Promise<Verified & { readonly differing: readonly string[] }> {
      const target = await openDeviceTarget(port.address);
      try {
        const verified = await verifyUnit(as(target), {
          ledger: bench.ledger,
          station: "station-1",
          serial: "unit-1",
          brokerCa: bench.recipe.brokerCa,
          now: new Date(),
          ...options,
        });
        const kept = (await all(bench.ledger.events({ unit: verified.serial }))).at(-1);
        assert.deepEqual([kept?.event, kept?.data["ok"]], ["verified", String(verified.ok)]);
        const differing = verified.points.flatMap(one => (one.verdict === "differs" ? [one.point] : []));
        return { ...verified, differing };
      } finally {
        await target.close();
        assert.equal(device.writes, written, "nothing is changed in the unit");
      }
    }
    return { bench, verify };
  }

  const told = (facts: (present: Present) => Partial<Present>) => (target: Target) => telling(target, facts);

  it("finds every point equal", async () => {
    const { verify } = await scene();
    const { ok, points } = await verify();
    assert.deepEqual([ok, points.map(({ verdict }) => verdict)], [true, Array(8).fill("ok")]);
  });

  it("a certificate that was revoked differs in its fate, whatever the unit proves", async () => {
    const { bench, verify } = await scene();
    await bench.ledger.revoke("unit-1", { reason: "keyCompromise", replace: false, station: "station-1" });
    const { ok, differing, points } = await verify();
    assert.deepEqual([ok, differing], [false, ["fate"]]);
    assert.match(points.find(({ point }) => point === "fate")?.text ?? "", /^revoked since .*keyCompromise/);
  });

  for (const [when, days] of [
    ["has ended", 101],
    ["has not begun", -3],
  ] as const)
    it(`a certificate whose time ${when} differs in its dates`, async () => {
      const { verify } = await scene();
      const { ok, differing } = await verify({ now: new Date(Date.now() + days * DAY_MS) });
      assert.deepEqual([ok, differing], [false, ["dates"]]);
    });

  it("a unit that cannot sign with the key that it tells differs in its possession", async () => {
    const { verify } = await scene();
    const { ok, differing } = await verify({}, target => ({
      ...telling(target, () => ({})),
      prove: () =>
        Promise.reject(
          new FactoryError({ code: "proof", side: "unit", what: "another signature", why: "-", fix: "-" }),
        ),
    }));
    assert.deepEqual([ok, differing], [false, ["possession"]]);
  });

  it("another certificate than the ledger's differs, though its key is the unit's", async () => {
    const { bench, verify } = await scene();
    const certificate = Uint8Array.from(bench.issuer.certificate.raw);
    const other = told(({ used }) => ({ used: { ...used, certificate } }));
    const { ok, differing } = await verify({}, other);
    assert.deepEqual([ok, differing], [false, ["certificate"]]);
  });

  it("another broker's CA than the profile's differs", async () => {
    const { verify } = await scene();
    const { ok, differing } = await verify({ brokerCa: (await authority()).certificate });
    assert.deepEqual([ok, differing], [false, ["ca"]]);
  });

  it("another address of its hardware than the ledger's differs", async () => {
    const { verify } = await scene();
    const other = told(() => ({ mac: "02AB00000002" }));
    const { ok, differing } = await verify({}, other);
    assert.deepEqual([ok, differing], [false, ["hardware"]]);
  });

  // It was "ok" with nothing to be compared with.
  it("an address that the ledger has none for is told, and not ok", async () => {
    const { verify } = await scene();
    const { points } = await verify({ serial: "unit-2" });
    const hardware = points.find(({ point }) => point === "hardware");
    assert.equal(hardware?.verdict, "unknown");
    assert.match(hardware.text, /mac 02AB00000001; the ledger has none/);
  });

  it("another unit of the ledger at the port is named", async () => {
    const { verify } = await scene();
    const { ok, found } = await verify({ serial: "unit-2" });
    assert.deepEqual([ok, found], [false, "unit-1"]);
  });
});
