import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "../cli/support.js";
import { absoluteManifest, configured } from "../../sdk/manifest.js";

describe("runs of the SDK build", () => {
  it("are skipped with a sentence where the SDK is not installed", () => {
    const env = { ...process.env, MODDABLE: "" };
    const program = join(root, "test-host", "sdk", "run.ts");
    const { status, stdout } = spawnSync(process.execPath, ["--import", "tsx", program], {
      env,
      cwd: root,
      encoding: "utf8",
    });
    assert.equal(status, 0);
    assert.match(stdout, /^Skipped: MODDABLE is not set: .*xs-dev setup\)\.\n$/);
  });

  it("build the application's own manifest, from another folder and with what a case configures", () => {
    const made = configured(
      absoluteManifest(join(root, "manifest.json")),
      { module: "bc66", device: "/tmp/x" },
      "/tmp/keys",
    );
    const { include, config, data } = made as {
      include: string[];
      config: Record<string, unknown>;
      data: Record<string, unknown>;
    };
    assert.ok(include.every(path => path.startsWith(root)));
    assert.equal(config["module"], "bc66");
    assert.equal(config["device"], "/tmp/x");
    assert.equal(config["baud"], 115_200);
    assert.deepEqual(data, { "*": ["/tmp/keys/*"] });
  });
});
