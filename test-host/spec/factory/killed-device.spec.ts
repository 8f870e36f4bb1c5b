import assert from "node:assert/strict";
import { openLedger } from "../../../certs/ledger/open.js";
import { BenchPort } from "../../factory/bench-port.js";
import { JobProgram } from "../../factory/job-process.js";
import { killEverywhere, wholeRun, type World } from "../../factory/kill-points.js";
import { LineBench, type BenchProfile } from "../../factory/line-bench.js";
import { all, assertSettled, assertSound } from "../../factory/settled.js";
import { SimDevice } from "../../factory/sim-device.js";

const MAC = "02AB00000001";

/** Where a key was made and is not in the ledger yet. */
const UNKNOWN_KEY = ["after generate", "before advance to keyed"];

describe("a run at a device, killed at every change", function () {
  this.timeout(120_000);
  let program: JobProgram;
  before(async () => {
    program = await JobProgram.build();
  });
  after(() => {
    program.remove();
  });

  /** A device, a list of which it may be the first, and a run for it. */
  async function worldOf(
    bench: LineBench,
    profile: BenchProfile,
    name: string,
  ): Promise<World & { device: SimDevice }> {
    const place = bench.place(name, ["serial", "unit-1", "unit-2"]);
    const device = new SimDevice({ mac: MAC });
    const port = await BenchPort.open(device);
    const job = bench.job(place, { ports: [port.address] });
    const isOwn = profile.key.made === "device";
    return {
      job,
      device,
      check: async runs => {
        for (const key of device.keys.seen.values()) bench.secrets.addKey(key);
        const ledger = await openLedger(job.ledger);
        try {
          const { certificates } = await assertSettled(ledger, "unit-1", device, bench.authority);
          assert.deepEqual(Buffer.from(device.ca ?? []), Buffer.from(bench.broker.certificate));
          assert.equal(device.vault.state, "confirmed");
          const second = await ledger.unit("unit-2");
          assert.equal(second?.state, "listed", "one device takes one unit");
          assert.equal(second.attempts, 0);
          await assertSound(ledger);
          if (isOwn) {
            // A key that no ledger knows may be anybody's.
            const unknown = runs.filter(
              ({ killed, points }) => killed && UNKNOWN_KEY.includes(points.at(-1) ?? ""),
            );
            assert.ok(
              device.keys.made === 1 || device.keys.made === 1 + unknown.length,
              `${device.keys.made} keys were made`,
            );
            assert.equal(certificates.length, 1, "a key that survives keeps its certificate");
          } else assert.ok(certificates.length <= 1 + runs.length, `${certificates.length} certificates`);
          const { writes } = device;
          const events = (await all(ledger.events())).length;
          const again = await wholeRun(bench, job);
          // Another device would be the second unit; this one stays what it is.
          assert.deepEqual(
            again.map(({ outcome, serial }) => [outcome, serial]),
            [["already", "unit-1"]],
          );
          assert.equal(device.writes, writes, "not one byte was written");
          assert.ok((await all(ledger.events())).length - events <= 2, "at most that it was looked at");
          assert.equal((await ledger.unit("unit-2"))?.state, "listed");
        } finally {
          await ledger.close();
        }
      },
      end: () => port.close(),
    };
  }

  const KINDS: readonly (readonly [title: string, profile: BenchProfile, least: number])[] = [
    [
      "that makes its key itself",
      { target: "device", route: "host-tls", key: { made: "device", kind: "P-256" } },
      30,
    ],
    [
      "that is given an RSA key",
      { target: "device", module: "bc66", route: "module-tls", key: { made: "host", kind: "RSA-2048" } },
      30,
    ],
  ];
  for (const [title, profile, least] of KINDS)
    it(`is continued, for one ${title}: one certificate in use, nothing lost, doubled or leaked`, async () => {
      const bench = await LineBench.create(profile);
      try {
        const { points } = await killEverywhere({
          bench,
          program,
          world: name => worldOf(bench, profile, name),
          again: point => profile.key.made === "device" && point === 17,
        });
        assert.ok(points >= least, `${points} points`);
        assert.deepEqual(bench.leaks(), []);
      } finally {
        bench.remove();
      }
    });
});
