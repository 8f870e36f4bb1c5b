import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../cli/support.js";
import { blocksOf } from "../docs/pages.js";
import { FilledLedger, steppingClock, unitOf } from "./filled-ledger.js";

const PAGE = "docs/exports.md";

describe("docs/exports.md", function () {
  this.timeout(120_000);
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "exports-page-"));
    const filled = await FilledLedger.open(steppingClock(), join(folder, "ledger.db"));
    await filled.bring(unitOf("SN-000123", { imei: "490154203237518", mac: "AABBCCDDEEFF" }), "done");
    await filled.ledger.close();
    writeFileSync(join(folder, "ca.pem"), filled.authority.certificatePem);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("every command of a sh block works and writes its file, in the order of the page", () => {
    const commands = blocksOf(root, PAGE)
      .filter(({ language }) => language === "sh")
      .flatMap(({ text }) =>
        text
          .replace(/\\\n\s*/g, "")
          .trimEnd()
          .split("\n"),
      );
    assert.ok(commands.length >= 12, `${commands.length} commands`);
    for (const command of commands) {
      assert.match(command, /^npx xs-cellular provision (export|label) /);
      const run = command.replace(
        "npx xs-cellular",
        `"${process.execPath}" "${join(root, "bin", "xs-cellular.js")}"`,
      );
      const { status, stderr } = spawnSync("sh", ["-c", run], { cwd: folder, encoding: "utf8" });
      assert.equal(status, 0, `${command}\n${stderr}`);
      const out = / --out (\S+)/.exec(command)?.[1] ?? "";
      assert.ok(readFileSync(join(folder, out)).length > 0, command);
    }
  });

  it("the page's program computes the chain of the exported events, and finds a changed one", () => {
    const program = blocksOf(root, PAGE).find(({ text }) => text.startsWith("node -e"))?.text;
    assert.ok(program);
    const file = join(folder, "audit.jsonl");
    const lines = readFileSync(file, "utf8").trim().split("\n");
    const last = JSON.parse(lines.at(-1) ?? "") as { hash: string };
    assert.equal(execFileSync("sh", ["-c", program], { cwd: folder, encoding: "utf8" }).trim(), last.hash);
    const wrong = lines.findIndex(line => line.includes('"begun"'));
    writeFileSync(
      file,
      lines.map((line, index) => (index === wrong ? line.replace("begun", "begin") : line)).join("\n"),
    );
    const { status, stderr } = spawnSync("sh", ["-c", program], { cwd: folder, encoding: "utf8" });
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(`event ${wrong + 1}\\b`));
  });
});
