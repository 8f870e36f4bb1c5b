import assert from "node:assert/strict";
import type { UnitResult } from "../../../certs/factory/line.js";
import { FactoryError } from "../../../certs/factory-error.js";
import { openLedger } from "../../../certs/ledger/open.js";
import { BenchPort } from "../../factory/bench-port.js";
import { wholeRun } from "../../factory/kill-points.js";
import { LineBench } from "../../factory/line-bench.js";
import type { LineJob } from "../../factory/line-job.js";
import { assertSettled, assertSound } from "../../factory/settled.js";
import { SimDevice } from "../../factory/sim-device.js";

/** Runs after which a unit must be done, whatever happened in those before. */
const RUNS = 8;

/** What is waited for here is a device that does not answer; it is as silent in a tenth of the time. */
const HASTE = 10;

interface Scene {
  readonly device: SimDevice;
  readonly port: BenchPort;
  readonly job: LineJob;
}

describe("bad days of a line: run again and it continues", function () {
  this.timeout(120_000);
  let bench: LineBench;
  let places = 0;
  before(async () => {
    bench = await LineBench.create({
      target: "device",
      route: "host-tls",
      key: { made: "device", kind: "P-256" },
    });
  });
  after(() => {
    assert.deepEqual(bench.leaks(), []);
    bench.remove();
  });

  async function scene(work: (scene: Scene) => Promise<void>): Promise<void> {
    const place = bench.place(`day-${String(++places)}`, ["serial", "unit-1", "unit-2"]);
    const device = new SimDevice({ mac: "02AB00000001" });
    const port = await BenchPort.open(device);
    try {
      await work({ device, port, job: bench.job(place, { ports: [port.address], haste: HASTE }) });
    } finally {
      await port.close();
    }
  }

  async function settled({ device, job }: Scene, mostCertificates = 1): Promise<void> {
    for (const key of device.keys.seen.values()) bench.secrets.addKey(key);
    const ledger = await openLedger(job.ledger);
    try {
      const { certificates } = await assertSettled(ledger, "unit-1", device, bench.authority);
      assert.ok(certificates.length <= mostCertificates, `${certificates.length} certificates`);
      assert.equal((await ledger.unit("unit-2"))?.state, "listed", "the next unit is still to be had");
      await assertSound(ledger);
    } finally {
      await ledger.close();
    }
  }

  /** Runs until the unit is done; what ended the others. */
  async function until(scene: Scene, before: (run: number) => void): Promise<readonly UnitResult[]> {
    const failures: UnitResult[] = [];
    for (let run = 0; run < RUNS; run++) {
      before(run);
      const [result] = await wholeRun(bench, scene.job);
      assert.ok(result);
      if (result.outcome === "done" || result.outcome === "already") return failures;
      assert.equal(result.outcome, "failed");
      assert.ok(result.error instanceof FactoryError);
      assert.notEqual(result.error.code, "internal", result.error.what);
      assert.notEqual(result.error.side, "input", result.error.what);
      failures.push(result);
    }
    return assert.fail(
      `still not done: ${failures.map(({ error }) => `${error?.code ?? ""}: ${error?.what ?? ""}`).join("; ")}`,
    );
  }

  it("the supply of the unit fails at any step of its flash", async () => {
    // How many steps a whole run takes.
    let steps = 0;
    await scene(async one => {
      await until(one, () => undefined);
      steps = one.device.writes;
    });
    let failed = 0;
    for (let at = 1; at < steps; at += 23)
      await scene(async one => {
        const { device } = one;
        device.onDeath = () => setTimeout(() => device.powerCycle(), 5);
        device.cutAfter(at, at);
        failed += (await until(one, () => undefined)).length;
        // What was cut off while the vault was filled may have taken the key with it.
        await settled(one, 2);
      });
    assert.ok(steps > 500 && failed >= 0, `${steps} steps`);
  });

  it("the cable is pulled after any number of bytes", async () => {
    let bytes = 0;
    await scene(async one => {
      one.port.fault = piece => {
        bytes += piece.length;
        return piece;
      };
      await until(one, () => undefined);
    });
    for (let at = 20; at < bytes; at += Math.ceil(bytes / 40))
      await scene(async one => {
        let left = at;
        one.port.fault = piece => {
          left -= piece.length;
          if (left >= 0) return piece;
          left = Infinity;
          setImmediate(() => one.port.pull());
          return piece.subarray(0, 0);
        };
        await until(one, () => undefined);
        await settled(one);
      });
  });

  it("bytes are flipped, lost and doubled on the way, and what is told of it never names a key", async () => {
    for (let seed = 1; seed <= 12; seed++)
      await scene(async one => {
        let state = seed;
        const random = (below: number): number => {
          state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
          return (state >>> 8) % below;
        };
        one.port.fault = piece => {
          if (random(12) !== 0 || piece.length === 0) return piece;
          const at = random(piece.length);
          const bytes = Uint8Array.from(piece);
          switch (random(3)) {
            case 0:
              bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
              return bytes;
            case 1:
              return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
            default:
              return Buffer.concat([bytes.subarray(0, at + 1), bytes.subarray(at)]);
          }
        };
        await until(one, run => {
          // A line that is never clean cannot be worked on; it is mended in the end.
          if (run === RUNS - 1) one.port.fault = piece => piece;
        });
        await settled(one);
      });
  });

  it("the disk under the ledger is full, and has one page more in each further run", async () => {
    await scene(async one => {
      const codes = new Set<string>();
      let mostBytes = 4096;
      for (; ; mostBytes += 4096) {
        assert.ok(mostBytes < 4_000_000, "never enough");
        const job = { ...one.job, mostBytes };
        try {
          const [result] = await wholeRun(bench, job);
          if (result?.outcome === "done") break;
          assert.equal(result?.outcome, "failed");
          assert.equal(result.error?.side, "environment", result.error?.code);
          codes.add(result.error.code);
        } catch (error) {
          assert.ok(error instanceof FactoryError, String(error));
          assert.equal(error.side, "environment", error.code);
          codes.add(error.code);
        }
      }
      assert.deepEqual([...codes], ["ledger-full"]);
      assert.equal(one.device.keys.made, 1);
      await settled(one);
    });
  });

  it("nothing is at the port: that is told, no unit is used up, and the next run makes it", async () => {
    await scene(async one => {
      one.port.remove();
      const [result] = await wholeRun(bench, one.job);
      assert.equal(result?.outcome, "failed");
      assert.equal(result.serial, undefined);
      assert.deepEqual([result.error?.code, result.error?.side], ["silent", "unit"]);
      const ledger = await openLedger(one.job.ledger);
      assert.deepEqual((await ledger.summary()).byState, { listed: 2 });
      await ledger.close();
      one.port.insert(one.device);
      await until(one, () => undefined);
      await settled(one);
    });
  });

  it("the unit is another one when the run is repeated: it gets the next serial, and the first one waits", async () => {
    await scene(async one => {
      let left = 30;
      one.port.fault = (piece, toDevice) => {
        if (toDevice && --left === 0) setImmediate(() => one.port.pull());
        return left <= 0 ? piece.subarray(0, 0) : piece;
      };
      const [first] = await wholeRun(bench, one.job);
      assert.equal(first?.outcome, "failed");
      one.port.fault = piece => piece;
      const other = new SimDevice({ mac: "02AB00000002" });
      one.port.insert(other);
      const [second] = await wholeRun(bench, one.job);
      assert.deepEqual([second?.outcome, second?.serial], ["done", "unit-2"]);
      one.port.insert(one.device);
      const [third] = await wholeRun(bench, one.job);
      assert.deepEqual([third?.outcome, third?.serial], ["done", "unit-1"]);
      for (const key of [...one.device.keys.seen.values(), ...other.keys.seen.values()])
        bench.secrets.addKey(key);
      const ledger = await openLedger(one.job.ledger);
      await assertSettled(ledger, "unit-1", one.device, bench.authority);
      await assertSettled(ledger, "unit-2", other, bench.authority);
      await assertSound(ledger);
      await ledger.close();
    });
  });
});
