import assert from "node:assert/strict";
import { BG95 } from "../../simulator/bg95/bg95.js";
import type {
  Engine,
  EngineAction,
  EngineEvent,
  EngineInputs,
  EngineMemory,
  EngineTurn,
} from "../../simulator/engine.js";
import { MemoryNetwork } from "../../simulator/memory.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { Simulation, type SimulationOptions } from "../../simulator/simulation.js";
import { Authority } from "./authority.js";

type Step = Partial<Omit<EngineTurn, "actions">> & { readonly actions?: readonly EngineAction[] };
type Program = (event: EngineEvent, inputs: EngineInputs) => Step;

/** An engine whose firmware is a function of the test. */
class ScriptedEngine implements Engine {
  readonly name = "node";
  readonly version = "test";
  readonly seen: { event: EngineEvent; nowMs: number }[] = [];
  #running = false;

  constructor(readonly program: Program) {}

  turn(event: EngineEvent, inputs: EngineInputs): Promise<EngineTurn> {
    assert.ok(!this.#running, "turns overlap");
    this.#running = true;
    this.seen.push({ event, nowMs: inputs.nowMs });
    const step = this.program(event, inputs);
    return new Promise(resolve =>
      setImmediate(() => {
        this.#running = false;
        resolve({ compute: 0, collections: 0, ...step, actions: step.actions ?? [] });
      }),
    );
  }

  memory(): Promise<EngineMemory> {
    return Promise.reject(new Error("not measured"));
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}

interface Scene {
  readonly program: Program;
  readonly options?: Partial<SimulationOptions>;
  readonly booted?: boolean;
}

function scene({ program, options = {}, booted = true }: Scene) {
  const scheduler = new Scheduler();
  const network = new MemoryNetwork({ scheduler, names: { "broker.test": "192.0.2.10" } });
  const modem = new BG95({ scheduler, network });
  if (booted) modem.bootNow();
  const engine = new ScriptedEngine(program);
  const reports: [string, number][] = [];
  const simulation = new Simulation({
    scheduler,
    modem,
    engine,
    onReport: (text, atMs) => reports.push([text, atMs]),
    ...options,
  });
  return { scheduler, network, modem, engine, simulation, reports };
}

/** A client that types the lines one after another, waits for each answer, and reports it. */
function typist(lines: readonly string[]): Program {
  let index = 0;
  let text = "";
  const next = (): EngineAction[] => {
    const line = lines[index++];
    return line === undefined ? [] : [{ kind: "write", at: 20, bytes: Buffer.from(line, "latin1") }];
  };
  return event => {
    switch (event.kind) {
      case "start":
        return {
          compute: 10,
          actions: [
            { kind: "open", at: 5, baud: 115_200 },
            { kind: "setTimer", at: 6, id: 1, ms: 50 },
          ],
        };
      case "timer":
        return { compute: 30, actions: next() };
      case "readable": {
        text += Buffer.from(event.bytes).toString("latin1");
        const read: EngineAction = { kind: "read", at: 1, count: event.count };
        if (!/\r\n(OK|ERROR|SEND OK|\+QS?I?S?L?OPEN: .*|\+QSSLURC: "recv",\d+)\r\n$|> $/.test(text))
          return { compute: 10, actions: [read] };
        const report: EngineAction = { kind: "report", at: 9, text: JSON.stringify(["answer", text]) };
        text = "";
        return { compute: 40, actions: [read, report, ...next()] };
      }
      default:
        return {};
    }
  };
}

describe("simulation", () => {
  it("runs the first turn at time 0 and applies actions at their own compute steps", async () => {
    const { simulation, reports } = scene({
      program: event =>
        event.kind === "start"
          ? { compute: 4_000, actions: [{ kind: "report", at: 2_000, text: '["half"]' }] }
          : {},
      options: { cost: { nanosecondsPerStep: 500, collectionMs: 8 } },
    });
    assert.deepEqual(await simulation.run(), { reason: "idle" });
    assert.deepEqual(reports, [['["half"]', 1]]);
    assert.equal(simulation.counters.busyMs, 2);
  });

  it("keeps the engine busy for its steps and collections; what happens meanwhile waits in order", async () => {
    const { simulation, engine } = scene({
      program: event =>
        event.kind === "start"
          ? {
              compute: 2_000,
              collections: 1,
              actions: [
                { kind: "setTimer", at: 0, id: 2, ms: 3 },
                { kind: "setTimer", at: 0, id: 1, ms: 2 },
                { kind: "setTimer", at: 2_000, id: 3, ms: 20 },
              ],
            }
          : {},
      options: { cost: { nanosecondsPerStep: 500, collectionMs: 8 } },
    });
    await simulation.run();
    assert.deepEqual(
      engine.seen.map(({ event, nowMs }) => [event.kind === "timer" ? event.id : event.kind, nowMs]),
      [
        ["start", 0],
        [1, 9],
        [2, 9],
        [3, 21],
      ],
    );
  });

  it("repeats timers until cleared, without piling up behind a long turn", async () => {
    let count = 0;
    const { simulation, engine } = scene({
      program: event => {
        if (event.kind === "start")
          return { actions: [{ kind: "setTimer", at: 0, id: 7, ms: 10, repeatMs: 10 }] };
        if (event.kind !== "timer") return {};
        count++;
        if (count === 1) return { compute: 70_000 };
        return count === 3 ? { actions: [{ kind: "clearTimer", at: 0, id: 7 }] } : {};
      },
      options: { cost: { nanosecondsPerStep: 500, collectionMs: 0 } },
    });
    assert.equal((await simulation.run()).reason, "idle");
    assert.deepEqual(
      engine.seen.map(({ nowMs }) => nowMs),
      [0, 10, 45, 50],
    );
  });

  it("drops a timer that a turn cleared after it was due", async () => {
    const { simulation, engine } = scene({
      program: event =>
        event.kind === "start"
          ? {
              compute: 20_000,
              actions: [
                { kind: "setTimer", at: 0, id: 1, ms: 2 },
                { kind: "clearTimer", at: 20_000, id: 1 },
              ],
            }
          : {},
    });
    await simulation.run();
    assert.equal(engine.seen.length, 1);
  });

  it("carries AT commands over the UART and counts bytes and turns", async () => {
    const { simulation, reports, modem } = scene({ program: typist(["ATE0\r", "AT+CFUN?\r"]) });
    await simulation.run({ until: () => reports.length === 2 });
    assert.deepEqual(
      reports.map(([text]) => text),
      ['["answer","ATE0\\r\\r\\nOK\\r\\n"]', '["answer","\\r\\n+CFUN: 1\\r\\n\\r\\nOK\\r\\n"]'],
    );
    assert.equal(modem.commandCounts.get("+CFUN"), 1);
    const { toModuleBytes, toHostBytes, lostBytes } = simulation.counters;
    assert.deepEqual([toModuleBytes, toHostBytes, lostBytes], [14, 11 + 18, 0]);
  });

  it("drives power lines and shows STATUS in the inputs", async () => {
    const statuses: boolean[] = [];
    const { simulation, modem } = scene({
      booted: false,
      program: (event, inputs) => {
        statuses.push(inputs.moduleStatus);
        if (event.kind === "start") {
          return {
            actions: [
              { kind: "line", at: 0, line: "PWRKEY", asserted: true },
              { kind: "setTimer", at: 0, id: 1, ms: 600 },
              { kind: "setTimer", at: 0, id: 2, ms: 3_000 },
            ],
          };
        }
        return event.kind === "timer" && event.id === 1
          ? { actions: [{ kind: "line", at: 0, line: "PWRKEY", asserted: false }] }
          : {};
      },
    });
    await simulation.run({ untilMs: 5_000 });
    assert.deepEqual(statuses, [false, false, true]);
    assert.ok(modem.status);
  });

  it("loses bytes in the stock class when a turn is too long, and none in the buffered class", async () => {
    for (const [serial, lost] of [
      ["stock", true],
      ["buffered", false],
    ] as const) {
      let turns = 0;
      const { simulation, modem } = scene({
        program: event => {
          if (event.kind === "start") return { actions: [{ kind: "open", at: 0, baud: 115_200 }] };
          if (event.kind !== "readable") return {};
          return {
            compute: turns++ === 0 ? 40_000 : 100,
            actions: [{ kind: "read", at: 0, count: event.count }],
          };
        },
        options: { uart: { serial } },
      });
      await simulation.run({ untilMs: 10 });
      for (let line = 0; line < 20; line++) modem.module.urc("+TEST: " + "x".repeat(40));
      await simulation.run({ untilMs: 1_000 });
      assert.equal(simulation.counters.lostBytes > 0, lost, serial);
    }
  });

  it("tells the engine of an overrun with the number of lost bytes", async () => {
    const { simulation, modem, engine } = scene({
      program: event => (event.kind === "start" ? { actions: [{ kind: "open", at: 0, baud: 115_200 }] } : {}),
    });
    await simulation.run({ untilMs: 10 });
    for (let line = 0; line < 100; line++) modem.module.urc("+TEST: " + "x".repeat(43));
    await simulation.run({ untilMs: 1_000 });
    const lost = engine.seen.flatMap(({ event }) => (event.kind === "overrun" ? [event.lost] : []));
    assert.equal(
      lost.reduce((sum, count) => sum + count, 0),
      simulation.counters.lostBytes,
    );
    assert.ok(simulation.counters.lostBytes > 0);
  });

  it("makes garbage when the firmware opens another rate than the module's", async () => {
    const { simulation, modem } = scene({
      program: event =>
        event.kind === "start"
          ? {
              actions: [
                { kind: "open", at: 0, baud: 9_600 },
                { kind: "write", at: 0, bytes: Buffer.from("AT\r") },
              ],
            }
          : {},
    });
    await simulation.run({ untilMs: 1_000 });
    assert.equal(modem.commandCounts.size, 0);
    assert.ok(simulation.counters.garbledBytes > 0);
  });

  it("passes messages to the engine", async () => {
    const { simulation, engine } = scene({ program: () => ({}) });
    simulation.send('["stop"]');
    await simulation.run();
    assert.deepEqual(engine.seen[1]?.event, { kind: "message", text: '["stop"]' });
  });

  it("ends the run when the engine aborts, and stays ended", async () => {
    const abort = { reason: "memory full", detail: "slots" };
    const { simulation } = scene({ program: () => ({ compute: 10, abort }) });
    assert.deepEqual(await simulation.run(), { reason: "abort", abort });
    assert.deepEqual(await simulation.run(), { reason: "abort", abort });
  });

  describe("without real sockets", () => {
    let root: Authority;
    let server: Authority;
    before(async () => {
      root = await Authority.root({ name: "Root" });
      server = await root.issue({ name: "broker.test" });
    });

    /** A TLS exchange over NB-IoT with noise on the line; every byte with its time. */
    async function recorded(seed: number): Promise<string[]> {
      const scheduler = new Scheduler();
      const network = new MemoryNetwork({ scheduler, names: { "broker.test": "192.0.2.10" } });
      network.serveTls(8883, { key: server.keyPem, cert: server.certificatePem }, socket =>
        socket.on("data", (bytes: Buffer) => socket.write(bytes)),
      );
      const modem = new BG95({
        scheduler,
        network,
        link: "nb-iot",
        seed,
        faults: ["noise to=host rate=0.0005"],
      });
      modem.bootNow();
      const log: string[] = [];
      modem.onTap = (direction, bytes) =>
        log.push(`${scheduler.nowMs.toFixed(6)} ${direction} ${Buffer.from(bytes).toString("hex")}`);
      await scheduler.run({ untilMs: 30_000 });
      const lines = [
        "AT\r",
        "AT+QIACT=1\r",
        'AT+QSSLOPEN=1,0,0,"broker.test",8883\r',
        "AT\r",
        "AT\r",
        "AT+QSSLSEND=0,5\r",
        "hello",
        "AT+QSSLRECV=0,99\r",
        "AT\r",
      ];
      let delayMs = 0;
      for (const line of lines) scheduler.after((delayMs += 20_000), () => modem.receive(Buffer.from(line)));
      await scheduler.run({ untilMs: 400_000 });
      return log;
    }

    it("repeats byte for byte by seed, TLS included", async () => {
      const first = await recorded(5);
      assert.ok(
        first.some(line => line.includes(Buffer.from("+QSSLOPEN: 0,0").toString("hex"))),
        first.join("\n"),
      );
      assert.deepEqual(await recorded(5), first);
    });

    it("differs with another seed", async () => {
      assert.notDeepEqual(await recorded(5), await recorded(6));
    });
  });
});
