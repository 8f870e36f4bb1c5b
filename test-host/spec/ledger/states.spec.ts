import assert from "node:assert/strict";
import { UNIT_STATES, type Advance, type UnitState } from "../../../certs/ledger/ledger.js";
import { onBoth } from "./backends.js";
import {
  all,
  bring,
  bytesOf,
  certificateOf,
  changesOf,
  Clock,
  DEVICE_WAY,
  draftOf,
  OTHER,
  sha256,
  STATION,
  taken,
  unit,
  units,
} from "./sample.js";

/** Ways of units, by what they are. */
const WAYS: Readonly<Record<string, readonly UnitState[]>> = {
  "a device that makes its key and shakes hands": DEVICE_WAY,
  "a device without a broker on the line": DEVICE_WAY.filter(state => state !== "connected"),
  "a modem that cannot sign": ["begun", "keyed", "issuing", "issued", "written", "used", "connected", "done"],
  "an image": ["begun", "keyed", "issuing", "issued", "written", "done"],
  "an image whose key signed": ["begun", "keyed", "issuing", "issued", "written", "proved", "done"],
  "issuing outside": ["begun", "keyed", "requested", "issued", "written", "proved", "used", "done"],
};

/** Steps that are not refused: everything else is. Written down here again, from docs/ledger.md. */
const STEPS = new Set(
  `listed-begun begun-keyed keyed-requested keyed-issuing requested-issued issuing-issued issued-written written-proved
   written-used written-done proved-used proved-done used-connected used-done connected-done`.split(/\s+/),
);

onBoth("ledger: states", bench => {
  for (const [who, way] of Object.entries(WAYS))
    it(`lets ${who} go its way`, async () => {
      const ledger = await bench.open(await bench.place());
      await ledger.list([unit("SN-1")], "p", "units.csv");
      const done = await bring(ledger, await taken(ledger, "SN-1"), "done", { way });
      assert.equal(done.unit.state, "done");
      const record = await ledger.unit("SN-1");
      assert.deepEqual(record, done.unit);
      assert.equal(record.certificate, certificateOf("SN-1").sha256);
      assert.equal(record.draft, undefined);
      assert.equal(record.claim, undefined);
      assert.equal((await ledger.certificate(certificateOf("SN-1").sha256))?.fate, "active");
      const events = (await all(ledger.events({ unit: "SN-1" }))).map(({ event }) => event);
      assert.deepEqual(events, ["listed", "claimed", ...way]);
    });

  it("refuses every other step, the same state again among them", async () => {
    const ledger = await bench.open(await bench.place());
    const wayTo = (state: UnitState): readonly UnitState[] =>
      Object.values(WAYS).find(way => way.includes(state)) ?? [];
    for (const from of UNIT_STATES) {
      if (from === "revoked") continue;
      await ledger.list([unit(from)], "p", "units.csv");
      let claim = await taken(ledger, from);
      claim = await bring(ledger, claim, from, { way: wayTo(from) });
      if (from === "done") claim = await taken(ledger, from);
      for (const to of UNIT_STATES) {
        if (STEPS.has(`${from}-${to}`)) continue;
        await assert.rejects(
          ledger.advance(claim, to, changesOf(to, `${from} ${to}`)),
          { code: "order" },
          `${from} ${to}`,
        );
      }
      assert.equal((await ledger.unit(from))?.state, from);
    }
  });

  const incomplete: readonly (readonly [string, UnitState, UnitState, Advance, string])[] = [
    ["keyed without a key", "begun", "keyed", {}, "order"],
    ["requested without a request", "keyed", "requested", {}, "order"],
    ["a request before keyed", "listed", "begun", changesOf("requested", "SN-1"), "order"],
    [
      "a request with issuing",
      "keyed",
      "issuing",
      { ...changesOf("issuing", "SN-1"), ...changesOf("requested", "SN-1") },
      "order",
    ],
    ["issuing without a draft", "keyed", "issuing", {}, "order"],
    ["issued without a certificate", "issuing", "issued", {}, "order"],
    ["a key before keyed", "listed", "begun", changesOf("keyed", "SN-1"), "order"],
    ["a draft for another key", "keyed", "issuing", { draft: draftOf("x") }, "conflict"],
    [
      "a certificate that was not drafted",
      "issuing",
      "issued",
      { certificate: { ...certificateOf("SN-1"), serialNumber: "77" } },
      "conflict",
    ],
    ["a certificate for another key", "issuing", "issued", { certificate: certificateOf("x") }, "conflict"],
    [
      "a certificate with a wrong digest",
      "issuing",
      "issued",
      { certificate: { ...certificateOf("SN-1"), sha256: sha256("x") } },
      "order",
    ],
  ];
  for (const [what, from, to, changes, code] of incomplete)
    it(`refuses ${what}`, async () => {
      const ledger = await bench.open(await bench.place());
      await ledger.list([unit("SN-1")], "p", "units.csv");
      const claim = await bring(ledger, await taken(ledger, "SN-1"), from);
      await assert.rejects(ledger.advance(claim, to, changes), { code });
      assert.equal((await ledger.unit("SN-1"))?.state, from);
    });

  it("keeps what came with a state as it was given", async () => {
    const clock = new Clock();
    const ledger = await bench.open(await bench.place(), { now: clock.now });
    await ledger.list([unit("SN-1", { label: "é 日本", variables: { site: "x" } })], "p", "units.csv");
    let claim = await taken(ledger, "SN-1");
    const hardware = { mac: "0011223344AA", module: "BG95-M3", firmware: "1.2" };
    claim = await ledger.advance(claim, "begun", { hardware });
    claim = await bring(ledger, claim, "keyed");
    clock.pass(1000);
    claim = await ledger.advance(claim, "issuing", { draft: draftOf("SN-1") });
    const record = await ledger.unit("SN-1");
    assert.deepEqual(record, claim.unit);
    assert.deepEqual(record.draft, draftOf("SN-1"));
    assert.deepEqual(record.hardware, hardware);
    assert.equal(record.label, "é 日本");
    assert.deepEqual(record.variables, { site: "x" });
    assert.equal(record.stateAt.toISOString(), "2026-03-01T08:00:01.000Z");
    await ledger.advance(claim, "issued", { certificate: certificateOf("SN-1") });
    const kept = await ledger.certificate(certificateOf("SN-1").sha256);
    assert.deepEqual(kept, { ...certificateOf("SN-1"), unit: "SN-1", fate: "issued", fateAt: clock.now() });
  });

  it("keeps a request while its unit is away, and goes on from it", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list([unit("SN-1")], "p", "units.csv");
    const way: readonly UnitState[] = ["begun", "keyed", "requested", "issued"];
    const claim = await bring(ledger, await taken(ledger, "SN-1"), "requested", { way });
    await ledger.release(claim);
    const again = await taken(ledger, "SN-1", OTHER);
    assert.deepEqual(again.unit.request, bytesOf("request of SN-1"));
    assert.equal((await bring(ledger, again, "issued", { way })).unit.state, "issued");
  });

  // Once such a key is in its unit nothing can sign with it: its request was lost with the process that had made both.
  it("keeps the request that was signed when the key was made, until it is sent and issued", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list([unit("SN-1")], "p", "units.csv");
    let claim = await bring(ledger, await taken(ledger, "SN-1"), "begun");
    const request = bytesOf("request of SN-1");
    claim = await ledger.advance(claim, "keyed", { ...changesOf("keyed", "SN-1"), request });
    await ledger.release(claim);
    claim = await taken(ledger, "SN-1", OTHER);
    assert.deepEqual(claim.unit.request, request);
    claim = await ledger.advance(claim, "requested", { request: undefined });
    assert.deepEqual((await ledger.unit("SN-1"))?.request, request);
    claim = await ledger.advance(claim, "issued", changesOf("issued", "SN-1"));
    assert.equal(claim.unit.state, "issued");
    assert.equal((await ledger.verifyChain()).fault, undefined);
  });

  it("begins again from requested, for any reason", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list([unit("SN-1")], "p", "units.csv");
    const way = ["begun", "keyed", "requested"] as const;
    const claim = await bring(ledger, await taken(ledger, "SN-1"), "requested", { way });
    const { unit: record } = await ledger.restart(claim, "the authority has refused it");
    assert.deepEqual([record.state, record.request, record.keySha256], ["begun", undefined, undefined]);
  });

  for (const state of ["begun", "keyed", "issuing", "issued", "written", "proved", "used"] as const)
    it(`begins again from ${state}, and gives up what was made`, async () => {
      const ledger = await bench.open(await bench.place());
      await ledger.list([unit("SN-1")], "p", "units.csv");
      const claim = await ledger.restart(
        await bring(ledger, await taken(ledger, "SN-1"), state),
        "key is gone",
      );
      const { keySha256, request, draft, certificate, proofs, generation } = claim.unit;
      assert.deepEqual(
        { keySha256, request, draft, certificate, proofs },
        { keySha256: undefined, request: undefined, draft: undefined, certificate: undefined, proofs: [] },
      );
      assert.equal(claim.unit.state, "begun");
      assert.equal(generation, 1);
      const before = await all(ledger.certificates("SN-1"));
      assert.ok(before.every(({ fate }) => fate === "abandoned"));
      await bring(ledger, claim, "done", { name: "second" });
      const fates = (await all(ledger.certificates("SN-1"))).map(({ fate }) => fate);
      assert.deepEqual(fates, [...before.map(() => "abandoned"), "active"]);
    });

  for (const state of ["listed", "connected", "done"] as const)
    it(`does not begin again from ${state}`, async () => {
      const ledger = await bench.open(await bench.place());
      await ledger.list([unit("SN-1")], "p", "units.csv");
      let claim = await bring(ledger, await taken(ledger, "SN-1"), state);
      if (state === "done") claim = await taken(ledger, "SN-1");
      await assert.rejects(ledger.restart(claim, "why not"), { code: "order" });
    });

  it("refuses a key that another unit ever had", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list(units(2), "p", "units.csv");
    await ledger.restart(
      await bring(ledger, await taken(ledger, "SN-1"), "keyed", { name: "same" }),
      "erased",
    );
    const claim = await bring(ledger, await taken(ledger, "SN-2", OTHER), "begun");
    await assert.rejects(ledger.advance(claim, "keyed", changesOf("keyed", "same")), {
      code: "conflict",
      what: "unit SN-2 has the key of unit SN-1",
    });
  });

  it("refuses the key of a former generation, and takes it again after a restart", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list([unit("SN-1")], "p", "units.csv");
    let claim = await bring(ledger, await taken(ledger, "SN-1"), "keyed");
    claim = await ledger.restart(claim, "line was cut");
    await bring(ledger, claim, "done");
    await ledger.revoke("SN-1", { reason: "superseded", replace: true, station: "office" });
    claim = await bring(ledger, await taken(ledger, "SN-1"), "begun");
    await assert.rejects(ledger.advance(claim, "keyed", changesOf("keyed", "SN-1")), { code: "conflict" });
  });

  it("refuses a certificate, and a serial number of the same issuer, that are there", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list(units(2), "p", "units.csv");
    await bring(ledger, await taken(ledger, "SN-1"), "issued");
    let claim = await bring(ledger, await taken(ledger, "SN-2", OTHER), "keyed");
    const draft = { ...draftOf("SN-2"), serialNumber: draftOf("SN-1").serialNumber };
    claim = await ledger.advance(claim, "issuing", { draft });
    const certificate = { ...certificateOf("SN-2"), serialNumber: draft.serialNumber };
    await assert.rejects(ledger.advance(claim, "issued", { certificate }), {
      code: "conflict",
      what: "unit SN-2 was given a certificate with the serial number of one of unit SN-1 (issued)",
    });
    assert.equal((await all(ledger.certificates())).length, 1);
  });

  it("refuses a MAC that another unit is listed with or was found with", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list([unit("SN-1", { mac: "0011223344AA" }), ...units(2, "B-")], "p", "units.csv");
    await ledger.advance(await taken(ledger, "B-1"), "begun", { hardware: { mac: "0011223344BB" } });
    const claim = await taken(ledger, "B-2", OTHER);
    for (const mac of ["0011223344AA", "0011223344BB"])
      await assert.rejects(ledger.advance(claim, "begun", { hardware: { mac } }), { code: "conflict" });
  });

  it("refuses hardware that is not what the list says", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list([unit("SN-1", { imei: "490154203237518" })], "p", "units.csv");
    const claim = await taken(ledger, "SN-1");
    await assert.rejects(ledger.advance(claim, "begun", { hardware: { imei: "352099001761481" } }), {
      code: "conflict",
    });
  });

  it("tells a change whose answer was lost from a second one", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list([unit("SN-1")], "p", "units.csv");
    let before = await bring(ledger, await taken(ledger, "SN-1"), "begun");
    for (const to of DEVICE_WAY.slice(1)) {
      const changes = changesOf(to, "SN-1");
      const after = await ledger.advance(before, to, changes);
      const events = (await ledger.summary()).events;
      // The caller never saw `after`, and tries again with what it has.
      assert.deepEqual(await ledger.advance(before, to, changes), after);
      assert.equal((await ledger.summary()).events, events);
      await assert.rejects(
        ledger.advance(before, to, { ...changes, data: { other: "1" } }),
        /order|cannot go|no longer/,
      );
      if (to !== "done") await assert.rejects(ledger.advance(after, to, changes), { code: "order" });
      before = after;
    }
  });

  it("tells a restart and a failure whose answers were lost", async () => {
    const clock = new Clock();
    const ledger = await bench.open(await bench.place(), { now: clock.now });
    await ledger.list([unit("SN-1")], "p", "units.csv");
    const before = await bring(ledger, await taken(ledger, "SN-1"), "issued");
    clock.pass(10);
    const after = await ledger.restart(before, "why");
    const { events } = await ledger.summary();
    assert.deepEqual(await ledger.restart(before, "why"), after);
    assert.equal((await ledger.summary()).events, events);
    await ledger.fail(after, { code: "silent", what: "nothing" });
    await ledger.fail(after, { code: "silent", what: "nothing" });
    assert.equal((await ledger.summary()).events, events + 1);
    await assert.rejects(ledger.fail(after, { code: "other", what: "nothing" }), { code: "claim-lost" });
  });

  it("revokes and replaces: the former certificate stays revoked, the new one is active", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list([unit("SN-1")], "p", "units.csv");
    await bring(ledger, await taken(ledger, "SN-1"), "done");
    const revoked = await ledger.revoke("SN-1", {
      reason: "keyCompromise",
      replace: true,
      station: "office",
    });
    assert.equal(revoked?.fate, "revoked");
    assert.equal(revoked.reason, "keyCompromise");
    const again = await taken(ledger, "SN-1");
    assert.equal(again.unit.generation, 2);
    assert.equal(again.unit.state, "listed");
    await bring(ledger, again, "done", { name: "second" });
    assert.deepEqual(
      (await all(ledger.certificates("SN-1"))).map(({ fate }) => fate),
      ["revoked", "active"],
    );
  });

  it("revokes without a replacement, and replaces later", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list([unit("SN-1")], "p", "units.csv");
    await bring(ledger, await taken(ledger, "SN-1"), "done");
    const station = "office";
    await ledger.revoke("SN-1", { reason: "cessationOfOperation", replace: false, station });
    assert.equal((await ledger.unit("SN-1"))?.state, "revoked");
    await assert.rejects(ledger.revoke("SN-1", { reason: "unspecified", replace: false, station }), {
      code: "revoked",
    });
    const certificate = await ledger.revoke("SN-1", { reason: "unspecified", replace: true, station });
    assert.equal(certificate?.reason, "cessationOfOperation");
    const record = await ledger.unit("SN-1");
    assert.equal(record?.state, "listed");
    assert.equal(record.generation, 2);
  });

  // A unit whose certificate was waited for in vain could not be given up.
  for (const [state, way] of [
    ["begun", DEVICE_WAY],
    ["keyed", DEVICE_WAY],
    ["requested", WAYS["issuing outside"]],
    ["issuing", DEVICE_WAY],
  ] as const)
    it(`gives up a unit that is ${state}, and begins it anew as the next generation`, async () => {
      const ledger = await bench.open(await bench.place());
      await ledger.list([unit("SN-1")], "p", "units.csv");
      const options = way === undefined ? {} : { way };
      const left = await bring(ledger, await taken(ledger, "SN-1"), state, options);
      const how = { reason: "affiliationChanged", replace: true, station: "office" } as const;
      await assert.rejects(ledger.revoke("SN-1", { ...how, replace: false }), { code: "no-certificate" });
      await assert.rejects(ledger.revoke("SN-1", how), { code: "ledger-busy" });
      await ledger.release(left);
      assert.equal(await ledger.revoke("SN-1", how), undefined);
      const record = await ledger.unit("SN-1");
      assert.deepEqual(
        [record?.state, record?.generation, record?.keySha256, record?.request, record?.draft],
        ["listed", 2, undefined, undefined, undefined],
      );
      const { events } = await ledger.summary();
      const last = (await all(ledger.events({ unit: "SN-1" }))).at(-1);
      assert.deepEqual([last?.event, last?.station], ["listed", "office"]);
      assert.deepEqual(last?.data, {
        from: state,
        generation: "2",
        ...(state === "begun" ? undefined : { key: left.unit.keySha256 }),
        reason: "affiliationChanged",
      });
      // The answer was lost.
      assert.equal(await ledger.revoke("SN-1", how), undefined);
      assert.equal((await ledger.summary()).events, events);
      await bring(ledger, await taken(ledger, "SN-1"), "done", { name: "second" });
      assert.equal((await ledger.verifyChain()).fault, undefined);
    });

  it("gives up a replacement that is under way, and leaves the former certificate revoked", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list([unit("SN-1")], "p", "units.csv");
    await bring(ledger, await taken(ledger, "SN-1"), "done");
    const how = { reason: "superseded", replace: true, station: "office" } as const;
    await ledger.revoke("SN-1", how);
    await ledger.release(await bring(ledger, await taken(ledger, "SN-1"), "keyed", { name: "second" }));
    assert.equal(await ledger.revoke("SN-1", how), undefined);
    assert.equal((await ledger.unit("SN-1"))?.generation, 3);
    assert.deepEqual(
      (await all(ledger.certificates("SN-1"))).map(({ fate }) => fate),
      ["revoked"],
    );
    assert.equal((await ledger.verifyChain()).fault, undefined);
  });

  it("revokes nothing where nothing was issued or a station works", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list(units(2), "p", "units.csv");
    const how = { reason: "unspecified", replace: false, station: "office" } as const;
    await assert.rejects(ledger.revoke("SN-1", how), { code: "no-certificate" });
    await assert.rejects(ledger.revoke("SN-9", how), { code: "unknown-unit" });
    await bring(ledger, await taken(ledger, "SN-2"), "written");
    await assert.rejects(ledger.revoke("SN-2", how), { code: "ledger-busy" });
  });

  it("removes a failure with success, and counts it until then", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list(units(3), "p", "units.csv");
    await ledger.fail(await taken(ledger, "SN-1", STATION), { code: "silent", what: "no answer" });
    await ledger.fail(await taken(ledger, "SN-2", STATION), { code: "silent", what: "no answer" });
    let summary = await ledger.summary("p");
    assert.deepEqual([summary.failed, summary.byFailure, summary.byState], [2, { silent: 2 }, { listed: 3 }]);
    assert.deepEqual(
      (await all(ledger.units({ failed: true }))).map(({ serial }) => serial),
      ["SN-1", "SN-2"],
    );
    await bring(ledger, await taken(ledger, "SN-1"), "done");
    summary = await ledger.summary("p");
    assert.deepEqual(
      [summary.failed, summary.byState, summary.certificates],
      [1, { listed: 2, done: 1 }, { active: 1 }],
    );
    assert.equal((await ledger.summary("other")).units, 0);
  });
});
