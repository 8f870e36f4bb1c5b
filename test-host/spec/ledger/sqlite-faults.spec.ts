import Database from "better-sqlite3";
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { FactoryError } from "../../../certs/factory-error.js";
import type { Ledger } from "../../../certs/ledger/ledger.js";
import { openLedger } from "../../../certs/ledger/open.js";
import { bring, OTHER, STATION, taken, unit, units } from "./sample.js";

describe("ledger: faults of a file", () => {
  let folder = "";
  let path = "";
  const opened: { close(): unknown }[] = [];

  const open = async (...args: Parameters<typeof openLedger>): Promise<Ledger> => {
    const ledger = await openLedger(...args);
    opened.push(ledger);
    return ledger;
  };
  const shell = (): Database.Database => {
    const database = new Database(path);
    opened.push(database);
    return database;
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "xs-ledger-"));
    path = join(folder, "ledger.db");
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
    rmSync(folder, { recursive: true });
  });

  /** Fills the ledger until there is no room, then looks that everything before is there and nothing half. */
  async function fill(ledger: Ledger): Promise<number> {
    let lists = 0;
    for (;;) {
      const before = await ledger.summary();
      try {
        await ledger.list(units(50, `L${lists}-`), "p", "units.csv");
        lists++;
      } catch (error) {
        assert.ok(error instanceof Error && "code" in error && "side" in error);
        assert.deepEqual([error.code, error.side], ["ledger-full", "environment"]);
        assert.deepEqual(await ledger.summary(), before);
        assert.equal((await ledger.verifyChain()).fault, undefined);
        return lists;
      }
      assert.ok(lists < 1000);
    }
  }

  it("is full at its limit, keeps what is whole, and works again with more room", async () => {
    let ledger = await open(path, { mostBytes: 400_000 });
    const lists = await fill(ledger);
    await ledger.close();
    ledger = await open(path);
    assert.equal((await ledger.summary()).units, 50 * lists);
    await ledger.list(units(50, "more-"), "p", "units.csv");
    await bring(ledger, await taken(ledger, "more-1"), "done");
    assert.equal((await ledger.verifyChain()).fault, undefined);
  });

  it("is full when its disk is, and the same ledger works again after room was made", async function () {
    const disk = join(folder, "disk");
    mkdirSync(disk);
    const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=3m", "none", disk]);
    if (status !== 0) return this.skip();
    const ledger = await openLedger(join(disk, "ledger.db"));
    try {
      // What somebody else has on that disk.
      writeFileSync(join(disk, "other"), Buffer.alloc(1_500_000));
      const lists = await fill(ledger);
      const claim = await ledger.claim({ by: "serial", serial: "L0-1" }, STATION).catch(() => undefined);
      rmSync(join(disk, "other"));
      await ledger.list(units(50, "more-"), "p", "units.csv");
      assert.equal((await ledger.summary()).units, 50 * (lists + 1));
      await bring(ledger, claim ?? (await taken(ledger, "L0-1")), "done");
      assert.equal((await ledger.verifyChain()).fault, undefined);
    } finally {
      await ledger.close();
      execFileSync("umount", [disk]);
    }
  });

  it("is busy when somebody else writes for too long, without holding up its own process", async () => {
    const ledger = await open(path, { busyMs: 300 });
    const other = shell();
    other.exec("BEGIN IMMEDIATE");
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 5);
    try {
      await assert.rejects(ledger.list(units(1), "p", "units.csv"), {
        code: "ledger-busy",
        side: "environment",
      });
    } finally {
      clearInterval(ticking);
    }
    assert.ok(ticks >= 3, `${ticks} ticks`);
    assert.equal((await ledger.summary()).units, 0);
    other.exec("COMMIT");
    await ledger.list(units(1), "p", "units.csv");
  });

  it("waits for somebody else who soon ends", async () => {
    const ledger = await open(path);
    const other = shell();
    other.exec("BEGIN IMMEDIATE");
    const listing = ledger.list(units(1), "p", "units.csv");
    setImmediate(() => other.exec("COMMIT"));
    assert.deepEqual(await listing, { added: 1, known: 0 });
  });

  it("is a file for its owner alone, with its other files", async () => {
    const ledger = await open(path);
    await ledger.list(units(1), "p", "units.csv");
    assert.deepEqual(readdirSync(folder), ["ledger.db", "ledger.db-shm", "ledger.db-wal"]);
    for (const name of readdirSync(folder))
      assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
  });

  it("keeps a file in WAL mode, and checks references", async () => {
    await open(path);
    assert.equal(shell().pragma("journal_mode", { simple: true }), "wal");
  });

  it("waits for the disk with every change, and not only for the system's memory", async () => {
    const used = new Set<Database.Database>();
    const prototype: { exec: (this: Database.Database, sql: string) => Database.Database } =
      Database.prototype;
    const { exec } = prototype;
    prototype.exec = function (sql) {
      used.add(this);
      return exec.call(this, sql);
    };
    try {
      await (await open(path)).list(units(1), "p", "units.csv");
    } finally {
      prototype.exec = exec;
    }
    // 2 is FULL: the setting is a connection's own, and stands in no file.
    assert.deepEqual(
      [...used].map(database => database.pragma("synchronous", { simple: true })),
      [2],
    );
  });

  for (const [what, text] of [
    ["a text", "serial,imei\nSN-1,\n".repeat(100)],
    ["an image", "\x89PNG\r\n".repeat(100)],
  ] as const)
    it(`refuses ${what}, and leaves it as it is`, async () => {
      writeFileSync(path, text, "latin1");
      const { size, mtimeMs } = statSync(path);
      await assert.rejects(openLedger(path), { code: "ledger-foreign", side: "input" });
      assert.deepEqual([statSync(path).size, statSync(path).mtimeMs], [size, mtimeMs]);
    });

  const PAGE = 4096;
  /** A ledger of many pages, of which some are overwritten. */
  async function damage(pages: (count: number) => readonly number[]): Promise<void> {
    const ledger = await openLedger(path);
    await ledger.list(units(300), "p", "units.csv");
    await ledger.close();
    const bytes = readFileSync(path);
    // Of the first page what SQLite knows the file by is left.
    for (const page of pages(bytes.length / PAGE))
      bytes.fill(0xa5, page === 0 ? 100 : page * PAGE, (page + 1) * PAGE);
    writeFileSync(path, bytes);
  }

  async function readAll(): Promise<void> {
    const ledger = await open(path, { access: "existing" });
    await ledger.summary();
    for await (const one of ledger.units()) assert.ok(one.serial);
    for await (const one of ledger.events()) assert.ok(one.hash);
    await ledger.verifyChain();
  }

  // Cause: ending the transaction failed too, and its error took the place of the one that was told.
  for (const [what, pages] of [
    ["in its first page", () => [0]],
    ["in all others", (count: number) => Array.from({ length: count - 1 }, (_, index) => index + 1)],
  ] as const)
    it(`is damaged, says so and names its file: ${what}`, async () => {
      await damage(pages);
      await assert.rejects(readAll(), (error: unknown) => {
        assert.ok(error instanceof FactoryError, String(error));
        assert.deepEqual([error.code, error.side], ["ledger-damaged", "environment"]);
        assert.ok(error.what.includes(path), error.what);
        return true;
      });
    });

  it("is damaged or as it was, whichever page was overwritten", async () => {
    await damage(() => []);
    const whole = readFileSync(path);
    for (let page = 1; page < whole.length / PAGE; page++) {
      const bytes = Buffer.from(whole);
      bytes.fill(0xa5, page * PAGE, (page + 1) * PAGE);
      writeFileSync(path, bytes);
      await readAll().catch((error: unknown) => {
        assert.ok(error instanceof FactoryError && error.code === "ledger-damaged", String(error));
      });
      for (const one of opened.splice(0)) await one.close();
    }
  });

  it("is damaged when it was cut off", async () => {
    await damage(() => []);
    truncateSync(path, 3 * PAGE);
    await assert.rejects(readAll(), { code: "ledger-damaged" });
  });

  it("is named as its copy is called", async () => {
    await damage(() => [0]);
    await assert.rejects(openLedger(path, { access: "read", shownAs: "mine.db" }), {
      what: "the ledger is damaged: mine.db cannot be read (SQLITE_CORRUPT)",
    });
  });

  it("refuses a damaged database of another program as none of its own", async () => {
    shell().exec("PRAGMA application_id = 7; CREATE TABLE contacts (name TEXT)");
    for (const one of opened.splice(0)) await one.close();
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill(0xa5, 100, PAGE));
    await assert.rejects(openLedger(path), { code: "ledger-foreign", side: "input" });
  });

  it("refuses a database of another program, and leaves it as it is", async () => {
    shell().exec("CREATE TABLE contacts (name TEXT)");
    await assert.rejects(openLedger(path), {
      code: "ledger-foreign",
      what: `${path} is a database of another program`,
    });
    assert.equal(shell().pragma("journal_mode", { simple: true }), "delete");
  });

  it("refuses a ledger of a newer program", async () => {
    await (await openLedger(path)).close();
    shell().pragma("user_version = 2");
    await assert.rejects(openLedger(path), { code: "ledger-newer", side: "input" });
  });

  it("refuses a folder that is not there, and a folder in the place of the file", async () => {
    await assert.rejects(openLedger(join(folder, "none", "ledger.db")), { code: "ledger-foreign" });
    await assert.rejects(openLedger(folder), { code: "ledger-foreign" });
    assert.ok(!existsSync(join(folder, "none")));
  });

  for (const access of ["existing", "read"] as const)
    it(`makes no ledger where it is only to be opened (${access})`, async () => {
      await assert.rejects(openLedger(path, { access }), { code: "ledger-absent", side: "input" });
      assert.deepEqual(readdirSync(folder), []);
    });

  it("is read while another process writes, and not written", async () => {
    const writer = await open(path);
    await writer.list(units(2), "p", "units.csv");
    const reader = await open(path, { access: "read" });
    assert.equal((await reader.summary()).units, 2);
    const claim = await taken(writer, "SN-1");
    assert.equal((await reader.unit("SN-1"))?.attempts, 1);
    const refused = { code: "ledger-read-only" };
    await assert.rejects(reader.list(units(3), "p", "units.csv"), refused);
    await assert.rejects(reader.claim({ by: "serial", serial: "SN-2" }, OTHER), refused);
    await assert.rejects(reader.advance(claim, "begun"), refused);
    assert.deepEqual(await reader.tryList(units(3), "p", "units.csv"), { added: 1, known: 2 });
  });

  it("goes on with an empty file that a killed process has left", async () => {
    writeFileSync(path, "");
    const ledger = await open(path);
    assert.deepEqual(await ledger.list([unit("SN-1")], "p", "units.csv"), { added: 1, known: 0 });
  });

  it("says what to do where the library's native part is missing", () => {
    const library = join(folder, "node_modules", "better-sqlite3");
    mkdirSync(library, { recursive: true });
    writeFileSync(
      join(library, "index.js"),
      'module.exports = class { constructor() { throw new Error("Could not locate the bindings file."); } };',
    );
    const program = join(folder, "open.cjs");
    buildSync({
      stdin: {
        contents: `import { openLedger } from "./certs/ledger/open.js";
          openLedger(process.argv[2]).catch(({ name, code, side, what, fix }) => console.log(JSON.stringify({ name, code, side, what, fix })));`,
        resolveDir: fileURLToPath(new URL("../../../", import.meta.url)),
      },
      outfile: program,
      bundle: true,
      platform: "node",
      format: "cjs",
      external: ["better-sqlite3", "pg"],
      supported: { "dynamic-import": false },
    });
    const { stdout } = spawnSync(process.execPath, [program, path], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"] },
    });
    assert.deepEqual(JSON.parse(stdout), {
      name: "FactoryError",
      code: "ledger-library",
      side: "environment",
      what: "the library better-sqlite3 cannot be loaded",
      fix: "Install it anew: npm rebuild better-sqlite3, or npm ci with install scripts allowed for better-sqlite3.",
    });
  });
});
