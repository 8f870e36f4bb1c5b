import assert from "node:assert/strict";
import Database from "better-sqlite3";
import { statSync } from "node:fs";
import { join } from "node:path";
import type { LineEvent, LineOptions, UnitResult } from "../../../certs/factory/line.js";
import { runLine } from "../../../certs/factory/run-line.js";
import { openLedger } from "../../../certs/ledger/open.js";
import { openDeviceTarget } from "../../../hosts/workstation/provision/targets/device.js";
import { BenchPort } from "../../factory/bench-port.js";
import { assertSettled } from "../../factory/settled.js";
import { SimDevice } from "../../factory/sim-device.js";
import { Ends, FlowBench, HASTY, type FlowOptions } from "./flow-bench.js";

/** Looks at a port for the next unit, after which a run hangs. */
const LOOKS = 40;

describe("flow: a port at which one unit comes after the other", function () {
  this.timeout(30_000);
  const ends = new Ends();
  afterEach(() => ends.run());

  async function scene(options: FlowOptions = {}) {
    const bench = await FlowBench.create(options);
    ends.add(() => bench.end());
    const devices = [1, 2].map(number => new SimDevice({ mac: `02AB0000000${String(number)}` }));
    const [first, second] = devices;
    assert.ok(first && second);
    const port = await BenchPort.open(first);
    ends.add(() => port.close());
    return { bench, port, first, second };
  }

  type Scene = Awaited<ReturnType<typeof scene>>;

  /** Runs until the port ends by itself. `onLook`: before each look for the next unit, from 1. */
  async function continuous(
    { bench, port }: Scene,
    options: Partial<LineOptions>,
    onLook: (look: number, results: readonly UnitResult[]) => void = () => undefined,
  ): Promise<readonly UnitResult[]> {
    const results: UnitResult[] = [];
    const stop = new AbortController();
    let looks = 0;
    await runLine({
      recipe: bench.recipe,
      ledger: bench.ledger,
      station: "station-1",
      ports: [port.address],
      // A line that breaks is not mended, but told.
      open: address => openDeviceTarget(address, HASTY),
      continuous: true,
      signal: stop.signal,
      wait: () => {
        onLook(++looks, results);
        if (looks === LOOKS) stop.abort();
        return Promise.resolve();
      },
      ...options,
      onEvent: event => {
        if (event.event === "result") results.push(event);
        options.onEvent?.(event);
      },
    });
    assert.equal(stop.signal.aborted, false, "it did not end by itself");
    return results;
  }

  const told = (results: readonly UnitResult[]) =>
    results.map(({ outcome, serial, error }) => [outcome, serial, error?.code]);

  /** Once, when that unit has reached that state for the first time. */
  function once(work: () => void): (event: LineEvent) => void {
    let isOver = false;
    return event => {
      if (isOver || event.event !== "state" || event.state !== "keyed") return;
      isOver = true;
      work();
    };
  }

  /** After the first one the second one comes, then the first one again. */
  function feeder({ port, first, second }: Scene): (look: number, results: readonly UnitResult[]) => void {
    let seen = 0;
    return (_, results) => {
      if (port.device !== undefined) {
        if (results.length === seen) return;
        seen = results.length;
        port.remove();
      } else port.insert(results.length === 1 ? second : first);
    };
  }

  async function bothDone({ bench, first, second }: Scene): Promise<void> {
    const { ledger, issuer } = bench;
    await assertSettled(ledger, "unit-1", first, issuer.certificate);
    await assertSettled(ledger, "unit-2", second, issuer.certificate);
  }

  it("a pulled cable ends the unit that is there, and the next one is made", async () => {
    const one = await scene();
    const onEvent = once(() => one.port.pull());
    assert.deepEqual(told(await continuous(one, { onEvent }, feeder(one))), [
      ["failed", "unit-1", "gone"],
      ["done", "unit-2", undefined],
      ["done", "unit-1", undefined],
    ]);
    await bothDone(one);
  });

  it("a unit that another station takes over ends there, and the next one is made", async () => {
    const one = await scene();
    const { ledger } = one.bench;
    let taken: Promise<unknown> = Promise.resolve();
    const elsewhere = { station: "station-2", port: "p" };
    const onEvent = once(() => {
      taken = ledger
        .claim({ by: "identity", serial: "unit-1" }, elsewhere)
        .then(claim => claim && ledger.release(claim));
    });
    assert.deepEqual(told(await continuous(one, { onEvent }, feeder(one))), [
      ["failed", "unit-1", "claim-lost"],
      ["done", "unit-2", undefined],
      ["done", "unit-1", undefined],
    ]);
    await taken;
    await bothDone(one);
  });

  it("a moment in which somebody else writes to the ledger ends a unit, and the next one is made", async () => {
    const one = await scene({ ledger: { busyMs: 20 } });
    const writer = new Database(join(one.bench.folder, "ledger.db"));
    ends.add(() => Promise.resolve(void writer.close()));
    const onEvent = once(() => writer.exec("BEGIN IMMEDIATE"));
    const feed = feeder(one);
    const results = await continuous(one, { onEvent }, (look, results) => {
      if (writer.inTransaction) writer.exec("ROLLBACK");
      feed(look, results);
    });
    assert.deepEqual(told(results), [
      ["failed", "unit-1", "ledger-busy"],
      ["done", "unit-2", undefined],
      ["done", "unit-1", undefined],
    ]);
    await bothDone(one);
  });

  it("a full ledger ends the port: nothing can be made until there is room", async () => {
    const units = Array.from({ length: 20 }, (_, index) => `unit-${String(index + 1)}`);
    const one = await scene({ units });
    const path = join(one.bench.folder, "ledger.db");
    const full = await openLedger(path, { mostBytes: statSync(path).size + 4096 });
    ends.add(() => full.close());
    let macs = 0;
    const results = await continuous(one, { ledger: full }, () => {
      if (one.port.device !== undefined) one.port.remove();
      else one.port.insert(new SimDevice({ mac: `02AB000001${String(++macs).padStart(2, "0")}` }));
    });
    const last = results.at(-1);
    const before = results.slice(0, -1);
    assert.deepEqual([last?.outcome, last?.error?.code], ["failed", "ledger-full"]);
    assert.ok(before.every(({ outcome }) => outcome === "done"));
    assert.ok(before.length < units.length - 1, "it did not go on from failure to failure");
  });

  // It was a failed unit (port-missing), and a run in which every unit was done ended with 3.
  it("a run that begins before the first unit is there waits for it, says so once, and has no failure", async () => {
    const one = await scene();
    const notices: string[] = [];
    const onEvent = (event: LineEvent): void => {
      if (event.event === "notice" && event.code === "empty") notices.push(event.port);
    };
    one.port.remove();
    const feed = feeder(one);
    const results = await continuous(one, { onEvent }, (look, results) => {
      if (results.length > 0) feed(look, results);
      else if (look === 3) one.port.insert(one.first);
    });
    assert.deepEqual(told(results), [
      ["done", "unit-1", undefined],
      ["done", "unit-2", undefined],
    ]);
    assert.deepEqual(notices, [one.port.address]);
  });

  it("a port at which nobody ever was is told at the end", async () => {
    const one = await scene({ units: ["unit-1"] });
    const dead = await BenchPort.open();
    ends.add(() => dead.close());
    const results = await continuous(one, { ports: [one.port.address, dead.address] }, (_, { length }) => {
      if (length > 0) one.port.remove();
    });
    assert.deepEqual(told(results), [
      ["done", "unit-1", undefined],
      ["failed", undefined, "silent"],
    ]);
  });

  it("the run ends with an empty port when every unit of the list is finished", async () => {
    const one = await scene({ units: ["unit-1"] });
    let looks = 0;
    const results = await continuous(
      one,
      {
        onEvent: event => {
          if (event.event === "result") one.port.remove();
        },
      },
      () => looks++,
    );
    assert.deepEqual(told(results), [["done", "unit-1", undefined]]);
    assert.equal(looks, 0);
  });
});
