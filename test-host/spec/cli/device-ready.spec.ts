import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { assertForPeople } from "./result.js";
import { Folder, hear, peer, start, xsCellular } from "./support.js";

// The console was there seconds before the engine's program was built, and a run that waited for it found a silent unit.
describe("xs-cellular device, before its engine is built", function () {
  this.timeout(60_000);
  const folder = new Folder();
  after(() => folder.remove());

  it("has no console: whoever waits for that finds a device that answers", async function () {
    peer(this, "socat");
    const at = folder.file("device-1");
    // A compiler that notes whether the console is there already, and fails.
    const compiler = folder.file("cc");
    const notes = folder.file("notes");
    writeFileSync(
      compiler,
      `#!/bin/sh\n[ -e "${at}" ] && echo early >> "${notes}"\necho built >> "${notes}"\nexit 1\n`,
    );
    chmodSync(compiler, 0o755);
    const device = start(["device", "--console", at, "--flash", folder.file("flash")], {
      env: { CC: compiler },
    });
    const exit = once(device, "exit");
    try {
      device.stderr.resume();
      await hear(device.stdout, /console on/);
      assert.ok(existsSync(at));
      assert.match(readFileSync(notes, "utf8"), /^(built\n)+$/);
    } finally {
      device.kill("SIGTERM");
      await exit;
    }
  });

  it("ends with 1 and three sentences where no engine can be built, and never had a console", async () => {
    const env = { PATH: folder.file("empty"), CC: "" };
    mkdirSync(folder.file("empty"));
    const args = ["device", "--engine", "xs", "--console", "127.0.0.1:0", "--flash", folder.file("flash-2")];
    const { code, stdout, stderr } = await xsCellular(args, { env });
    assert.deepEqual([code, stdout], [1, ""], stderr);
    assert.match(stderr, /no C compiler[\s\S]*\n {2}why: .*\n {2}fix: .*--engine node/);
    assertForPeople(stderr);
  });
});
