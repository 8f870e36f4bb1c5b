import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { EngineError, createEngine } from "../../xs/index.js";
import type { EngineErrorKind } from "../../xs/index.js";
import { configSource } from "../../xs/modules.js";
import { ENGINES, reports, withProgram } from "./support.js";
import { Bench } from "./support.js";

/** Files of a program outside the checkout; its main module comes from the checkout all the same. */
async function withFiles(
  files: Record<string, string>,
  work: (root: string) => Promise<void>,
): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "xs-modules-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, name)), { recursive: true });
      await writeFile(join(root, name), text);
    }
    await work(root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function reportsOf(engine: "xs" | "node", root: string, entry: string): Promise<unknown[]> {
  const made = await createEngine({ engine, root, entry });
  try {
    const turn = await new Bench(made).start();
    assert.equal(turn.abort, undefined);
    return reports(turn);
  } finally {
    await made.stop();
  }
}

describe("modules of the firmware", () => {
  for (const engine of ENGINES) {
    describe(engine, () => {
      it("are found relative to the one that imports them, with and without .js", async () => {
        const files = {
          "app/main.ts":
            'import { a } from "./part/a.js";\nimport { b } from "../lib/b";\nexport default (host: { report(...v: unknown[]): void }) => host.report(a, b);',
          "app/part/a.ts": 'import { c } from "./../../lib/deep/c.js";\nexport const a: string = "a" + c;',
          "lib/b.js": 'export const b = "b";',
          "lib/deep/c.ts": 'export const c = "c";',
        };
        await withFiles(files, async root => {
          assert.deepEqual(await reportsOf(engine, root, "app/main"), [["ac", "b"]]);
        });
      });

      it("may import one another in a circle", async () => {
        const files = {
          "main.js":
            'import { twice } from "./other.js";\nexport const base = () => 21;\nexport default host => host.report(twice());',
          "other.js": 'import { base } from "./main.js";\nexport const twice = () => 2 * base();',
        };
        await withFiles(files, async root => {
          assert.deepEqual(await reportsOf(engine, root, "main"), [[42]]);
        });
      });

      const FAILURES: readonly (readonly [string, Record<string, string>, EngineErrorKind, RegExp])[] = [
        [
          "a missing one is told with its importer",
          { "main.js": 'import "./dir/a.js";\nexport default () => {};', "dir/a.js": 'import "./gone.js";' },
          "missing module",
          engine === "xs" ? /^dir\/a imports dir\/gone, which is not there$/ : /dir\/a\.js.*gone/s,
        ],
        [
          "a missing entry",
          {},
          "missing module",
          engine === "xs" ? /^the host imports main, which is not there$/ : /main/,
        ],
        [
          "an unknown native one",
          { "main.js": 'import "node:fs";\nexport default () => {};' },
          "missing module",
          /node:fs/,
        ],
        [
          "a syntax error is told with its place",
          { "main.js": "export default () => {\n  let 1;\n};" },
          "load failed",
          engine === "xs" ? /main:2: / : /main\.js:2:/,
        ],
        [
          "one that throws while it is loaded",
          { "main.js": 'throw new Error("at load");\nexport default () => {};' },
          "load failed",
          /Error: at load/,
        ],
      ];
      for (const [what, files, kind, expected] of FAILURES) {
        it(what, async () => {
          await withFiles(files, async root => {
            await assert.rejects(createEngine({ engine, root, entry: "main" }), (error: unknown) => {
              assert.ok(error instanceof EngineError);
              assert.equal(error.kind, kind);
              assert.match(error.message, expected);
              return true;
            });
          });
        });
      }

      it("get a configuration that is frozen through and through", async () => {
        const config = { module: "bg95", broker: { host: "example.org", ports: [8883] }, text: "\u2028 é" };
        await withProgram("probe", { engine, config }, async bench => {
          await bench.start();
          assert.deepEqual(await bench.ask({ run: "config" }), [["config", JSON.stringify(config), true]]);
        });
      });
    });
  }

  it("are listed under the device's names, without the host's own", async () => {
    await withProgram("echo", {}, async bench => {
      const { modules } = await bench.engine.memory();
      assert.deepEqual(Object.keys(modules).sort(), [
        "mc/config",
        "test-host/spec/xs/programs/echo",
        "test-host/xs/main",
      ]);
    });
  });

  it("that hold native objects are told: they cannot be preloaded", async () => {
    await withProgram("natives", {}, bench => {
      assert.deepEqual(bench.engine.loadedNatives, { ArrayBuffer: 1, Map: 1 });
      return Promise.resolve();
    });
  });

  it("of the firmware leave no native object behind", async () => {
    const engine = await createEngine({ engine: "xs" });
    try {
      assert.deepEqual(engine.loadedNatives, {});
    } finally {
      await engine.stop();
    }
  });

  it("an entry without a default function is refused", async () => {
    await withFiles({ "main.js": "export default 1;" }, async root => {
      await assert.rejects(
        createEngine({ engine: "xs", root, entry: "main" }),
        /main: the default export is no function/,
      );
    });
  });

  it("a configuration must be JSON", () => {
    assert.throws(() => configSource(undefined), TypeError);
  });
});
