import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { openLedger } from "../../../certs/ledger/open.js";
import { JobProgram } from "../../factory/job-process.js";
import { killEverywhere, wholeRun } from "../../factory/kill-points.js";
import { LineBench } from "../../factory/line-bench.js";
import { parseImage } from "../../factory/parse-image.js";
import { assertSettled, assertSound } from "../../factory/settled.js";

describe("a run that makes images, killed at every change", function () {
  this.timeout(120_000);
  let program: JobProgram;
  let bench: LineBench;
  before(async () => {
    program = await JobProgram.build();
    bench = await LineBench.create({ target: "image", key: { made: "host", kind: "P-256" } });
  });
  after(() => {
    program.remove();
    bench.remove();
  });

  it("is continued by the next run: one image, of one certificate, nothing lost, doubled or leaked", async () => {
    const { points } = await killEverywhere({
      bench,
      program,
      again: point => point === 14,
      world: name => {
        const place = bench.place(name, ["serial", "unit-1"]);
        const job = bench.job(place, { images: place.folder });
        const image = join(place.folder, "unit-1.bin");
        return Promise.resolve({
          job,
          check: async () => {
            const ledger = await openLedger(job.ledger);
            try {
              const { ca, certificate, key } = parseImage(readFileSync(image));
              assert.ok(key);
              const publicKey = createPublicKey(
                createPrivateKey({ key: Buffer.from(key), format: "der", type: "pkcs8" }),
              ).export({ format: "der", type: "spki" });
              bench.secrets.addKey(key);
              await assertSettled(ledger, "unit-1", { certificate, ca, publicKey }, bench.authority);
              assert.deepEqual(Buffer.from(ca ?? []), Buffer.from(bench.broker.certificate));
              await assertSound(ledger);
              assert.equal(statSync(image).mode & 0o777, 0o600);
              assert.deepEqual(
                readdirSync(place.folder).filter(name => /bin/.test(name)),
                ["unit-1.bin"],
                "no half image stays",
              );
              const before = statSync(image);
              const again = await wholeRun(bench, job);
              assert.deepEqual(
                again.map(({ outcome }) => outcome),
                ["already"],
              );
              assert.equal(statSync(image).ino, before.ino, "a finished one is left alone");
            } finally {
              await ledger.close();
            }
          },
          end: () => Promise.resolve(),
        });
      },
    });
    assert.ok(points >= 14, String(points));
    assert.deepEqual(
      bench.leaks(path => path.endsWith(".bin")),
      [],
    );
  });
});
