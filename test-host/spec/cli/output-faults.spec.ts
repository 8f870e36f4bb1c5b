import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Floor } from "./provision-floor.js";
import { assertForPeople } from "./result.js";
import { root } from "./support.js";

/** What a shell makes of a command line, `xc` in it being the program. */
function shell(cwd: string, line: string): { readonly code: number | null; readonly stderr: string } {
  const program = join(root, "bin", "xs-cellular.js");
  const script = `set -o pipefail; xc() { "${process.execPath}" "${program}" "$@"; }; ${line}`;
  const { status, stderr } = spawnSync("bash", ["-c", script], { cwd, encoding: "utf8", timeout: 60_000 });
  assertForPeople(stderr);
  return { code: status, stderr };
}

const RUN = "xc provision run --profile image.json --images images";

// Each ended the process where it stood: with a stack trace (ENOSPC), or without a word in the middle of a unit (EPIPE).
describe("output that cannot be written", function () {
  this.timeout(60_000);
  const floor = new Floor();
  const told = (stderr: string): number => stderr.match(/std(out|err) cannot be written/g)?.length ?? 0;
  before(async function () {
    if (!existsSync("/dev/full")) this.skip();
    await floor.open();
    floor.profile("image.json");
    floor.units("units.csv", "unit-1", "unit-2", "unit-3");
  });
  after(() => floor.close());

  it("of a run on a full disk: it stops at a safe point, is told once in three sentences, and ends with 3", () => {
    const { code, stderr } = shell(floor.folder.path, `${RUN} --units units.csv --json > /dev/full`);
    assert.equal(code, 3, stderr);
    assert.match(stderr, /stdout cannot be written \(ENOSPC\)\n {2}why: .*full.*\n {2}fix: /);
    assert.equal(told(stderr), 1);
    assert.match(stderr, /\n\d units? done.*\n\d of 3 units of demo (is|are) done\. Run again.*\n$/);
    assert.ok(!existsSync(floor.folder.file("ledger.db-wal")), "the ledger was closed");
  });

  it("of a run whose reader leaves: the same", () => {
    const { code, stderr } = shell(floor.folder.path, `${RUN} | head -1 > /dev/null`);
    assert.equal(code, 3, stderr);
    assert.match(stderr, /stdout cannot be written \(EPIPE\)\n {2}why: .*\n {2}fix: /);
    assert.equal(told(stderr), 1);
    assert.ok(!existsSync(floor.folder.file("ledger.db-wal")), "the ledger was closed");
  });

  it("what such runs have left is gone on with", async () => {
    const { stdout } = await floor.good([
      ...["run", "--profile", "image.json", "--images", "images"],
      "--force",
    ]);
    assert.match(stdout, /3 of 3 units of demo are done/);
  });

  // What the run came to was lost: "something unexpected happened ... a fault of the program".
  it("of a report at the end of a run: the summary stands, the file's fault is told, and 3", async () => {
    const args = ["run", "--profile", "image.json", "--images", "again", "--ledger", "report.db"];
    const { code, summary } = await floor.json([...args, "--units", "units.csv", "--report", "/dev/full"]);
    assert.deepEqual([code, summary["done"], summary["unitsDone"]], [3, 3, 3]);
    const { code: fault, kind } = summary["failure"] as { code: string; kind: string };
    assert.deepEqual([fault, kind, summary["report"]], ["disk-full", "environment", undefined]);
  });

  it("of a report whose place cannot be written is found before anything is touched", async () => {
    const args = ["run", "--profile", "image.json", "--images", "never", "--ledger", "never.db"];
    const run = await floor.provision([...args, "--units", "units.csv", "--report", "passphrase/r.html"]);
    assert.equal(run.code, 3, run.stderr);
    assert.match(run.stderr, /passphrase\/r\.html cannot be written \(ENOTDIR\)/);
    assert.ok(!existsSync(floor.folder.file("never.db")) && !existsSync(floor.folder.file("never")));
  });

  for (const line of [
    "xc provision status",
    "xc provision export --format json --out -",
    "xc --help",
    "xc certs inspect broker-ca.pem",
  ])
    it(`${line} > /dev/full: three sentences, once, and 3`, () => {
      const { code, stderr } = shell(floor.folder.path, `${line} > /dev/full`);
      assert.deepEqual([code, told(stderr)], [3, 1], stderr);
      assert.match(stderr, /^xs-cellular: .*\n {2}why: .*\n {2}fix: .*\n$/);
    });

  it("of a listing whose reader has seen enough is nothing to tell", () => {
    assert.equal(shell(floor.folder.path, "xc provision status --json | true").stderr, "");
    assert.equal(shell(floor.folder.path, "xc provision export --format audit --out - | true").stderr, "");
  });
});
