import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import pg from "pg";
import type { Ledger } from "../../../certs/ledger/ledger.js";
import { openLedger } from "../../../certs/ledger/open.js";
import { openPostgres } from "../../../certs/ledger/postgres.js";
import { SqlLedger } from "../../../certs/ledger/sql-ledger.js";
import { LineProxy } from "./line-proxy.js";
import { PostgresServer, rawQuery } from "./postgres-server.js";
import { all, bring, changesOf, DEVICE_WAY, STATION, taken, unit, units } from "./sample.js";

const WRONG = "not-the-password-7f3a";

describe("ledger: faults of a server", () => {
  let server: PostgresServer | undefined;
  const opened: { close(): Promise<void> }[] = [];

  before(async function () {
    this.timeout(60_000);
    server = await PostgresServer.start(this);
  });
  after(() => server?.remove());
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
  });

  function running(): PostgresServer {
    if (server === undefined) throw new Error("no server");
    return server;
  }
  async function open(...args: Parameters<typeof openLedger>): Promise<Ledger> {
    const ledger = await openLedger(...args);
    opened.push(ledger);
    return ledger;
  }
  async function proxyTo(url: string): Promise<{ readonly proxy: LineProxy; readonly through: string }> {
    const proxy = await LineProxy.start(running().port);
    opened.push(proxy);
    return { proxy, through: url.replace(`:${running().port}/`, `:${proxy.port}/`) };
  }

  const refusals: readonly (readonly [string, () => string, RegExp])[] = [
    ["a wrong password", () => running().url("postgres", WRONG), /does not take this password/],
    ["a database that is not there", () => running().url("nowhere"), /there is no such database/],
    ["a port where nobody listens", () => `postgres://factory:${WRONG}@127.0.0.1:9/x`, /ECONNREFUSED/],
    [
      "a host that is not there",
      () => `postgres://factory:${WRONG}@nowhere.invalid/x`,
      /code (ENOTFOUND|EAI_AGAIN)/,
    ],
    [
      "a socket that is not there",
      () => `postgres://factory:${WRONG}@/x?host=/nowhere`,
      /ENOENT|cannot be read/,
    ],
    [
      "a certificate that is not there",
      () => `postgres://factory:${WRONG}@127.0.0.1:9/x?sslrootcert=/nowhere`,
      /cannot be reached: code ENOENT/,
    ],
    ["what is no URL", () => `postgres://factory:${WRONG}@:not a port/x`, /cannot be read/],
  ];
  for (const [what, url, text] of refusals)
    it(`says so for ${what}, without the password`, async () => {
      await assert.rejects(openLedger(url()), (error: unknown) => {
        assert.ok(error instanceof Error && "code" in error);
        assert.match(String(error.code), /^ledger-(unreachable|foreign)$/);
        assert.match(error.message, text);
        assert.ok(!inspect(error, { depth: 9, showHidden: true }).includes(WRONG));
        return true;
      });
    });

  it("takes the password from PGPASSWORD and from PGPASSFILE", async () => {
    const url = new URL(await running().database());
    const password = decodeURIComponent(url.password);
    url.password = "";
    const folder = mkdtempSync(join(tmpdir(), "xs-pgpass-"));
    const file = join(folder, "pgpass");
    writeFileSync(file, `127.0.0.1:*:*:factory:${password.replace(/[\\:]/g, "\\$&")}\n`, { mode: 0o600 });
    try {
      for (const [name, value] of [
        ["PGPASSWORD", password],
        ["PGPASSFILE", file],
      ] as const) {
        process.env[name] = value;
        try {
          await (await openLedger(url.href)).close();
        } finally {
          Reflect.deleteProperty(process.env, name);
        }
      }
      await assert.rejects(openLedger(url.href), { code: "ledger-unreachable" });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("is made once by eight stations that start at the same time", async () => {
    const url = await running().database();
    const ledgers = await Promise.all(Array.from({ length: 8 }, () => open(url)));
    const listings = await Promise.all(ledgers.map(ledger => ledger.list(units(5), "p", "units.csv")));
    assert.equal(
      listings.reduce((sum, { added }) => sum + added, 0),
      5,
    );
  });

  for (const access of ["existing", "read"] as const)
    it(`makes no ledger where it is only to be opened (${access})`, async () => {
      const url = await running().database();
      await assert.rejects(openLedger(url, { access }), { code: "ledger-absent", side: "input" });
      assert.deepEqual(await rawQuery(url, "SELECT 1 FROM pg_namespace WHERE nspname = 'xs_cellular'"), []);
    });

  it("is read, and not written, where it was opened to be read", async () => {
    const url = await running().database();
    await (await open(url)).list(units(2), "p", "units.csv");
    const reader = await open(url, { access: "read" });
    assert.equal((await reader.summary()).units, 2);
    await assert.rejects(reader.list(units(3), "p", "units.csv"), { code: "ledger-read-only" });
  });

  it("refuses another program's schema, and a ledger of a newer program", async () => {
    const foreign = await running().database();
    await rawQuery(foreign, "CREATE SCHEMA xs_cellular; CREATE TABLE xs_cellular.events (x int)");
    await assert.rejects(openLedger(foreign), { code: "ledger-foreign", side: "input" });
    const newer = await running().database();
    await (await openLedger(newer)).close();
    await rawQuery(newer, "UPDATE version SET version = 2");
    await assert.rejects(openLedger(newer), { code: "ledger-newer", side: "input" });
  });

  it("says so to a user who may not make it", async () => {
    const url = await running().database();
    await rawQuery(url, "CREATE ROLE guest LOGIN PASSWORD 'guest'");
    const guest = url.replace(/\/\/[^@]*@/, "//guest:guest@");
    await assert.rejects(openLedger(guest), { code: "ledger-unreachable", what: /may not do that/ });
  });

  it("goes on over new connections after the server has ended them", async () => {
    const url = await running().database();
    const ledger = await open(url);
    await ledger.list(units(1), "p", "units.csv");
    await rawQuery(
      url,
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'xs-cellular'",
    );
    const claim = await taken(ledger, "SN-1");
    assert.equal((await bring(ledger, claim, "done")).unit.state, "done");
  });

  it("is unreachable while the server is away, and goes on with the same claim after", async function () {
    this.timeout(30_000);
    const url = await running().database();
    const ledger = await open(url);
    await ledger.list(units(1), "p", "units.csv");
    const claim = await bring(ledger, await taken(ledger, "SN-1"), "keyed");
    await running().halt();
    await assert.rejects(ledger.advance(claim, "issuing", changesOf("issuing", "SN-1")), {
      code: "ledger-unreachable",
      side: "environment",
    });
    await assert.rejects(ledger.unit("SN-1"), { code: "ledger-unreachable" });
    await running().run();
    assert.equal((await bring(ledger, claim, "done")).unit.state, "done");
    assert.equal((await ledger.verifyChain()).fault, undefined);
  });

  it("finds that a change was made whose answer the line has lost", async () => {
    const url = await running().database();
    const { proxy, through } = await proxyTo(url);
    const ledger = await open(through);
    await ledger.list(units(1), "p", "units.csv");
    let claim = await taken(ledger, "SN-1");
    for (const to of DEVICE_WAY) {
      let losses = 0;
      proxy.fate = text => (/COMMIT\b/.test(text) && losses++ === 0 ? "lose-answer" : "pass");
      const changes = changesOf(to, "SN-1");
      await assert.rejects(ledger.advance(claim, to, changes), { code: "ledger-unreachable" });
      assert.equal(losses, 1);
      claim = await ledger.advance(claim, to, changes);
      assert.equal(claim.unit.state, to);
    }
    const events = (await all(ledger.events({ unit: "SN-1" }))).map(({ event }) => event);
    assert.deepEqual(events, ["listed", "claimed", ...DEVICE_WAY]);
  });

  it("makes a change anew whose words were lost before the commit", async () => {
    const url = await running().database();
    const { proxy, through } = await proxyTo(url);
    const ledger = await open(through);
    await ledger.list(units(1), "p", "units.csv");
    const claim = await taken(ledger, "SN-1");
    let losses = 0;
    proxy.fate = text => (text.includes("UPDATE trail") && losses++ === 0 ? "lose-answer" : "pass");
    await assert.rejects(ledger.advance(claim, "begun"), { code: "ledger-unreachable" });
    assert.equal((await ledger.unit("SN-1"))?.state, "listed");
    assert.equal((await ledger.advance(claim, "begun")).unit.state, "begun");
  });

  it("is busy when somebody else holds the end of the trail for too long", async () => {
    const url = await running().database();
    const ledger = await open(url, { busyMs: 100 });
    await ledger.list(units(1), "p", "units.csv");
    const other = new pg.Client({ connectionString: url });
    await other.connect();
    try {
      await other.query("BEGIN; SELECT * FROM xs_cellular.trail FOR UPDATE");
      await assert.rejects(taken(ledger, "SN-1"), { code: "ledger-busy", side: "environment" });
      await other.query("COMMIT");
    } finally {
      await other.end();
    }
    await taken(ledger, "SN-1");
  });

  it("is not held up by a station that loses its power in the middle of a change", async () => {
    const url = await running().database();
    const ledger = await open(url);
    await ledger.list(units(2), "p", "units.csv");
    const { proxy, through } = await proxyTo(url);
    const backend = await openPostgres(through, { access: "existing", busyMs: 5_000, idleMs: 300 });
    const dying = new SqlLedger(backend, 60_000);
    opened.unshift(dying);
    const silence = new Promise<void>(resolve => {
      proxy.fate = text => {
        if (!text.includes("UPDATE units")) return "pass";
        resolve();
        return "silence";
      };
    });
    const lost = assert.rejects(taken(dying, "SN-1"), { code: "ledger-unreachable" });
    await silence;
    const start = performance.now();
    // The other waits for the end of the trail until the server has thrown the silent one out.
    await taken(ledger, "SN-2");
    assert.ok(performance.now() - start > 200);
    assert.equal((await ledger.unit("SN-1"))?.attempts, 0);
    await proxy.close();
    opened.splice(opened.indexOf(proxy), 1);
    await lost;
  });

  it("goes by the server's clock, which all stations share", async () => {
    const url = await running().database();
    const ledger = await open(url);
    const clock = async (): Promise<string> => {
      const [row] = await rawQuery(
        url,
        `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at`,
      );
      return String(row?.["at"]);
    };
    const before = await clock();
    await ledger.list([unit("SN-1")], "p", "units.csv");
    const { stateAt } = (await ledger.unit("SN-1")) ?? {};
    const at = stateAt?.toISOString() ?? "";
    assert.ok(before <= at && at <= (await clock()));
  });

  it("waits for the server's disk with every change, whatever the database is set to", async () => {
    const url = await running().database();
    const name = new URL(url).pathname.slice(1);
    await rawQuery(url, `ALTER DATABASE "${name}" SET synchronous_commit = off`);
    const ledger = await open(url);
    await rawQuery(
      url,
      `CREATE TABLE public.seen (setting text);
       CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN INSERT INTO public.seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$;
       CREATE TRIGGER see AFTER INSERT ON xs_cellular.events FOR EACH ROW EXECUTE FUNCTION public.see();`,
    );
    await ledger.list(units(1), "p", "units.csv");
    await taken(ledger, "SN-1");
    const settings = await rawQuery(url, "SELECT DISTINCT setting FROM public.seen");
    assert.deepEqual(settings, [{ setting: "on" }]);
  });

  it("does not make stations wait for one another's units", async () => {
    const url = await running().database();
    const ledger = await open(url, { busyMs: 500 });
    await ledger.list(units(2), "p", "units.csv");
    const other = new pg.Client({ connectionString: url });
    await other.connect();
    try {
      await other.query("BEGIN; SELECT * FROM xs_cellular.units WHERE serial = 'SN-1' FOR UPDATE");
      assert.equal((await ledger.claim({ by: "next", profile: "p" }, STATION))?.unit.serial, "SN-2");
    } finally {
      await other.end();
    }
  });
});
