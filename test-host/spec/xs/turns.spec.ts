import assert from "node:assert/strict";
import type { EngineTurn } from "../../simulator/engine.js";
import { EngineError, createEngine } from "../../xs/index.js";
import { ENGINES, PROGRAMS, reports, untimed, withProgram } from "./support.js";

const HELLO = [...Buffer.from("hello")];

describe("turns of an engine", () => {
  for (const engine of ENGINES) {
    describe(engine, () => {
      it("tells the actions of a turn in order", async () => {
        await withProgram("echo", { engine }, async bench => {
          assert.deepEqual(untimed(await bench.start()), [
            { kind: "report", text: '["starting"]' },
            { kind: "open", baud: 9600 },
            { kind: "report", text: '["opened"]' },
          ]);
          assert.deepEqual(untimed(await bench.readable(HELLO)), [
            { kind: "report", text: '["readable",5]' },
            { kind: "read", count: 5 },
            { kind: "write", bytes: Uint8Array.from(HELLO) },
          ]);
        });
      });

      it("refuses a turn after stop", async () => {
        const made = await createEngine({ engine, entry: `${PROGRAMS}/echo` });
        await made.stop();
        await assert.rejects(
          made.turn({ kind: "start" }, { nowMs: 0, moduleStatus: false, transmitRoom: 1 }),
          (error: unknown) => error instanceof EngineError && error.kind === "stopped",
        );
      });

      it("ends a turn that is under way when it is stopped", async () => {
        const made = await createEngine({ engine, entry: `${PROGRAMS}/echo` });
        const turn = made.turn({ kind: "start" }, { nowMs: 0, moduleStatus: false, transmitRoom: 1 });
        await Promise.all([turn, made.stop()]);
        assert.equal((await turn).actions.length, 3);
      });

      it("is stopped twice without harm", async () => {
        const made = await createEngine({ engine, entry: `${PROGRAMS}/echo` });
        await made.stop();
        await made.stop();
      });

      it("answers turns that are asked for at once in their order", async () => {
        await withProgram("echo", { engine }, async bench => {
          const turns = await Promise.all([bench.start(), bench.readable([1]), bench.readable([2])]);
          assert.deepEqual(
            turns.map(turn => turn.actions.length),
            [3, 3, 3],
          );
          assert.deepEqual(untimed(turns[2])[2], { kind: "write", bytes: Uint8Array.of(2) });
        });
      });

      it("reports strings, numbers and booleans as JSON", async () => {
        await withProgram("probe", { engine }, async bench => {
          await bench.start();
          const [turn] = [await bench.message({ run: "reportValues" })];
          assert.deepEqual(reports(turn), [
            [
              "values",
              "plain",
              'quote " backslash \\ tab \t nul \0 é € 😀 \ud800',
              0.1,
              -7,
              1e21,
              2 ** 53,
              true,
              false,
            ],
            ["absent", null, null, null],
          ]);
        });
      });

      it("refuses to report an object", async () => {
        await withProgram("probe", { engine }, async bench => {
          await bench.start();
          assert.deepEqual(await bench.ask({ run: "reportObject" }), [
            ["thrown", "TypeError: report: a value is neither string, number nor boolean"],
          ]);
        });
      });

      it("drives PWRKEY and RESET_N and reads STATUS", async () => {
        await withProgram("probe", { engine }, async bench => {
          await bench.start();
          bench.inputs.moduleStatus = true;
          assert.deepEqual(untimed(await bench.message({ run: "lines" })), [
            { kind: "line", line: "PWRKEY", asserted: true },
            { kind: "line", line: "PWRKEY", asserted: false },
            { kind: "line", line: "RESET_N", asserted: true },
            { kind: "report", text: '["status",true]' },
          ]);
        });
      });
    });
  }

  it("places each action at the byte code that did it", async () => {
    await withProgram("echo", {}, async bench => {
      const { actions, compute } = await bench.start();
      const places = actions.map(action => action.at);
      const [first = 0] = places;
      assert.ok(first > 0, "something ran before the first action");
      assert.deepEqual(
        places,
        [...places].sort((a, b) => a - b),
      );
      assert.ok((places.at(-1) ?? Infinity) < compute, "something ran after the last one");
      assert.equal(new Set(places).size, places.length);
    });
  });

  it("gives the same compute figures in every run", async () => {
    const run = async (): Promise<EngineTurn[]> => {
      const turns: EngineTurn[] = [];
      await withProgram("echo", {}, async bench => {
        turns.push(await bench.start());
        for (let i = 0; i < 20; i++) turns.push(await bench.readable(HELLO));
      });
      return turns;
    };
    assert.deepEqual(await run(), await run());
  });

  it("rejects a readable event whose count is not what is buffered", async () => {
    await withProgram("echo", {}, async bench => {
      await bench.start();
      await assert.rejects(
        bench.readable([1, 2], 7),
        (error: unknown) => error instanceof EngineError && error.kind === "protocol",
      );
    });
  });
});

describe("both engines", () => {
  const script: readonly object[] = [
    { run: "values" },
    { run: "random" },
    { run: "setTimers" },
    { run: "clock" },
    { run: "flash" },
    { run: "lines" },
    { run: "config" },
    { run: "credential", role: "certificate" },
  ];

  it("do the same for the same program, events and seed", async () => {
    const credentials = { certificate: Uint8Array.from({ length: 300 }, (_, index) => index) };
    const run = async (engine: "xs" | "node"): Promise<unknown[]> => {
      const seen: unknown[] = [];
      const config = { module: "bg95", list: [1, { deep: true }], text: "\u2028" };
      await withProgram("probe", { engine, seed: 7, config, credentials }, async bench => {
        bench.inputs.nowMs = 12.5;
        seen.push(untimed(await bench.start()));
        for (const message of script) seen.push(untimed(await bench.message(message)));
      });
      return seen;
    };
    const [xs, node] = [await run("xs"), await run("node")];
    assert.deepEqual(xs, node);
    assert.ok(JSON.stringify(xs).length > 800, "the program did something");
    assert.doesNotMatch(JSON.stringify(xs), /thrown/);
  });
});
