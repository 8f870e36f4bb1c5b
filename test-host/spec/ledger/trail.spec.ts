import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import type { AuditEvent } from "../../../certs/ledger/ledger.js";
import { onBoth } from "./backends.js";
import { all, bring, bytesOf, certificateOf, changesOf, sha256, taken, unit, units } from "./sample.js";

/** The canonical form, written down here again from docs/ledger.md. */
function rehashed(event: AuditEvent, changes: Partial<AuditEvent>): string {
  const { sequence, at, station, unit: of, event: name, data, previous } = { ...event, ...changes };
  const ordered = Object.fromEntries(Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1)));
  return sha256(JSON.stringify([sequence, at.toISOString(), station, of, name, ordered, previous]));
}

interface Tampering {
  readonly sql: (events: readonly AuditEvent[]) => string;
  readonly fault: RegExp;
}

function at(events: readonly AuditEvent[], sequence: number): AuditEvent {
  const event = events[sequence - 1];
  if (event === undefined) throw new Error(`no event ${sequence}`);
  return event;
}

const set = (column: string, value: string, sequence: number): Tampering["sql"] => {
  return () => `UPDATE events SET ${column} = '${value}' WHERE sequence = ${sequence}`;
};

const TAMPERINGS: Readonly<Record<string, Tampering>> = {
  "other data": { sql: set("data", '{"port":"x"}', 3), fault: /^event 3 \(claimed of SN-1\) was changed/ },
  "data that is no JSON": { sql: set("data", "none", 3), fault: /^event 3 was changed/ },
  "another time": {
    sql: set("at", "2026-03-01T08:00:00.001Z", 4),
    fault: /^event 4 \(begun of SN-1\) was changed/,
  },
  "no time": { sql: set("at", "yesterday", 4), fault: /^event 4 was changed/ },
  "another station": { sql: set("station", "bench-9", 4), fault: /^event 4 .* was changed/ },
  "another unit": { sql: set("unit", "SN-2", 4), fault: /^event 4 \(begun of SN-2\) was changed/ },
  "another event": { sql: set("event", "done", 4), fault: /^event 4 \(done of SN-1\) was changed/ },
  "another hash": { sql: set("hash", "f".repeat(64), 4), fault: /^event 4 .* was changed/ },
  "another event before": { sql: set("previous", "f".repeat(64), 4), fault: /^event 4 .* was changed/ },
  "an event with a new hash that fits it": {
    sql: events =>
      `UPDATE events SET station = 'x', hash = '${rehashed(at(events, 4), { station: "x" })}' WHERE sequence = 4`,
    fault: /^event 5 \(keyed of SN-1\) does not follow event 4/,
  },
  "an event that was removed": {
    sql: () => "DELETE FROM events WHERE sequence = 4",
    fault: /^event 4 was removed$/,
  },
  "several that were removed": {
    sql: () => "DELETE FROM events WHERE sequence IN (4, 5)",
    fault: /^events 4 to 5 were removed$/,
  },
  "the first one removed": {
    sql: () => "DELETE FROM events WHERE sequence = 1",
    fault: /^event 1 was removed$/,
  },
  "the last one removed": {
    sql: events => `DELETE FROM events WHERE sequence = ${events.length}`,
    fault: /^event 8, the last one, was removed$/,
  },
  "all removed": { sql: () => "DELETE FROM events", fault: /^events 1 to 8, the last ones, were removed$/ },
  "two in each other's place": {
    sql: () =>
      "UPDATE events SET sequence = 99 WHERE sequence = 4; UPDATE events SET sequence = 4 WHERE sequence = 5; UPDATE events SET sequence = 5 WHERE sequence = 99",
    fault: /^event 4 \(keyed of SN-1\) was changed/,
  },
  "one that was removed, and the others moved up": {
    sql: () =>
      "DELETE FROM events WHERE sequence = 4; UPDATE events SET sequence = sequence + 100 WHERE sequence > 4; UPDATE events SET sequence = sequence - 101 WHERE sequence > 100",
    fault: /^event 4 \(keyed of SN-1\) was changed/,
  },
  "one that was put between": {
    sql: events => {
      const event = at(events, 4);
      const hash = rehashed(event, { event: "erased", sequence: 4 });
      return `UPDATE events SET sequence = sequence + 100 WHERE sequence >= 4;
        UPDATE events SET sequence = sequence - 99 WHERE sequence > 100;
        INSERT INTO events VALUES (4, '${event.at.toISOString()}', '${event.station}', '${event.unit}', 'erased', '${JSON.stringify(event.data)}', '${event.previous}', '${hash}')`;
    },
    fault: /^event 5 \(begun of SN-1\) was changed/,
  },
  "one that was put before the first": {
    sql: () => `INSERT INTO events VALUES (0, '', '', '', '', '{}', '', 'x')`,
    fault: /^event 0 does not belong there/,
  },
  "one that was put behind the last": {
    sql: events => {
      const last = at(events, events.length);
      const next = { ...last, sequence: last.sequence + 1, previous: last.hash };
      return `INSERT INTO events VALUES (${next.sequence}, '${last.at.toISOString()}', '${last.station}', '${last.unit}', '${last.event}', '${JSON.stringify(last.data)}', '${last.hash}', '${rehashed(next, {})}')`;
    },
    fault: /^event 9 was inserted/,
  },
  "another last one with a hash that fits it": {
    sql: events => {
      const last = at(events, events.length);
      return `UPDATE events SET station = 'x', hash = '${rehashed(last, { station: "x" })}' WHERE sequence = ${last.sequence}`;
    },
    fault: /^event 8 was replaced/,
  },
};

onBoth("ledger: audit trail", bench => {
  async function eightEvents(): Promise<string> {
    const place = await bench.place();
    const ledger = await bench.open(place);
    await ledger.list(units(2), "p", "units.csv");
    await bring(ledger, await taken(ledger, "SN-1"), "issued");
    await ledger.record("SN-1", "bench-1", "verified", { by: "public-key" });
    return place;
  }

  it("links every event to the one before, from 64 zeros on", async () => {
    const ledger = await bench.open(await eightEvents());
    const events = await all(ledger.events());
    assert.deepEqual(
      events.map(({ sequence }) => sequence),
      [1, 2, 3, 4, 5, 6, 7, 8],
    );
    let previous = "0".repeat(64);
    for (const event of events) {
      assert.equal(event.previous, previous);
      assert.equal(event.hash, rehashed(event, {}));
      previous = event.hash;
    }
    assert.deepEqual(await ledger.verifyChain(), { events: 8, head: previous });
    assert.equal((await ledger.summary()).head, previous);
  });

  for (const [what, { sql, fault }] of Object.entries(TAMPERINGS))
    it(`finds ${what}`, async () => {
      const place = await eightEvents();
      const ledger = await bench.open(place);
      const events = await all(ledger.events());
      await bench.raw(place, `${bench.disarm} ${sql(events)}`);
      assert.match((await ledger.verifyChain()).fault ?? "no fault", fault);
    });

  describe("at its end alone", () => {
    const change = (sequence: number): string =>
      `UPDATE events SET station = 'x' WHERE sequence = ${sequence};`;
    for (const [what, last, sql, fault] of [
      ["nothing in a whole one", 3, "", undefined],
      ["nothing in a whole one that is shorter", 100, "", undefined],
      ["a changed event among the last ones", 3, change(6), /^event 6 .* was changed/],
      ["not what was changed before them", 3, change(5), undefined],
      ["that the last one was removed", 3, "DELETE FROM events WHERE sequence = 8", /^event 8, the last one/],
      ["that all of them were removed", 3, "DELETE FROM events", /^events 1 to 8, the last ones/],
      ["that one of them was removed", 3, "DELETE FROM events WHERE sequence = 7", /^event 7 was removed$/],
      [
        "that the first of them was removed",
        3,
        "DELETE FROM events WHERE sequence = 6",
        /^event 6 was removed$/,
      ],
    ] as const)
      it(`finds ${what}`, async () => {
        const place = await eightEvents();
        const ledger = await bench.open(place);
        const { events, head } = await ledger.summary();
        if (sql !== "") await bench.raw(place, `${bench.disarm} ${sql}`);
        const result = await ledger.verifyChain({ last });
        if (fault === undefined) assert.deepEqual(result, { events, head });
        else assert.match(result.fault ?? "no fault", fault);
      });
  });

  for (const sql of [
    "UPDATE events SET station = 'x' WHERE sequence = 2",
    "DELETE FROM events WHERE sequence = 2",
    "DELETE FROM events",
    "INSERT INTO events VALUES (10, '', '', '', '', '{}', '', 'x')",
    "INSERT INTO events VALUES (9, '', '', '', '', '{}', '', 'x')",
  ])
    it(`refuses by itself: ${sql}`, async () => {
      const place = await eightEvents();
      const ledger = await bench.open(place);
      await assert.rejects(bench.raw(place, sql), /append-only/);
      assert.deepEqual((await ledger.verifyChain()).events, 8);
    });

  // The chain alone was whole: what the tables said beside it was believed, and a revoked certificate left the list.
  const serial = certificateOf("SN-1").sha256;
  const BESIDE: Readonly<Record<string, readonly [sql: string, fault: RegExp]>> = {
    "a revoked certificate that is made active": [
      "UPDATE certificates SET fate = 'active', reason = NULL WHERE fate = 'revoked'",
      /^certificate \w+ of unit SN-1 was changed beside the audit trail: its fate is active, by its events it is revoked$/,
    ],
    "an abandoned one that is made active": [
      "UPDATE certificates SET fate = 'active' WHERE fate = 'abandoned'",
      /its fate is active, by its events it is abandoned$/,
    ],
    "an active one that is made revoked": [
      "UPDATE certificates SET fate = 'revoked', reason = 'unspecified' WHERE fate = 'active'",
      /unit SN-2 .* its fate is revoked, by its events it is active$/,
    ],
    "another reason": [
      "UPDATE certificates SET reason = 'superseded' WHERE fate = 'revoked'",
      /its reason is superseded, by its events it is keyCompromise$/,
    ],
    "another time of a revocation": [
      "UPDATE certificates SET fate_at = '2020-01-01T00:00:00.000Z' WHERE fate = 'revoked'",
      /its time of this fate is 2020-01-01T00:00:00.000Z, by its events it is /,
    ],
    "another serial number": [
      `UPDATE certificates SET serial_number = '77' WHERE sha256 = '${serial}'`,
      /its serial number is 77, by its events it is /,
    ],
    "another issuer": [
      `UPDATE certificates SET issuer = '${sha256("x")}' WHERE sha256 = '${serial}'`,
      /its issuer is \w+, by its events it is /,
    ],
    "a certificate that was removed": [
      `DELETE FROM certificates WHERE sha256 = '${serial}'`,
      /^certificate \w+ of unit SN-1 was removed$/,
    ],
    "a certificate that was given to another unit": [
      `UPDATE certificates SET unit = 'SN-3' WHERE sha256 = '${serial}'`,
      /^certificate \w+ of unit SN-1 was removed$/,
    ],
    "another state": [
      "UPDATE units SET state = 'done' WHERE serial = 'SN-3'",
      /^unit SN-3 was changed beside the audit trail: its state is done, by its events it is listed$/,
    ],
    "another generation": [
      "UPDATE units SET generation = 1 WHERE serial = 'SN-1'",
      /^unit SN-1 .* its generation is 1, by its events it is 2$/,
    ],
    "another key": [
      `UPDATE units SET key_sha256 = '${sha256("x")}' WHERE serial = 'SN-2'`,
      /^unit SN-2 .* its key is \w+, by its events it is /,
    ],
    "no certificate": [
      "UPDATE units SET certificate = NULL WHERE serial = 'SN-2'",
      /^unit SN-2 .* its certificate is none, by its events it is \w+$/,
    ],
    "a state that is none": [
      "UPDATE units SET state = 'sold' WHERE serial = 'SN-3'",
      /^the ledger is damaged: unit SN-3 has the state sold$/,
    ],
    "a unit that was removed": [
      "DELETE FROM identities WHERE unit = 'SN-3'; DELETE FROM units WHERE serial = 'SN-3'",
      /^unit SN-3 was removed: its events are there$/,
    ],
    "a unit that was inserted": [
      `INSERT INTO units (serial, position, profile, variables, state, state_at, generation, hardware, bound, proofs, attempts)
        VALUES ('SN-9', 9, 'p', '{}', 'listed', '2026-03-01T08:00:00.000Z', 1, '{}', 0, '[]', 0)`,
      /^unit SN-9 was inserted: no event has listed it$/,
    ],
  };
  for (const [what, [sql, fault]] of Object.entries(BESIDE))
    it(`finds what was changed beside the chain: ${what}`, async () => {
      const place = await bench.place();
      const ledger = await bench.open(place);
      await ledger.list(units(3), "p", "units.csv");
      await bring(ledger, await taken(ledger, "SN-1"), "done");
      await ledger.revoke("SN-1", { reason: "keyCompromise", replace: true, station: "office" });
      const second = await bring(ledger, await taken(ledger, "SN-2"), "used", { name: "first" });
      await bring(ledger, await ledger.restart(second, "key-gone"), "done", { name: "second" });
      const whole = await ledger.verifyChain();
      assert.equal(whole.fault, undefined);
      await bench.raw(place, sql);
      const found = await ledger.verifyChain();
      assert.match(found.fault ?? "no fault", fault);
      assert.deepEqual([found.events, found.head], [whole.events, whole.head]);
    });

  it("holds the tables of many units against their events", async () => {
    const place = await bench.place();
    const ledger = await bench.open(place);
    await ledger.list(units(600), "p", "units.csv");
    assert.equal((await ledger.verifyChain()).fault, undefined);
    await bench.raw(place, "UPDATE units SET generation = 2 WHERE serial = 'SN-600'");
    assert.match((await ledger.verifyChain()).fault ?? "no fault", /^unit SN-600 /);
  });

  it("takes what a station adds to a state for no fact of the ledger's own", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list(units(1), "p", "units.csv");
    const begun = await bring(ledger, await taken(ledger, "SN-1"), "begun");
    const changes = { ...changesOf("keyed", "SN-1"), data: { key: "x", slot: "2" } };
    const { keySha256 } = (await ledger.advance(begun, "keyed", changes)).unit;
    assert.deepEqual((await all(ledger.events())).at(-1)?.data, { key: keySha256, slot: "2" });
    assert.equal((await ledger.verifyChain()).fault, undefined);
  });

  it("finds an event by its hash", async () => {
    const ledger = await bench.open(await eightEvents());
    const events = await all(ledger.events());
    assert.deepEqual(await all(ledger.events({ hash: at(events, 5).hash })), [at(events, 5)]);
    assert.deepEqual(await all(ledger.events({ hash: sha256("x") })), []);
  });

  it("refuses by itself what takes an event's place", async () => {
    const place = await eightEvents();
    const isSqlite = !place.startsWith("postgres");
    const sql = isSqlite
      ? "INSERT OR REPLACE INTO events VALUES (2, '', '', '', '', '{}', '', 'x')"
      : "TRUNCATE events";
    await assert.rejects(bench.raw(place, sql), /append-only/);
  });

  it("keeps facts of any letters, and names them in order", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list([unit("SN-1")], "p", "units.csv");
    const data = {
      zeta: 'a "quoted" \\ text',
      Alpha: "日本 é \u{1f600}\u2028",
      mid: "line\nend\t\u0007\u007f",
      half: "\ud800x\0",
    };
    await ledger.record("SN-1", "Bänk 1", "label", data);
    const event = (await all(ledger.events({ unit: "SN-1" }))).at(-1);
    assert.deepEqual(event?.data, { ...data, half: "\ufffdx\ufffd" });
    assert.deepEqual(Object.keys(event.data), ["Alpha", "half", "mid", "zeta"]);
    assert.equal((await ledger.verifyChain()).fault, undefined);
  });

  it("records facts about the ledger itself, but no unit that is not there and no state", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.record("", "office", "exported", { to: "aws", units: "0" });
    assert.equal((await ledger.summary()).events, 1);
    await assert.rejects(ledger.record("SN-1", "office", "verified", {}), { code: "unknown-unit" });
    for (const event of ["done", "claimed", "Not a name", ""])
      await assert.rejects(ledger.record("", "office", event, {}), { code: "order" });
  });

  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const der = ec.export({ type: "pkcs8", format: "der" });
  const secrets: Readonly<Record<string, string>> = {
    "PKCS#8 in PEM": ec.export({ type: "pkcs8", format: "pem" }).toString(),
    "an encrypted key in PEM": ec
      .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" })
      .toString(),
    "the beginning of a key in PEM": ec.export({ type: "pkcs8", format: "pem" }).slice(0, 100).toString(),
    "PKCS#8 in base64": der.toString("base64"),
    "PKCS#8 in base64url": der.toString("base64url"),
    "PKCS#8 in lines": der.toString("base64").replace(/.{20}/g, "$&\r\n"),
    "PKCS#8 in hexadecimal": der.toString("hex"),
    "PKCS#8 inside a sentence": `the key ${der.toString("base64")} was refused`,
    "SEC 1 in base64": ec.export({ type: "sec1", format: "der" }).toString("base64"),
    "PKCS#1 in base64": rsa.export({ type: "pkcs1", format: "der" }).toString("base64"),
    "an encrypted key in base64": ec
      .export({ type: "pkcs8", format: "der", cipher: "aes-256-cbc", passphrase: "x" })
      .toString("base64"),
  };
  for (const [what, secret] of Object.entries(secrets))
    it(`refuses ${what}, and does not repeat it`, async () => {
      const place = await bench.place();
      const ledger = await bench.open(place);
      await ledger.list([unit("SN-1")], "p", "units.csv");
      const refused = (error: unknown): boolean => {
        assert.ok(error instanceof Error && "code" in error);
        assert.equal(error.code, "secret");
        assert.ok(!JSON.stringify([error.message, error]).includes(secret.slice(30, 60)));
        return true;
      };
      await assert.rejects(ledger.record("SN-1", "bench", "verified", { what: secret }), refused);
      const claim = await taken(ledger, "SN-1");
      await assert.rejects(ledger.fail(claim, { code: "x", what: secret }), refused);
      await assert.rejects(ledger.advance(claim, "begun", { data: { what: secret } }), refused);
      await assert.rejects(ledger.advance(claim, "begun", { hardware: { firmware: secret } }), refused);
      assert.equal((await ledger.unit("SN-1"))?.state, "listed");
    });

  it("refuses a private key in a certificate's or a request's place", async () => {
    const ledger = await bench.open(await bench.place());
    await ledger.list([unit("SN-1")], "p", "units.csv");
    const claim = await bring(ledger, await taken(ledger, "SN-1"), "keyed");
    for (const request of [new Uint8Array(der), new Uint8Array(Buffer.from(secrets["PKCS#8 in PEM"] ?? ""))])
      await assert.rejects(ledger.advance(claim, "requested", { request }), { code: "secret" });
  });

  it("takes public keys, certificates and digests for no secrets", async () => {
    const ledger = await bench.open(await bench.place());
    const spki = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({
      type: "spki",
      format: "der",
    });
    const data = {
      spki: spki.toString("base64"),
      digest: sha256("x"),
      bytes: Buffer.from(bytesOf("x")).toString("base64"),
    };
    await ledger.record("", "office", "exported", data);
  });
});
