import assert from "node:assert/strict";
import { onBoth } from "./backends.js";
import { all, bring, changesOf, Clock, OTHER, STATION, taken, unit, units } from "./sample.js";

const SECOND_PORT = { ...STATION, port: "/dev/ttyUSB1" };

onBoth("ledger: claims", bench => {
  it("gives the units of a list in its order, each to one place", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list(units(3), "p", "units.csv");
    const serials: (string | undefined)[] = [];
    for (const at of [STATION, SECOND_PORT, OTHER, { station: "bench-3", port: "x" }])
      serials.push((await ledger.claim({ by: "next", profile: "p" }, at))?.unit.serial);
    assert.deepEqual(serials, ["SN-1", "SN-2", "SN-3", undefined]);
  });

  it("gives a place what it had left, before anything else", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list(units(3), "p", "units.csv");
    const wanted = { by: "next", profile: "p" } as const;
    await ledger.claim(wanted, OTHER);
    const left = await ledger.claim(wanted, STATION);
    assert.ok(left);
    await bring(ledger, left, "issuing");
    const again = await ledger.claim(wanted, STATION);
    assert.equal(again?.unit.serial, "SN-2");
    assert.equal(again.unit.state, "issuing");
    await assert.rejects(ledger.renew(left), { code: "claim-lost" });
  });

  // It got the certificate of the first board, and there were two of the same unit.
  for (const state of ["issued", "written", "proved", "used", "connected"] as const)
    it(`does not make another board at the same port the double of one that is ${state}`, async () => {
      const ledger = await bench.open(await bench.place());
      await ledger.list(units(2), "p", "units.csv");
      const wanted = { by: "next", profile: "p" } as const;
      const first = await ledger.claim(wanted, STATION);
      assert.ok(first);
      await bring(ledger, first, state);
      assert.equal((await ledger.claim(wanted, STATION))?.unit.serial, "SN-2");
    });

  it("does not give a replaced unit to another board at the port where it was left", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list(units(2), "p", "units.csv");
    await bring(ledger, await taken(ledger, "SN-1"), "done");
    await ledger.revoke("SN-1", { reason: "superseded", replace: true, station: "office" });
    await taken(ledger, "SN-1");
    assert.equal((await ledger.claim({ by: "next", profile: "p" }, STATION))?.unit.serial, "SN-2");
  });

  // SQLite has the stations' own clocks. One that was a year ahead kept its units from all others for a year.
  const YEAR_MS = 365 * 86_400_000;
  const ways = {
    "by its serial": { by: "serial", serial: "SN-1" },
    "as the next": { by: "next", profile: "p" },
  } as const;
  for (const [how, wanted] of Object.entries(ways))
    it(`ends the claim of a station whose clock was ahead in due time: a unit that is wanted ${how}`, async () => {
      const place = await bench.place();
      const [clock, ahead] = [new Clock(), new Clock()];
      ahead.pass(YEAR_MS);
      const other = await bench.open(place, { now: ahead.now, claimMs: 1000 });
      await other.list(units(1), "p", "units.csv");
      await taken(other, "SN-1");
      const ledger = await bench.open(place, { now: clock.now, claimMs: 1000 });
      assert.equal(await ledger.claim(wanted, OTHER), undefined);
      clock.pass(999);
      assert.equal(await ledger.claim(wanted, OTHER), undefined);
      clock.pass(1);
      assert.equal((await ledger.claim(wanted, OTHER))?.unit.serial, "SN-1");
    });

  it("ends a claim from a clock that was ahead for a revocation, too", async () => {
    const place = await bench.place();
    const [clock, ahead] = [new Clock(), new Clock()];
    ahead.pass(YEAR_MS);
    const other = await bench.open(place, { now: ahead.now, claimMs: 1000 });
    await other.list(units(1), "p", "units.csv");
    await bring(other, await taken(other, "SN-1"), "issued");
    const ledger = await bench.open(place, { now: clock.now, claimMs: 1000 });
    const how = { reason: "keyCompromise", replace: false, station: "office" } as const;
    await assert.rejects(ledger.revoke("SN-1", how), { code: "ledger-busy" });
    clock.pass(1000);
    assert.equal((await ledger.revoke("SN-1", how))?.fate, "revoked");
  });

  it("leaves a unit to a station whose clock is ahead while it works on it", async () => {
    const place = await bench.place();
    const [clock, ahead] = [new Clock(), new Clock()];
    ahead.pass(YEAR_MS);
    const other = await bench.open(place, { now: ahead.now, claimMs: 1000 });
    await other.list(units(1), "p", "units.csv");
    const claim = await taken(other, "SN-1");
    const ledger = await bench.open(place, { now: clock.now, claimMs: 1000 });
    for (let turn = 0; turn < 4; turn++) {
      assert.equal(await ledger.claim({ by: "serial", serial: "SN-1" }, OTHER), undefined);
      clock.pass(900);
      ahead.pass(900);
      await other.renew(claim);
    }
  });

  it("passes over units that are bound to hardware, replaced, of other profiles, or under way elsewhere", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list([unit("named", { mac: "0011223344AA" }), ...units(4)], "p", "units.csv");
    await ledger.list([unit("other")], "q", "others.csv");
    const begun = await ledger.advance(await taken(ledger, "SN-1"), "begun", {
      hardware: { imei: "490154203237518" },
    });
    await ledger.release(begun);
    await bring(ledger, await taken(ledger, "SN-2"), "done");
    await ledger.revoke("SN-2", { reason: "superseded", replace: true, station: "office" });
    await ledger.release(await bring(ledger, await taken(ledger, "SN-3"), "keyed"));
    const next = await ledger.claim({ by: "next", profile: "p" }, OTHER);
    assert.equal(next?.unit.serial, "SN-4");
  });

  it("gives a unit again whose claim has run out, but only before its key was made", async () => {
    const clock = new Clock();
    const ledger = await bench.open(await bench.place(), { now: clock.now, claimMs: 1000 });
    await ledger.list(units(2), "p", "units.csv");
    await bring(ledger, await taken(ledger, "SN-1"), "keyed");
    await bring(ledger, await taken(ledger, "SN-2", SECOND_PORT), "begun");
    assert.equal(await ledger.claim({ by: "next", profile: "p" }, OTHER), undefined);
    clock.pass(1000);
    assert.equal((await ledger.claim({ by: "next", profile: "p" }, OTHER))?.unit.serial, "SN-2");
  });

  it("does not give a named unit away that another place works on, until its claim runs out", async () => {
    const clock = new Clock();
    const ledger = await bench.open(await bench.place(), { now: clock.now, claimMs: 1000 });
    await ledger.list(units(1), "p", "units.csv");
    const first = await taken(ledger, "SN-1");
    assert.deepEqual(first.unit.claim, { ...STATION, until: new Date(clock.now().getTime() + 1000) });
    for (const at of [OTHER, SECOND_PORT])
      assert.equal(await ledger.claim({ by: "serial", serial: "SN-1" }, at), undefined);
    clock.pass(900);
    await ledger.renew(first);
    clock.pass(900);
    assert.equal(await ledger.claim({ by: "serial", serial: "SN-1" }, OTHER), undefined);
    clock.pass(100);
    assert.ok(await ledger.claim({ by: "serial", serial: "SN-1" }, OTHER));
  });

  it("knows no unit that is not in it", async () => {
    const ledger = await bench.open(await bench.place());
    for (const by of ["serial", "identity"] as const)
      assert.equal(await ledger.claim({ by, serial: "SN-1" }, STATION), undefined);
  });

  it("lets a station work on after its claim has run out, while nobody took it", async () => {
    const clock = new Clock();
    const ledger = await bench.open(await bench.place(), { now: clock.now, claimMs: 1000 });
    await ledger.list(units(1), "p", "units.csv");
    let claim = await taken(ledger, "SN-1");
    clock.pass(5000);
    claim = await ledger.advance(claim, "begun");
    assert.equal(claim.unit.claim?.until.getTime(), clock.now().getTime() + 1000);
  });

  it("takes over for a station that has the unit itself, and refuses the former everything", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list(units(1), "p", "units.csv");
    const former = await bring(ledger, await taken(ledger, "SN-1"), "keyed");
    const claim = await ledger.claim({ by: "identity", serial: "SN-1" }, OTHER);
    assert.equal(claim?.unit.state, "keyed");
    const { events } = await ledger.summary();
    const lost = { code: "claim-lost" };
    await assert.rejects(ledger.advance(former, "issuing", changesOf("issuing", "SN-1")), lost);
    await assert.rejects(ledger.restart(former, "why"), lost);
    await assert.rejects(ledger.renew(former), lost);
    await assert.rejects(ledger.fail(former, { code: "silent", what: "x" }), lost);
    await ledger.release(former);
    assert.equal((await ledger.summary()).events, events);
    const last = (await all(ledger.events({ unit: "SN-1" }))).at(-1);
    assert.equal(last?.event, "taken-over");
    assert.equal(last.data["from"], STATION.station);
    await ledger.advance(claim, "issuing", changesOf("issuing", "SN-1"));
  });

  it("ends a claim with its release, with a failure, and with done", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list(units(1), "p", "units.csv");
    const ends = [
      (claim: Parameters<typeof ledger.release>[0]) => ledger.release(claim),
      (claim: Parameters<typeof ledger.release>[0]) => ledger.fail(claim, { code: "silent", what: "x" }),
      async (claim: Parameters<typeof ledger.release>[0]) => {
        await bring(ledger, claim, "done");
      },
    ];
    for (const end of ends) {
      await end(await taken(ledger, "SN-1"));
      assert.equal((await ledger.unit("SN-1"))?.claim, undefined);
      const other = await taken(ledger, "SN-1", OTHER);
      await ledger.release(other);
    }
    assert.equal((await ledger.unit("SN-1"))?.attempts, 6);
  });

  it("finds a unit by each thing that it is known by, former ones too", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list([unit("SN-1", { imei: "490154203237518" })], "p", "units.csv");
    const mac = "0011223344AA";
    const begun = await ledger.advance(await taken(ledger, "SN-1"), "begun", { hardware: { mac } });
    const done = await bring(ledger, begun, "done");
    await ledger.revoke("SN-1", { reason: "superseded", replace: true, station: "office" });
    const { keySha256, certificate } = done.unit;
    for (const identity of [
      { mac },
      { imei: "490154203237518" },
      { keySha256 },
      { certificate },
      { mac, keySha256, certificate },
    ])
      assert.equal((await ledger.identify(identity))?.serial, "SN-1");
    assert.equal(await ledger.identify({ mac: "0011223344BB" }), undefined);
    assert.equal(await ledger.identify({}), undefined);
  });

  it("says so when what is at a port is several units at once", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list([unit("SN-1", { mac: "0011223344AA" }), unit("SN-2")], "p", "units.csv");
    const { keySha256 } = (await bring(ledger, await taken(ledger, "SN-2"), "keyed")).unit;
    await assert.rejects(ledger.identify({ mac: "0011223344AA", keySha256 }), {
      code: "identity-conflict",
      what: "what is at this port is several units at once: by its key SN-2, by its MAC SN-1",
    });
  });

  it("gives every unit to one of eight ports that ask at once", async () => {
    const place = await bench.place();
    const stations = await Promise.all([bench.open(place), bench.open(place)]);
    await stations[0].list(units(40), "p", "units.csv");
    const given: string[] = [];
    const work = async (ledger: (typeof stations)[0], station: string, port: string): Promise<void> => {
      for (;;) {
        const claim = await ledger.claim({ by: "next", profile: "p" }, { station, port });
        if (claim === undefined) return;
        given.push(claim.unit.serial);
        await bring(ledger, claim, "done");
      }
    };
    await Promise.all(
      stations.flatMap((ledger, index) =>
        ["1", "2", "3", "4"].map(port => work(ledger, `bench-${index}`, port)),
      ),
    );
    assert.equal(new Set(given).size, given.length);
    const { byState } = await stations[0].summary();
    assert.deepEqual(byState, { done: 40 });
    assert.equal((await stations[1].verifyChain()).fault, undefined);
  });
});
