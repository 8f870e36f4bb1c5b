import assert from "node:assert/strict";
import { mkdtemp, open, rm } from "node:fs/promises";
import { connect } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BG95 } from "../../simulator/bg95/bg95.js";
import { MemoryNetwork } from "../../simulator/memory.js";
import { Scheduler, type SchedulerMode } from "../../simulator/scheduler.js";
import { serveConsole } from "../../simulator/serve-console.js";
import { ServeError } from "../../simulator/serve-bytes.js";
import { Simulation, type ComputeCost } from "../../simulator/simulation.js";
import { createEngine, type EngineOptions } from "../../xs/index.js";
import { ENGINES, PROGRAMS, untimed, withProgram, type Bench } from "./support.js";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

async function withDevice(options: EngineOptions, work: (bench: Bench) => Promise<void>): Promise<void> {
  await withProgram("device", options, async bench => {
    await bench.start();
    await work(bench);
  });
}

/** What the console hears, as the engine's contract has it. */
function heard(bench: Bench, line: string): ReturnType<Bench["turn"]> {
  const bytes = Buffer.from(line, "latin1");
  return bench.turn({ kind: "readable", port: 0, bytes, count: bytes.length });
}

describe("the console of an engine", () => {
  for (const engine of ENGINES) {
    describe(engine, () => {
      it("is absent unless asked for", async () => {
        await withProgram("device", { engine }, async bench => {
          const turn = await bench.start();
          assert.deepEqual(untimed(turn), [
            { kind: "open", baud: 115200 },
            { kind: "report", text: '["console",false]' },
          ]);
        });
      });

      it("is a port of its own, with its own rate", async () => {
        await withProgram("device", { engine, console: { baud: 921_600 } }, async bench => {
          assert.deepEqual(untimed(await bench.start()), [
            { kind: "open", baud: 115200 },
            { kind: "open", port: 0, baud: 921600 },
            { kind: "report", text: '["console",true]' },
          ]);
        });
      });

      it("reads and writes beside the module's port", async () => {
        await withDevice({ engine, console: true }, async bench => {
          bench.inputs.consoleRoom = 100;
          assert.deepEqual(untimed(await heard(bench, "say hello\n")), [
            { kind: "read", port: 0, count: 10 },
            { kind: "report", text: '["console","say hello"]' },
            { kind: "write", port: 0, bytes: Uint8Array.from(Buffer.from("hello\n")) },
          ]);
          assert.deepEqual(untimed(await bench.readable([65, 10])), [
            { kind: "read", count: 2 },
            { kind: "report", text: '["serial","A"]' },
          ]);
        });
      });

      it("has a transmit buffer of its own", async () => {
        await withDevice({ engine, console: true }, async bench => {
          bench.inputs.consoleRoom = 3;
          bench.inputs.transmitRoom = 100;
          assert.deepEqual(await bench.ask("say abc"), [["thrown", "Error: output full"]]);
          assert.deepEqual(untimed(await bench.message("modem abc")), [
            { kind: "write", bytes: Uint8Array.from(Buffer.from("abc\r")) },
          ]);
        });
      });

      it("is told of room and loss apart from the module's port", async () => {
        await withDevice({ engine, console: true }, async bench => {
          assert.deepEqual(untimed(await bench.turn({ kind: "writable", port: 0, room: 7 })), [
            { kind: "report", text: '["writable","console",7]' },
          ]);
          assert.deepEqual(untimed(await bench.turn({ kind: "overrun", port: 0, lost: 2 })), [
            { kind: "report", text: '["overrun","console"]' },
          ]);
          assert.deepEqual(untimed(await bench.turn({ kind: "overrun", lost: 2 })), [
            { kind: "report", text: '["overrun","serial"]' },
          ]);
        });
      });

      for (const [serial, console, expected] of [
        ["buffered", "buffered", [4096, 4096]],
        ["buffered", "stock", [4096, null]],
        ["stock", "buffered", [null, 4096]],
        ["stock", "stock", [null, null]],
      ] as const) {
        it(`of the ${console} class stands beside a module's port of the ${serial} class`, async () => {
          await withDevice({ engine, serial, console: { serial: console } }, async bench => {
            assert.deepEqual(await bench.ask("headroom"), [["headroom", ...expected]]);
            const turn = await bench.turn({ kind: "overrun", port: 0, lost: 1 });
            assert.equal(turn.actions.length, console === "stock" ? 0 : 1);
          });
        });
      }

      it("is opened once at a time, and again after it was closed", async () => {
        await withDevice({ engine, console: true }, async bench => {
          assert.deepEqual(await bench.ask("again"), [["thrown", "Error: in use"]]);
          assert.deepEqual(untimed(await bench.message("close")), [{ kind: "close", port: 0 }]);
          assert.deepEqual(await bench.ask("again"), [["again", true]]);
        });
      });
    });
  }
});

interface Device {
  readonly simulation: Simulation;
  readonly scheduler: Scheduler;
  readonly modem: BG95;
  /** What the firmware reported, and when. */
  readonly reports: (readonly [report: string, atMs: number])[];
}

const quick: ComputeCost = { nanosecondsPerStep: 500, collectionMs: 0 };

async function withSimulation(
  options: EngineOptions & { readonly mode?: SchedulerMode },
  work: (device: Device) => Promise<void>,
): Promise<void> {
  const { mode = "virtual", ...rest } = options;
  const engine = await createEngine({ engine: "xs", console: true, ...rest, entry: `${PROGRAMS}/device` });
  const scheduler = new Scheduler({ mode });
  const modem = new BG95({ scheduler, network: new MemoryNetwork({ scheduler }) });
  modem.bootNow();
  const reports: [string, number][] = [];
  const simulation = new Simulation({
    scheduler,
    modem,
    engine,
    cost: quick,
    console: {
      serial: rest.console && rest.console !== true ? (rest.console.serial ?? "buffered") : "buffered",
    },
    onReport: (report, atMs) => reports.push([report, atMs]),
  });
  try {
    await work({ simulation, scheduler, modem, reports });
  } finally {
    await engine.stop();
  }
}

function send(device: Device, line: string): void {
  device.simulation.console.write(Buffer.from(`${line}\n`, "latin1"));
}

describe("the console's UART in a simulation", () => {
  for (const engine of ENGINES) {
    it(`carries bytes both ways, at its rate (${engine})`, async () => {
      await withSimulation({ engine, console: { baud: 9600 } }, async device => {
        const { simulation, scheduler } = device;
        simulation.console.baud = 9600;
        let answer = "";
        simulation.console.onData = bytes => (answer += text(bytes));
        await simulation.run({ untilMs: 100 });
        send(device, "say 0123456789");
        await simulation.run({ until: () => answer.endsWith("\n"), untilMs: 10_000 });
        assert.equal(answer, "0123456789\n");
        // 15 characters in, 4 idle ones, 11 out.
        const characters = ((scheduler.nowMs - 100) * 9600) / 10_000;
        assert.ok(characters >= 30 && characters < 36, `${characters} characters`);
        assert.deepEqual(
          [simulation.consoleUart.counters.toHostBytes, simulation.consoleUart.counters.toModuleBytes],
          [15, 11],
        );
      });
    });
  }

  it("is garbage at another rate than the firmware's", async () => {
    await withSimulation({}, async device => {
      device.simulation.console.baud = 9600;
      await device.simulation.run({ untilMs: 100 });
      send(device, "say hello");
      await device.simulation.run({ untilMs: 1_000 });
      assert.ok(device.simulation.consoleUart.counters.garbledBytes > 0);
      assert.ok(!device.reports.some(([report]) => report.includes("say hello")));
    });
  });

  it("of the stock class loses what comes while the engine is busy; the buffered class does not", async () => {
    for (const [serial, isLost] of [
      ["stock", true],
      ["buffered", false],
    ] as const) {
      await withSimulation({ console: { serial } }, async device => {
        const { simulation } = device;
        await simulation.run({ untilMs: 100 });
        send(device, "burn 20000");
        await simulation.run({ untilMs: 102 });
        for (let line = 0; line < 20; line++) send(device, `${line} 0123456789`);
        await simulation.run({ untilMs: 3_000 });
        assert.equal(simulation.consoleUart.counters.lostBytes > 0, isLost, serial);
        assert.equal(simulation.uart.counters.lostBytes, 0);
      });
    }
  });

  it("does not disturb the module's, nor the other way round", async () => {
    await withSimulation({}, async device => {
      const { simulation, reports } = device;
      let answer = "";
      simulation.console.onData = bytes => (answer += text(bytes));
      await simulation.run({ untilMs: 100 });
      send(device, "modem AT+CPIN?");
      send(device, "say first");
      send(device, "modem AT+CSQ");
      send(device, "say second");
      await simulation.run({ untilMs: 3_000 });
      assert.equal(answer, "first\nsecond\n");
      const lines = reports.map(([report]) => report).join(" ");
      assert.match(lines, /\+CPIN: READY/);
      assert.match(lines, /\+CSQ: /);
    });
  });

  it("loses what comes while the port is closed", async () => {
    await withSimulation({}, async device => {
      const { simulation, reports } = device;
      await simulation.run({ untilMs: 100 });
      send(device, "close");
      await simulation.run({ untilMs: 200 });
      send(device, "say hello");
      assert.equal((await simulation.run({ untilMs: 1_000 })).reason, "time");
      assert.ok(!reports.some(([report]) => report.includes("say hello")));
    });
  });

  it("is a stream to a tool of this process, in simulated time", async () => {
    await withSimulation({}, async device => {
      const stream = device.simulation.console.duplex();
      let answer = "";
      stream.on("data", (bytes: Buffer) => {
        answer += bytes.toString("latin1");
        if (answer === "one\n") stream.write("say two\n");
      });
      await device.simulation.run({ untilMs: 100 });
      stream.write("say one\n");
      await device.simulation.run({ until: () => answer === "one\ntwo\n", untilMs: 10_000 });
      assert.equal(answer, "one\ntwo\n");
      assert.ok(device.scheduler.nowMs < 200, "and no time passes beside that of the bytes");
    });
  });
});

describe("a console that is served to programs of this machine", () => {
  let folder: string;
  before(async () => (folder = await mkdtemp(join(tmpdir(), "console-"))));
  after(() => rm(folder, { recursive: true }));

  it("talks over a TCP port, while simulated time follows the wall clock", async () => {
    await withSimulation({ mode: "sockets" }, async ({ simulation, scheduler }) => {
      await simulation.run({ untilMs: 50 });
      const service = await serveConsole({ scheduler, line: simulation.console, at: "0" });
      const running = simulation.run();
      const socket = connect(Number(service.address.split(":")[1]), "127.0.0.1");
      await once(socket, "connect");
      const begunMs = performance.now();
      socket.write("later 300\n");
      let answer = "";
      while (!answer.endsWith("\n")) answer += String(((await once(socket, "data")) as [Buffer])[0]);
      assert.equal(answer, "later\n");
      assert.ok(performance.now() - begunMs > 250, "the device waits as long as a client sees it wait");
      socket.destroy();
      await service.stop();
      assert.equal((await running).reason, "idle");
    });
  });

  it("talks over a pty", async function () {
    this.timeout(10_000);
    await withSimulation({ mode: "sockets" }, async ({ simulation, scheduler }) => {
      const path = join(folder, "console");
      await simulation.run({ untilMs: 50 });
      const service = await serveConsole({ scheduler, line: simulation.console, at: path });
      const running = simulation.run();
      const port = await open(path, "r+");
      let answer = "";
      try {
        await port.write("say by pty\n");
        while (!answer.endsWith("\n")) {
          const { bytesRead, buffer } = await port.read(Buffer.alloc(64), 0, 64, null);
          answer += buffer.toString("latin1", 0, bytesRead);
        }
      } finally {
        await port.close();
        await service.stop();
        await running;
      }
      assert.equal(answer, "by pty\n");
    });
  });

  it("refuses a simulation that never looks at the wall clock", async () => {
    await withSimulation({}, async ({ simulation, scheduler }) => {
      await assert.rejects(serveConsole({ scheduler, line: simulation.console, at: "0" }), ServeError);
    });
  });
});
