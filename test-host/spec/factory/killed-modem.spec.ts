import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { openLedger } from "../../../certs/ledger/open.js";
import type { BG95 } from "../../simulator/bg95/bg95.js";
import { JobProgram } from "../../factory/job-process.js";
import { killEverywhere, wholeRun, type World } from "../../factory/kill-points.js";
import { LineBench } from "../../factory/line-bench.js";
import { assertSettled, assertSound, type Shown } from "../../factory/settled.js";
import { ModemBench } from "./modem-bench.js";

/** What a BG95's files hold, whatever they are called. */
function held(modem: BG95, bench: LineBench): Shown & { readonly keys: number; readonly digest: string } {
  const found: { certificate?: Uint8Array; ca?: Uint8Array; publicKey?: Uint8Array } = {};
  let keys = 0;
  const texts = modem.files.names
    .sort()
    .map(name => Buffer.from(modem.files.read(name) ?? []).toString("latin1"));
  for (const text of texts)
    if (text.includes("PRIVATE KEY")) {
      const key = createPrivateKey(text);
      bench.secrets.addKeyObject(key);
      keys++;
      found.publicKey = createPublicKey(key).export({ format: "der", type: "spki" });
    } else if (text.includes("BEGIN CERTIFICATE")) {
      const { ca, raw } = new X509Certificate(text);
      found[ca ? "ca" : "certificate"] = raw;
    }
  const { certificate, ca, publicKey } = found;
  return { certificate, ca, publicKey, keys, digest: texts.join("|") };
}

async function modemWorld(bench: LineBench, name: string): Promise<World> {
  const place = bench.place(name, ["serial", "unit-1", "unit-2"]);
  const line = await ModemBench.bg95();
  const job = bench.job(place, { ports: [line.address] });
  return {
    job,
    check: async runs => {
      const ledger = await openLedger(job.ledger);
      try {
        const shown = held(line.modem, bench);
        const { certificates } = await assertSettled(ledger, "unit-1", shown, bench.authority);
        assert.deepEqual(Buffer.from(shown.ca ?? []), Buffer.from(bench.broker.certificate));
        assert.equal(shown.keys, 1, "no key of an earlier run stays in the module");
        assert.ok(certificates.length <= 1 + runs.length, `${certificates.length} certificates`);
        assert.equal((await ledger.unit("unit-2"))?.state, "listed");
        await assertSound(ledger);
        const again = await wholeRun(bench, job);
        assert.deepEqual(
          again.map(({ outcome, serial }) => [outcome, serial]),
          [["already", "unit-1"]],
        );
        assert.equal(held(line.modem, bench).digest, shown.digest);
      } finally {
        await ledger.close();
      }
    },
    end: () => line.close(),
  };
}

describe("a run at a BG95, killed at every change", function () {
  this.timeout(180_000);
  let program: JobProgram;
  let bench: LineBench;
  before(async () => {
    program = await JobProgram.build();
    bench = await LineBench.create({
      target: "modem",
      module: "bg95",
      route: "module-tls",
      key: { made: "host", kind: "P-256" },
    });
  });
  after(() => {
    program.remove();
    bench.remove();
  });

  it("is continued by the next run: whole files of one certificate, nothing lost, doubled or leaked", async () => {
    const { points } = await killEverywhere({
      bench,
      program,
      lanes: 6,
      world: name => modemWorld(bench, name),
    });
    assert.ok(points >= 28, `${points} points`);
    assert.deepEqual(bench.leaks(), []);
  });
});
