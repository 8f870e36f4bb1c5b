import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeWhole } from "../../../certs/files/write.js";

const MODULE = JSON.stringify(fileURLToPath(new URL("../../../certs/files/write.ts", import.meta.url)));

/** A process that writes `SECRET` to a path and stops between the file beside its place and its name: `act` says how. */
function script(path: string, act: string): readonly string[] {
  const text = `
    import fs from "node:fs";
    import { syncBuiltinESMExports } from "node:module";
    fs.renameSync = () => { ${act} };
    syncBuiltinESMExports();
    const { writeWhole } = await import(${MODULE});
    writeWhole(${JSON.stringify(path)}, "SECRET", { secret: true });`;
  return ["--import", "tsx", "--input-type=module", "-e", text];
}

describe("files that are written whole", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "xs-write-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("leave nothing beside them, and secret ones are their owner's", () => {
    const path = join(folder, "deep", "unit.bin");
    writeWhole(path, "SECRET", { secret: true });
    assert.equal(readFileSync(path, "utf8"), "SECRET");
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(join(folder, "deep")), ["unit.bin"]);
  });

  // A process that was killed between the file and its name left it there for ever, with a private key in it.
  it("what a killed process has left beside them is removed by the next", () => {
    const path = join(folder, "unit.bin");
    const killed = spawnSync(process.execPath, script(path, 'process.kill(process.pid, "SIGKILL")'));
    assert.equal(killed.signal, "SIGKILL", String(killed.stderr));
    const left = readdirSync(folder);
    assert.match(left.join(), /^\.[\da-f]{8}-\d+-\w+\.part$/);
    assert.equal(readFileSync(join(folder, left[0] ?? ""), "utf8"), "SECRET");
    writeWhole(path, "whole");
    assert.deepEqual(readdirSync(folder), ["unit.bin"]);
  });

  it("what a process that is alive is writing is left alone", async () => {
    const waits = "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)";
    const writer = spawn(
      process.execPath,
      script(join(folder, "a.bin"), `fs.writeSync(1, "there"); ${waits}`),
    );
    try {
      await once(writer.stdout, "data");
      const [left] = readdirSync(folder);
      writeWhole(join(folder, "b.bin"), "whole");
      assert.ok(left !== undefined && existsSync(join(folder, left)));
      assert.deepEqual(readdirSync(folder).sort(), [left, "b.bin"].sort());
    } finally {
      writer.kill("SIGKILL");
      await once(writer, "exit");
    }
  });

  it("files of others with such names are left alone", () => {
    for (const name of [".12-x.part", ".00000000-1-x.part", "x.part"])
      writeWhole(join(folder, name), "theirs");
    const { status, stderr } = spawnSync(process.execPath, [
      ...["--import", "tsx", "--input-type=module", "-e"],
      `(await import(${MODULE})).writeWhole(${JSON.stringify(join(folder, "z"))}, "")`,
    ]);
    assert.equal(status, 0, String(stderr));
    assert.equal(readdirSync(folder).length, 4);
  });
});
