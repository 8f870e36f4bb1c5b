import Database from "better-sqlite3";
import assert from "node:assert/strict";
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { withLedger } from "../../../hosts/workstation/provision/ledgers.js";
import { assertRefused, Floor } from "./provision-floor.js";

const PAGE = 4096;
const list = ["--units", "units.csv"] as const;

describe("xs-cellular provision, with a ledger that is not whole", function () {
  this.timeout(60_000);
  const floor = new Floor();
  const at = (name: string): string => floor.folder.file(name);
  before(async () => {
    await floor.open();
    floor.units("units.csv", "unit-1");
    await floor.good(["run", ...list, "--images", "images"]);
    floor.write("empty.db", "");
    floor.write("text.db", "no ledger\n".repeat(100));
    const bytes = readFileSync(at("ledger.db"));
    writeFileSync(at("damaged.db"), Buffer.from(bytes).fill(0xa5, 100, PAGE));
    writeFileSync(at("half.db"), Buffer.from(bytes).fill(0xa5, 2 * PAGE));
    copyFileSync(at("ledger.db"), at("trail.db"));
    const database = new Database(at("trail.db"));
    database.exec("DROP TRIGGER events_no_update; UPDATE events SET station = 'x' WHERE sequence = 2");
    database.close();
  });
  after(() => floor.close());

  // Cause: plan looks into a copy, and the copy's place was told.
  it("plans with the empty file that a killed run has left, which run fills", async () => {
    const before = floor.snapshot();
    const { stdout } = await floor.good(["plan", ...list, "--ledger", "empty.db"]);
    assert.match(stdout, /ledger +empty\.db, which run will make/);
    assert.deepEqual(floor.snapshot(), before);
  });

  for (const [verb, ledger] of [
    ["plan", "damaged.db"],
    ["plan", "half.db"],
    ["status", "damaged.db"],
    ["status", "half.db"],
    ["run", "damaged.db"],
  ] as const)
    it(`${verb} tells of ${ledger} that it is damaged, exit code 3`, async () => {
      const args = verb === "status" ? [] : verb === "run" ? [...list, "--images", "other"] : list;
      const { code, summary } = await floor.json([verb, ...args, "--ledger", ledger]);
      assert.equal(code, 3);
      const failure = summary["failure"] as { readonly code: string; readonly what: string };
      assert.equal(failure.code, "ledger-damaged");
      assert.match(failure.what, new RegExp(`${ledger.replace(".", "\\.")} cannot be read`));
    });

  for (const [verb, ledger] of [
    ["plan", "text.db"],
    ["status", "text.db"],
    ["status", "nothing.db"],
  ] as const)
    it(`${verb} refuses ${ledger}, which is no ledger, exit code 2`, async () => {
      const args = verb === "plan" ? list : [];
      assertRefused(await floor.provision([verb, ...args, "--ledger", ledger]), new RegExp(ledger));
    });

  // Cause: run went on behind events that somebody had changed.
  it("run touches nothing when the end of the audit trail is broken, exit code 3", async () => {
    const before = readFileSync(at("trail.db"));
    const { code, lines, summary } = await floor.json([
      ...["run", ...list, "--images", "none", "--ledger", "trail.db"],
    ]);
    assert.equal(code, 3);
    assert.equal(lines.length, 1);
    const failure = summary["failure"] as { readonly code: string; readonly what: string };
    assert.equal(failure.code, "ledger-trail");
    assert.match(failure.what, /event 2 .* was changed/);
    assert.deepEqual(readFileSync(at("trail.db")), before);
    assert.ok(!readdirSync(floor.folder.path).includes("none"));
  });

  it("image makes none when the end of the audit trail is broken, exit code 3", async () => {
    const args = ["image", ...list, "--serial", "unit-1", "--out", "x.bin", "--ledger", "trail.db"];
    const { code, summary } = await floor.json(args);
    assert.equal(code, 3);
    assert.equal((summary["failure"] as { readonly code: string }).code, "ledger-trail");
    assert.ok(!readdirSync(floor.folder.path).includes("x.bin"));
  });

  describe("for who may only read it", () => {
    /** Nobody, where the specs run as root, whom nothing is forbidden. */
    async function asReader<Result>(use: () => Promise<Result>): Promise<Result> {
      const root = process.getuid?.() === 0;
      if (root) process.seteuid?.(65_534);
      try {
        return await use();
      } finally {
        if (root) process.seteuid?.(0);
      }
    }
    const units = (location: string, use: "look" | "existing"): Promise<number> =>
      asReader(() => withLedger(location, use, async ledger => (await ledger.summary()).units));

    before(() => {
      chmodSync(floor.folder.path, 0o755);
      mkdirSync(at("office"));
      copyFileSync(at("ledger.db"), at("office/ledger.db"));
      // In another one a killed station has left what SQLite keeps beside a file.
      mkdirSync(at("killed"));
      const open = new Database(at("ledger.db"));
      open.pragma("wal_autocheckpoint = 0");
      open.exec("UPDATE units SET label = 'x'");
      for (const suffix of ["", "-wal", "-shm"])
        copyFileSync(at(`ledger.db${suffix}`), at(`killed/ledger.db${suffix}`));
      open.close();
      for (const folder of ["office", "killed"]) {
        for (const name of readdirSync(at(folder))) chmodSync(at(`${folder}/${name}`), 0o444);
        chmodSync(at(folder), 0o555);
      }
      mkdirSync(at("closed"));
      copyFileSync(at("ledger.db"), at("closed/ledger.db"));
      chmodSync(at("closed/ledger.db"), 0o000);
    });
    after(() => {
      for (const folder of ["office", "killed"]) chmodSync(at(folder), 0o755);
    });

    for (const folder of ["office", "killed"])
      it(`gives a look, and leaves everything as it is: ${folder}`, async () => {
        const before = floor.snapshot();
        assert.equal(await units(at(`${folder}/ledger.db`), "look"), 1);
        assert.deepEqual(floor.snapshot(), before);
      });

    it("refuses a look to who must not read it", async () => {
      await assert.rejects(units(at("closed/ledger.db"), "look"), {
        code: "ledger-unreachable",
        what: /it must not be read$/,
      });
    });
  });
});
