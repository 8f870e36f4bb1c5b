import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { BenchPort } from "../../factory/bench-port.js";
import { assertSettled } from "../../factory/settled.js";
import { SimDevice } from "../../factory/sim-device.js";
import { watchedIssuer } from "../../factory/watched.js";
import {
  authority,
  DAY_MS,
  Ends,
  FlowBench,
  MINUTE_MS,
  usualLife,
  type FlowOptions,
  type FlowRun,
} from "./flow-bench.js";

const IN_2020 = (): Date => new Date("2020-06-01T12:00:00Z");

describe("flow: dates of certificates", () => {
  const ends = new Ends();
  afterEach(() => ends.run());

  async function scene(options: FlowOptions = {}) {
    const bench = await FlowBench.create(options);
    ends.add(() => bench.end());
    const device = new SimDevice({ mac: "02AB00000001" });
    const port = await BenchPort.open(device);
    ends.add(() => port.close());
    return { bench, device, port };
  }

  const notices = (run: FlowRun): readonly string[] =>
    run.events.flatMap(one => (one.event === "notice" ? [one.code] : []));

  it("an authority that was made a minute ago issues: the draft begins within its life", async () => {
    const from = new Date(Date.now() - MINUTE_MS);
    const issuer = await authority({ from, to: usualLife().to });
    const { bench, device, port } = await scene({ issuer });
    const result = await bench.run(port.address);
    assert.equal(result.outcome, "done", result.error?.what);
    const { certificates } = await assertSettled(bench.ledger, "unit-1", device, issuer.certificate);
    assert.equal(certificates[0]?.notBefore.getTime(), Date.parse(issuer.certificate.validFrom));
  });

  it("a clock in 2020 before the authority's life drafts nothing: its end would be years too early", async () => {
    const { bench, device, port } = await scene({ profile: { certificate: { days: 3650 } } });
    const early = await bench.run(port.address, { now: IN_2020 });
    assert.deepEqual([early.outcome, early.error?.code], ["failed", "certificate-dates"]);
    assert.match(early.error?.fix ?? "", /clock/);
    assert.equal((await bench.ledger.unit("unit-1"))?.draft, undefined);
    assert.equal((await bench.run(port.address)).outcome, "done");
    const { certificates } = await assertSettled(bench.ledger, "unit-1", device, bench.issuer.certificate);
    assert.ok((certificates[0]?.notAfter.getTime() ?? 0) > Date.now() + 3649 * DAY_MS);
  });

  for (const [days, why] of [
    [100, "it has ended long ago"],
    [3650, "it is valid now, but would end years too early"],
  ] as const)
    it(`a draft of a clock in 2020 is begun anew by the right clock: ${why}`, async () => {
      const issuer = await authority({ from: new Date("2019-01-01"), to: usualLife().to });
      const { bench, device, port } = await scene({ issuer, profile: { certificate: { days } } });
      await bench.killedAt("issuing", port.address, { now: IN_2020 });
      const old = (await bench.ledger.unit("unit-1"))?.draft;
      assert.equal(old?.notAfter.getTime(), IN_2020().getTime() + days * DAY_MS);
      const result = await bench.run(port.address);
      assert.equal(result.outcome, "done", result.error?.what);
      assert.deepEqual(
        notices(result).filter(code => code === "draft-refused"),
        ["draft-refused"],
      );
      const { certificates } = await assertSettled(bench.ledger, "unit-1", device, issuer.certificate);
      assert.equal(certificates.length, 1, "what was drafted was never issued");
      assert.ok((certificates[0]?.notAfter.getTime() ?? 0) > Date.now() + (days - 1) * DAY_MS);
    });

  it("a draft of yesterday is signed as it is: the same serial number, the same key", async () => {
    const { bench, device, port } = await scene();
    await bench.killedAt("issuing", port.address, { now: () => new Date(Date.now() - DAY_MS) });
    const number = (await bench.ledger.unit("unit-1"))?.draft?.serialNumber;
    assert.ok(number);
    const result = await bench.run(port.address);
    assert.deepEqual([result.outcome, notices(result)], ["done", []]);
    const { certificates } = await assertSettled(bench.ledger, "unit-1", device, bench.issuer.certificate);
    assert.equal(BigInt(`0x${certificates[0]?.serialNumber ?? "0"}`), BigInt(`0x${number}`));
    assert.equal(device.keys.made, 1);
  });

  it("a draft for an authority's former certificate is begun anew with the renewed one", async () => {
    const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    const { bench, device, port } = await scene({ issuer: await authority(usualLife(), key) });
    await bench.killedAt("issuing", port.address);
    const by = await authority(
      { from: new Date(Date.now() - MINUTE_MS), to: new Date(Date.now() + 9000 * DAY_MS) },
      key,
    );
    const renewed = { ...bench.recipe, chain: [by.certificate], issuer: { kind: "signs", by } } as const;
    const result = await bench.run(port.address, { recipe: renewed });
    assert.equal(result.outcome, "done", result.error?.what);
    const { certificates } = await assertSettled(bench.ledger, "unit-1", device, by.certificate);
    assert.deepEqual(
      certificates.map(({ issuer }) => issuer),
      [by.certificate.fingerprint256.replaceAll(":", "").toLowerCase()],
    );
    assert.ok(new X509Certificate(device.certificate ?? new Uint8Array()).checkIssued(by.certificate));
  });

  it("what is refused again after beginning anew is the error, and nothing is tried for ever", async () => {
    const gone = await authority({ from: new Date("2019-01-01"), to: new Date("2021-01-01") });
    const { bench, device, port } = await scene({ brokerCa: gone.certificate });
    const points: string[] = [];
    const by = watchedIssuer(bench.issuer, point => points.push(point));
    const result = await bench.run(port.address, {
      recipe: { ...bench.recipe, issuer: { kind: "signs", by } },
    });
    assert.deepEqual([result.outcome, result.error?.code], ["failed", "expired"]);
    assert.equal(points.filter(point => point === "before issue").length, 2);
    assert.deepEqual(await bench.certificates(), []);
    assert.equal(device.certificate, undefined);
    // And it is not broken by it.
    const mended = await bench.run(port.address, {
      recipe: { ...bench.recipe, brokerCa: bench.issuer.certificate },
    });
    assert.equal(mended.outcome, "done", mended.error?.what);
  });
});
