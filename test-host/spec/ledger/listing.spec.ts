import assert from "node:assert/strict";
import { UnitListError } from "../../../certs/units/list.js";
import { onBoth } from "./backends.js";
import { all, bring, STATION, taken, unit, units } from "./sample.js";
import type { Unit } from "../../../certs/units/unit.js";

onBoth("ledger: lists", bench => {
  it("adds what is not there yet, in the order of the lists", async () => {
    const ledger = await bench.open(await bench.place());
    assert.deepEqual(await ledger.tryList(units(3), "p", "a.csv"), { added: 3, known: 0 });
    assert.equal((await ledger.summary()).units, 0);
    assert.deepEqual(await ledger.list(units(3), "p", "a.csv"), { added: 3, known: 0 });
    await bring(ledger, await taken(ledger, "SN-2"), "done");
    assert.deepEqual(await ledger.tryList(units(5), "p", "b.csv"), { added: 2, known: 3 });
    assert.deepEqual(await ledger.list(units(5), "p", "b.csv"), { added: 2, known: 3 });
    const records = await all(ledger.units());
    assert.deepEqual(
      records.map(({ serial, position, state }) => [serial, position, state]),
      [1, 2, 3, 4, 5].map(n => [`SN-${n}`, n, n === 2 ? "done" : "listed"]),
    );
  });

  const there: readonly Unit[] = [
    unit("SN-1", { imei: "490154203237518", label: "one", variables: { site: "A" } }),
    unit("SN-2", { mac: "0011223344AA", clientId: "Client-2", line: 3 }),
  ];
  const faults: readonly (readonly [string, Unit, string])[] = [
    ["a serial in other letters", unit("sn-1"), "serial sn-1 is that of unit SN-1 in the ledger"],
    [
      "another's IMEI",
      unit("X", { imei: "490154203237518" }),
      "imei 490154203237518 is that of unit SN-1 in the ledger",
    ],
    [
      "another's MAC",
      unit("X", { mac: "0011223344AA" }),
      "mac 0011223344AA is that of unit SN-2 in the ledger",
    ],
    [
      "another's client id",
      unit("X", { clientId: "client-2" }),
      "client_id client-2 is that of unit SN-2 in the ledger",
    ],
    [
      "another label",
      unit("SN-1", { imei: "490154203237518", label: "two", variables: { site: "A" } }),
      'unit SN-1 is there with label "one"',
    ],
    [
      "another variable",
      unit("SN-1", { imei: "490154203237518", label: "one", variables: { site: "B" } }),
      'unit SN-1 is there with site "A"',
    ],
    [
      "a member that was not there",
      unit("SN-2", { mac: "0011223344AA", clientId: "Client-2", label: "new" }),
      "unit SN-2 is there with label empty",
    ],
  ];
  for (const [what, wrong, text] of faults)
    it(`refuses ${what} by its line, and adds nothing`, async () => {
      const ledger = await bench.open(await bench.place());
      await ledger.list(there, "p", "a.csv");
      const list = [unit("NEW", { line: 2 }), { ...wrong, line: 7 }];
      for (const how of ["tryList", "list"] as const)
        await assert.rejects(ledger[how](list, "p", "b.csv"), (error: unknown) => {
          assert.ok(error instanceof UnitListError);
          assert.deepEqual(error.faults, [{ line: 7, what: text }]);
          assert.equal(error.file, "b.csv");
          return true;
        });
      assert.equal((await ledger.summary()).units, 2);
      assert.equal((await ledger.verifyChain()).events, 2);
    });

  it("refuses units of another profile, and a list that repeats itself", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list(units(1), "p", "a.csv");
    await assert.rejects(ledger.list(units(1), "q", "b.csv"), /unit SN-1 is there with profile p/);
    await assert.rejects(
      ledger.list([unit("Z"), unit("z", { line: 3 })], "p", "b.csv"),
      /line 3: serial z is that of line 2/,
    );
  });

  it("refuses a list that names hardware which another unit was found with", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list(units(1), "p", "a.csv");
    await ledger.advance(await taken(ledger, "SN-1"), "begun", { hardware: { mac: "0011223344AA" } });
    await assert.rejects(ledger.list([unit("SN-2", { mac: "0011223344AA" })], "p", "b.csv"), UnitListError);
  });

  it("adds a list once when two stations bring it at the same time", async () => {
    const place = await bench.place();
    const [one, two] = await Promise.all([bench.open(place), bench.open(place)]);
    const listings = await Promise.all([
      one.list(units(300), "p", "a.csv"),
      two.list(units(300), "p", "a.csv"),
    ]);
    assert.deepEqual(listings.map(({ added }) => added).sort(), [0, 300]);
    assert.equal((await one.summary()).events, 300);
  });

  it("takes 10,000 units at once, and goes through them with flat memory while others write", async function () {
    this.timeout(60_000);
    const ledger = await bench.open(await bench.place());
    const list = units(10_000);
    const start = performance.now();
    await ledger.list(list, "p", "a.csv");
    await ledger.tryList(list, "p", "a.csv");
    // Measured: 0.5 s with SQLite, 1.2 s with PostgreSQL. A statement for each unit would take ten times that.
    assert.ok(performance.now() - start < 10_000);
    let seen = 0;
    let position = 0;
    for await (const record of ledger.units({ profile: "p" })) {
      assert.equal(record.position, ++position);
      if (++seen % 4000 === 0) await ledger.claim({ by: "serial", serial: record.serial }, STATION);
    }
    assert.equal(seen, 10_000);
    assert.equal((await all(ledger.events({ after: 9_990 }))).length, 12);
    assert.equal((await ledger.verifyChain()).fault, undefined);
  });

  it("finds units by what is asked for", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list(units(4), "p", "a.csv");
    await ledger.list(units(2, "Q-"), "q", "b.csv");
    await bring(ledger, await taken(ledger, "SN-2"), "done");
    const serials = async (query: Parameters<typeof ledger.units>[0]): Promise<readonly string[]> =>
      (await all(ledger.units(query))).map(({ serial }) => serial);
    assert.deepEqual(await serials({ profile: "q" }), ["Q-1", "Q-2"]);
    assert.deepEqual(await serials({ profile: "p", state: "listed" }), ["SN-1", "SN-3", "SN-4"]);
    assert.deepEqual(await serials({ serial: "SN-3" }), ["SN-3"]);
    assert.deepEqual(await serials({ failed: true }), []);
    assert.equal((await serials({ failed: false })).length, 6);
  });

  it("gives certificates of a unit oldest first, and of all by unit", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list(units(3), "p", "a.csv");
    for (const [serial, name] of [
      ["SN-3", "a"],
      ["SN-1", "b"],
    ] as const) {
      const claim = await ledger.restart(
        await bring(ledger, await taken(ledger, serial), "issued", { name }),
        "why",
      );
      await bring(ledger, claim, "done", { name: `${name} again` });
    }
    const found = await all(ledger.certificates());
    assert.deepEqual(
      found.map(({ unit: of, fate }) => [of, fate]),
      [
        ["SN-1", "abandoned"],
        ["SN-1", "active"],
        ["SN-3", "abandoned"],
        ["SN-3", "active"],
      ],
    );
    assert.deepEqual(await all(ledger.certificates("SN-3")), found.slice(2));
  });
});
