import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  appendFile,
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  stat,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { buildKey, defaultCacheFolder, findSources, hostProgram } from "../../xs/build.js";
import { EngineError, createEngine } from "../../xs/index.js";
import type { EngineErrorKind } from "../../xs/index.js";
import { withLock } from "../../xs/lock.js";
import { XsEngine } from "../../xs/xs-engine.js";
import { Bench, PROGRAMS, withProgram } from "./support.js";

const run = promisify(execFile);
const BUILD_LIMIT_MS = 180_000;

function runScript(name: string, ...args: string[]): Promise<{ stdout: string }> {
  const path = fileURLToPath(new URL(`processes/${name}.ts`, import.meta.url));
  return run(process.execPath, ["--import", "tsx", path, ...args]);
}

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "xs-build-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function withEnvironment(values: Record<string, string>, work: () => Promise<void>): Promise<void> {
  const before = Object.entries(values).map(([name]) => [name, process.env[name]] as const);
  Object.assign(process.env, values);
  try {
    await work();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  }
}

function isError(kind: EngineErrorKind, expected: RegExp): (error: unknown) => boolean {
  return error => {
    assert.ok(error instanceof EngineError);
    assert.equal(error.kind, kind);
    assert.match(error.message, expected);
    return true;
  };
}

/** No such process, or one that has ended and waits for the system's init to take note. */
async function gone(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
    return (await readFile(`/proc/${pid}/stat`, "utf8")).includes(") Z ");
  } catch {
    return true;
  }
}

describe("building the XS host", () => {
  it("happens once when two processes want it at the same time", async function () {
    this.timeout(BUILD_LIMIT_MS);
    await withFolder(async folder => {
      const results = await Promise.all([runScript("build", folder), runScript("build", folder)]);
      const told = results.map(({ stdout }) => JSON.parse(stdout) as { notices: string[]; actions: number });
      assert.deepEqual(
        told.map(({ actions }) => actions),
        [3, 3],
      );
      const notices = told.flatMap(item => item.notices);
      assert.equal(notices.length, 1, "one of them built");
      assert.match(notices[0] ?? "", /^Building the XS engine's host program, once/);
      const left = (await readdir(folder)).filter(name => name !== "modules");
      assert.equal(left.length, 1, `neither locks nor objects are left: ${left.join(" ")}`);
    });
  });

  it("tells what to install when there is no compiler", async () => {
    await withFolder(cacheFolder =>
      withEnvironment({ PATH: "", CC: "" }, async () => {
        await assert.rejects(
          createEngine({ engine: "xs", cacheFolder }),
          isError("no compiler", /no C compiler \("cc"\) was found.*apt install gcc.*--engine node/s),
        );
      }),
    );
  });

  it("runs the firmware in Node, with a notice, when auto finds no compiler", async () => {
    await withFolder(cacheFolder =>
      withEnvironment({ PATH: "", CC: "" }, async () => {
        const notices: string[] = [];
        const onNotice = (text: string): unknown => notices.push(text);
        const engine = await createEngine({ entry: `${PROGRAMS}/echo`, cacheFolder, onNotice });
        assert.equal(engine.name, "node");
        await engine.stop();
        assert.equal(notices.length, 1);
        assert.match(notices[0] ?? "", /Running the firmware in Node instead/);
      }),
    );
  });

  /** A compiler that tells its version and then fails. */
  async function withBrokenCompiler(work: (cacheFolder: string) => Promise<void>): Promise<void> {
    await withFolder(async folder => {
      const compiler = join(folder, "broken-cc");
      const script =
        '#!/bin/sh\n[ "$1" = --version ] && echo broken 1.0 && exit 0\necho "no disk" >&2\nexit 1\n';
      await writeFile(compiler, script);
      await chmod(compiler, 0o755);
      await withEnvironment({ CC: compiler }, () => work(join(folder, "cache")));
    });
  }

  it("gives the compiler's words when it fails, and leaves nothing behind", async () => {
    await withBrokenCompiler(async cacheFolder => {
      await assert.rejects(hostProgram({ cacheFolder }), isError("build failed", /no disk/));
      assert.deepEqual(await readdir(cacheFolder), []);
    });
  });

  it("runs the firmware in Node, with a notice, when auto cannot build", async () => {
    await withBrokenCompiler(async cacheFolder => {
      const notices: string[] = [];
      const onNotice = (text: string): unknown => notices.push(text);
      const engine = await createEngine({ entry: `${PROGRAMS}/echo`, cacheFolder, onNotice });
      assert.equal(engine.name, "node");
      await engine.stop();
      assert.match(notices.at(-1) ?? "", /no disk.*Running the firmware in Node instead/s);
    });
  });

  it("fails in words when the cache cannot be written to", async () => {
    await withFolder(async folder => {
      const file = join(folder, "file");
      await writeFile(file, "");
      await assert.rejects(
        hostProgram({ cacheFolder: join(file, "cache") }),
        isError("build failed", /ENOTDIR/),
      );
    });
  });

  it("is due again when a source, the flags or the compiler change", async () => {
    await withFolder(async folder => {
      const sources = findSources();
      const copy = { ...sources, host: join(folder, "host") };
      await cp(sources.host, copy.host, { recursive: true });
      const key = await buildKey(sources, "cc 1");
      assert.equal(await buildKey(copy, "cc 1"), key);
      assert.notEqual(await buildKey(copy, "cc 2"), key);
      await appendFile(join(copy.host, "bytes.c"), "\n");
      assert.notEqual(await buildKey(copy, "cc 1"), key);
    });
  });

  it("says that npm install is missing when there are no XS sources", async () => {
    await withFolder(folder => {
      assert.throws(() => findSources(folder), isError("no sources", /npm install/));
      return Promise.resolve();
    });
  });

  it("takes the C sources of the installed package from its dist folder", async () => {
    await withFolder(async folder => {
      await mkdir(join(folder, "xs", "engine"), { recursive: true });
      assert.deepEqual(findSources(folder), {
        xs: join(folder, "xs", "engine"),
        host: join(folder, "xs", "host"),
      });
    });
  });

  it("keeps its results in the checkout, or in the user's cache for the installed package", async () => {
    await withFolder(async folder => {
      await withEnvironment({ XDG_CACHE_HOME: "/home/somebody/cache" }, async () => {
        assert.equal(defaultCacheFolder(folder), "/home/somebody/cache/xs-cellular");
        await writeFile(join(folder, "tsconfig.json"), "{}");
        assert.equal(defaultCacheFolder(folder), join(folder, ".cache", "xs"));
      });
    });
  });
});

describe("the lock of a build", () => {
  it("lets one work at a time", async () => {
    await withFolder(async folder => {
      const path = join(folder, "lock");
      let inside = 0;
      let most = 0;
      const work = async (): Promise<void> => {
        most = Math.max(most, ++inside);
        await stat(folder);
        inside--;
      };
      await Promise.all(Array.from({ length: 5 }, () => withLock(path, work)));
      assert.equal(most, 1);
      assert.deepEqual(await readdir(folder), []);
    });
  });

  it("is taken over from an owner that has died", async () => {
    await withFolder(async folder => {
      const path = join(folder, "lock");
      await mkdir(path);
      const old = new Date(Date.now() - 60_000);
      await utimes(path, old, old);
      assert.equal(await withLock(path, () => Promise.resolve("done")), "done");
      assert.deepEqual(await readdir(folder), []);
    });
  });

  it("is given back when the work fails", async () => {
    await withFolder(async folder => {
      const path = join(folder, "lock");
      await assert.rejects(
        withLock(path, () => Promise.reject(new Error("failed"))),
        /failed/,
      );
      assert.deepEqual(await readdir(folder), []);
    });
  });
});

describe("the process of an XS engine", () => {
  it("ends with the process that made it, which an idle engine does not keep alive", async () => {
    const { stdout } = await runScript("leave");
    const pid = Number(stdout);
    assert.ok(pid > 0, stdout);
    // The end of its input may reach it a moment after its parent has ended.
    for (let i = 0; i < 200 && !(await gone(pid)); i++) await stat(".");
    assert.ok(await gone(pid));
  });

  it("that crashes is told as an abort with its signal", async () => {
    await withProgram("echo", {}, async bench => {
      await bench.start();
      assert.ok(bench.engine instanceof XsEngine && bench.engine.processId);
      process.kill(bench.engine.processId, "SIGSEGV");
      const { abort } = await bench.readable([1]);
      assert.equal(abort?.reason, "engine crashed");
      assert.match(abort.detail, /SIGSEGV/);
    });
  });

  it("is gone after stop", async () => {
    const engine = await createEngine({ engine: "xs", entry: `${PROGRAMS}/echo` });
    assert.ok(engine instanceof XsEngine && engine.processId);
    await new Bench(engine).start();
    await engine.stop();
    assert.ok(await gone(engine.processId));
  });
});
