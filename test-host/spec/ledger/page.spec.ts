import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventLine } from "../../../certs/ledger/export.js";
import { UNIT_STATES, type Ledger } from "../../../certs/ledger/ledger.js";
import { openLedger } from "../../../certs/ledger/open.js";
import { following, RESTARTABLE } from "../../../certs/ledger/states.js";
import { peer } from "../cli/support.js";
import { onBoth } from "./backends.js";
import { PostgresServer } from "./postgres-server.js";
import { all, bring, taken, units } from "./sample.js";

const page = readFileSync(fileURLToPath(new URL("../../../docs/ledger.md", import.meta.url)), "utf8");

function block(language: string, holds: string): string {
  const found = [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].find(
    ([, name, text = ""]) => name === language && text.includes(holds),
  );
  if (found?.[2] === undefined) throw new Error(`docs/ledger.md has no ${language} with ${holds}`);
  return found[2];
}

async function fill(ledger: Ledger): Promise<void> {
  await ledger.list(units(3), "p", "Länge-é.csv");
  await bring(ledger, await taken(ledger, "SN-2"), "done");
  await ledger.record("SN-2", "Bänk 1", "label", {
    zeta: 'a "quoted" \\ text',
    Alpha: "日本 é \u{1f600}\u2028",
    mid: "line\nend\t\b\f\r\u0007\u001b\u007f\u0085",
  });
  await ledger.fail(await taken(ledger, "SN-1"), { code: "silent", what: "nothing </script>" });
}

onBoth("docs/ledger.md", bench => {
  let python = "";
  before(function () {
    python = peer(this, "python3");
  });

  function verified(lines: readonly string[]): { readonly status: number | null; readonly text: string } {
    const { status, stdout, stderr } = spawnSync(python, ["-c", block("python", "hashlib")], {
      input: lines.map(line => `${line}\n`).join(""),
      encoding: "utf8",
      env: { ...process.env, PYTHONIOENCODING: "utf-8" },
    });
    return { status, text: (stdout + stderr).trim() };
  }

  it("its lines of Python find an export whole, and every change of a line", async () => {
    const ledger = await bench.open(await bench.place());
    await fill(ledger);
    const { events, head } = await ledger.verifyChain();
    const lines = (await all(ledger.events())).map(eventLine);
    assert.deepEqual(verified(lines), { status: 0, text: `${events} ${head}` });
    const changed = lines.map((line, index) => (index === 4 ? line.replace("bench-1", "bench-2") : line));
    assert.deepEqual(verified(changed), { status: 1, text: "event 5 does not fit" });
    assert.deepEqual(verified(lines.filter((_, index) => index !== 6)), {
      status: 1,
      text: "event 7 does not fit",
    });
  });

  it("its SQL gives the lines that Python takes", async () => {
    const place = await bench.place();
    const ledger = await bench.open(place);
    await fill(ledger);
    const { events, head } = await ledger.verifyChain();
    const sql = block("sql", place.startsWith("postgres") ? "json_build_object" : "json_object");
    const rows = await bench.raw(place, sql);
    assert.deepEqual(verified(rows.map(({ line }) => String(line))), {
      status: 0,
      text: `${events} ${head}`,
    });
  });
});

describe("docs/ledger.md: tables and copies", () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "xs-ledger-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("its table of states is what the ledger does", () => {
    const rows = [...page.matchAll(/^\| `(\w+)` \| .* \| ((?:`\w+`(?:, )?)*) ?\|$/gm)].map(
      ([, state, next = ""]) => [state, [...next.matchAll(/\w+/g)].map(([name]) => name)],
    );
    assert.deepEqual(
      rows.filter(([state]) => UNIT_STATES.some(one => one === state)),
      UNIT_STATES.map(state => [state, following(state)]),
    );
    assert.match(page, new RegExp(`From \`${RESTARTABLE[0] ?? ""}\` to \`${RESTARTABLE.at(-1) ?? ""}\``));
  });

  it("its copy of a file is a ledger with the same trail", async () => {
    const path = join(folder, "ledger.db");
    const ledger = await openLedger(path);
    await fill(ledger);
    const { default: Database } = await import("better-sqlite3");
    const shell = new Database(path);
    shell.exec(block("sql", "VACUUM").replace("copy.db", join(folder, "copy.db")));
    shell.close();
    const chain = await ledger.verifyChain();
    await ledger.close();
    const copy = await openLedger(join(folder, "copy.db"), { access: "existing" });
    assert.deepEqual(await copy.verifyChain(), chain);
    await bring(copy, await taken(copy, "SN-3"), "done");
    await copy.close();
  });

  it("a dump of PostgreSQL is a ledger with the same trail", async function () {
    this.timeout(60_000);
    const server = await PostgresServer.start(this);
    try {
      const ledger = await openLedger(await server.database());
      await fill(ledger);
      const chain = await ledger.verifyChain();
      await ledger.close();
      const run = (program: string, ...args: readonly string[]): string =>
        execFileSync(join(server.programs, program), args, {
          encoding: "utf8",
          stdio: ["ignore", "pipe", "pipe"],
        });
      const dump = join(folder, "dump.sql");
      writeFileSync(dump, run("pg_dump", "--schema=xs_cellular", server.url("ledger_1")));
      const other = await server.database();
      run("psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", dump, other);
      const copy = await openLedger(other, { access: "existing" });
      assert.deepEqual(await copy.verifyChain(), chain);
      await bring(copy, await taken(copy, "SN-3"), "done");
      await copy.close();
    } finally {
      await server.remove();
    }
  });
});
