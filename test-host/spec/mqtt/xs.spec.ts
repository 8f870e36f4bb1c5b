import assert from "node:assert/strict";
import type { EngineAction, EngineMemory, EngineTurn } from "../../simulator/engine.js";
import { createEngine, EngineError, type FirmwareEngine } from "../../xs/index.js";

/** Bytes of byte code that all modules of the folder may have together; measured 20,624. */
const BYTECODE_LIMIT = 20_700;

/**
 * Slots that a connected client, its session and the application's own options and callbacks may
 * hold; measured 216, about a third of them the application's.
 */
const SLOT_LIMIT = 230;

/** Chunk bytes for the same on a 64-bit host, two buffers of 256 bytes included; measured 664. */
const CHUNK_LIMIT = 750;

interface Alarm {
  readonly id: number;
  due: number;
  readonly repeatMs: number | undefined;
}

/** Runs a program's timers in order, for so many simulated milliseconds. */
class Runner {
  readonly reports: unknown[] = [];
  private now = 0;
  private alarms: Alarm[] = [];

  constructor(private readonly engine: FirmwareEngine) {}

  async start(): Promise<EngineMemory> {
    this.take(await this.engine.turn({ kind: "start" }, { nowMs: 0, moduleStatus: true, transmitRoom: 128 }));
    return this.engine.memory();
  }

  async advance(ms: number): Promise<EngineMemory> {
    const end = this.now + ms;
    for (;;) {
      const next = this.alarms.sort((a, b) => a.due - b.due)[0];
      if (!next || next.due > end) break;
      this.now = next.due;
      if (next.repeatMs === undefined) this.alarms.shift();
      else next.due += next.repeatMs;
      const inputs = { nowMs: this.now, moduleStatus: true, transmitRoom: 128 };
      this.take(await this.engine.turn({ kind: "timer", id: next.id }, inputs));
    }
    this.now = end;
    return this.engine.memory();
  }

  private take(turn: EngineTurn): void {
    assert.equal(turn.abort, undefined);
    for (const action of turn.actions) this.apply(action);
  }

  private apply(action: EngineAction): void {
    if (action.kind === "report") this.reports.push(JSON.parse(action.text));
    else if (action.kind === "clearTimer") this.alarms = this.alarms.filter(({ id }) => id !== action.id);
    else if (action.kind === "setTimer")
      this.alarms.push({ id: action.id, due: this.now + action.ms, repeatMs: action.repeatMs });
  }
}

describe("mqtt client in the XS engine", () => {
  let engine: FirmwareEngine | undefined;

  before(async function () {
    this.timeout(120_000);
    try {
      engine = await createEngine({ engine: "xs", entry: "test-host/spec/mqtt/xs-program" });
    } catch (error) {
      if (error instanceof EngineError && error.kind === "no compiler") this.skip();
      throw error;
    }
  });
  after(async () => engine?.stop());

  it("subscribes, publishes and receives within its budget of memory and byte code", async () => {
    assert.ok(engine);
    const runner = new Runner(engine);
    const before = await runner.start();
    const connected = await runner.advance(35);
    const later = await runner.advance(75);
    assert.deepEqual(runner.reports, [
      ["granted", 1],
      ["done"],
      ["message", "aä/b", 3, 3],
      // CONNECT 20, SUBSCRIBE 10, PUBLISH 219, PUBACK 4
      ["sent", 253],
    ]);
    for (const memory of [connected, later]) {
      const slots = memory.slots - before.slots;
      const chunks = memory.chunkBytes - before.chunkBytes;
      assert.ok(slots <= SLOT_LIMIT, `${slots} slots`);
      assert.ok(chunks <= CHUNK_LIMIT, `${chunks} bytes in chunks`);
    }
    const modules = Object.entries(later.modules).filter(([name]) => name.startsWith("modules/mqtt/"));
    const bytecode = modules.reduce((sum, [, size]) => sum + size, 0);
    assert.ok(bytecode <= BYTECODE_LIMIT, `${bytecode} bytes of byte code`);
    assert.deepEqual(engine.loadedNatives, {}, "every module can be preloaded into flash");
  });
});
