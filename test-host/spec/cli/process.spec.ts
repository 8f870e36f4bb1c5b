import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { assertForPeople, resultOf } from "./result.js";
import { ended, Folder, freePort, hear, start, together, xsCellular, type Ended } from "./support.js";

describe("the program as a process", function () {
  this.timeout(60_000);
  const folder = new Folder();
  after(() => folder.remove());

  describe("where no C compiler is found", () => {
    const env = { PATH: folder.file("empty"), CC: "" };
    let runs: readonly Ended[] = [];
    before(async () => {
      mkdirSync(folder.file("empty"));
      runs = await together(
        [
          ["--engine", "xs"],
          ["--engine", "auto"],
          ["--engine", "xs", "--json"],
        ],
        args => xsCellular(["simulate", ...args], { env }),
      );
    });

    it("--engine xs ends with 1 and says what to install", () => {
      const [run] = runs;
      assert.equal(run?.code, 1);
      assert.match(run.stderr, /no C compiler[\s\S]*apt install gcc[\s\S]*--engine node/);
      assertForPeople(run.stderr);
    });

    it("--engine auto runs in Node and says so", () => {
      const run = runs[1];
      assert.equal(run?.code, 0, run?.stderr);
      assert.match(run.stdout, /^no C compiler .*Running the firmware in Node instead: no memory limits/m);
      assert.match(run.stdout, /^ {2}memory +not measured: Node \d+/m);
    });

    it("--json tells it as an object too", () => {
      const run = runs[2];
      const { ok, failure } = JSON.parse(run?.stdout ?? "") as { ok: boolean; failure: { kind: string } };
      assert.deepEqual([ok, failure.kind], [false, "engine"]);
    });
  });

  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)
    it(`${signal} in the middle of a run ends it with ${String(code)}, with a whole JSON object and no stack`, async () => {
      // Nothing answers there for a long time: attempts go on and on.
      const port = await freePort();
      const url = `mqtt://localhost:${String(port)}`;
      const child = start(["simulate", "--json", "--broker", url, "--attempts", "1000", "--link", "nb-iot"]);
      const result = ended(child);
      await hear(child.stderr, /registered/);
      child.kill(signal);
      const run = await result;
      assert.equal(run.code, code, run.stderr);
      assert.equal(resultOf(run).failure?.kind, "interrupted");
      assertForPeople(run.stderr);
    });

  it("a reader that leaves early (head -1) ends the run with 1 and without a word", async () => {
    const child = start(["simulate"]);
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const exit = once(child, "exit");
    await once(child.stdout, "data");
    child.stdout.destroy();
    await exit;
    assert.equal(child.exitCode, 1);
    assert.equal(stderr, "");
  });
});
