import assert from "node:assert/strict";
import type { UnitState } from "../../../certs/ledger/ledger.js";
import type { LineEvent, UnitResult } from "../../../certs/factory/line.js";
import { runImages } from "../../../certs/factory/run-images.js";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { parseImage } from "../../factory/parse-image.js";
import { assertSettled } from "../../factory/settled.js";
import { watchedLedger, type OnPoint } from "../../factory/watched.js";
import { Ends, FlowBench } from "./flow-bench.js";

describe("flow: an image that goes to a pipe", () => {
  const ends = new Ends();
  afterEach(() => ends.run());

  let images: Uint8Array[] = [];
  let bench: FlowBench;
  beforeEach(async () => {
    images = [];
    bench = await FlowBench.create({ profile: { target: "image", key: { made: "host", kind: "P-256" } } });
    ends.add(() => bench.end());
  });

  interface PipeRun {
    readonly write?: (image: Uint8Array, states: readonly UnitState[]) => void;
    readonly onPoint?: OnPoint;
  }

  async function pipe({ write, onPoint = () => undefined }: PipeRun = {}): Promise<UnitResult> {
    const states: UnitState[] = [];
    let result: UnitResult | undefined;
    await runImages(
      {
        recipe: bench.recipe,
        ledger: watchedLedger(bench.ledger, onPoint),
        station: "station-1",
        serials: ["unit-1"],
        onEvent: (event: LineEvent) => {
          if (event.event === "state") states.push(event.state);
        },
        imageOf: () => ({
          path: "-",
          write: image => {
            images.push(Uint8Array.from(image));
            write?.(image, states);
          },
        }),
      },
      told => (result = told),
    );
    assert.ok(result);
    return result;
  }

  async function isMade(): Promise<void> {
    const before = await bench.said("unit-1");
    const given = images.length;
    const again = await pipe();
    assert.deepEqual([again.outcome, again.error?.code], ["failed", "image-made"]);
    assert.equal(images.length, given, "no second image");
    assert.deepEqual(await bench.said("unit-1"), before);
    assert.equal((await bench.certificates("unit-1")).length, 1);
  }

  it("is in use in the ledger before a byte of it leaves, and leaves once", async () => {
    let reached: readonly UnitState[] = [];
    const result = await pipe({ write: (_, states) => (reached = [...states]) });
    assert.equal(result.outcome, "done");
    assert.equal(reached.at(-1), "used");
    assert.equal(images.length, 1);
    const { ca, certificate, key } = parseImage(images[0] ?? new Uint8Array());
    assert.ok(key);
    const half = createPublicKey(createPrivateKey({ key: Buffer.from(key), format: "der", type: "pkcs8" }));
    const publicKey = half.export({ format: "der", type: "spki" });
    await assertSettled(bench.ledger, "unit-1", { ca, certificate, publicKey }, bench.issuer.certificate);
  });

  it("is not made a second time after the pipe broke: its first bytes may have arrived", async () => {
    const broken = await pipe({
      write: () => {
        throw new Error("EPIPE");
      },
    });
    assert.equal(broken.outcome, "failed");
    assert.deepEqual(await bench.fates("unit-1"), ["active"]);
    await isMade();
  });

  it("is not made a second time when the ledger fails after it has left", async () => {
    let failing = false;
    const failed = await pipe({
      write: () => (failing = true),
      onPoint: () => {
        if (failing) throw new Error("killed");
      },
    });
    assert.deepEqual([failed.outcome, failed.state, images.length], ["failed", "used", 1]);
    await isMade();
  });

  for (const state of ["written", "used"] as const)
    it(`is not made a second time by a run after one that ended at ${state}`, async () => {
      let dead = false;
      await pipe({
        onPoint: point => {
          dead ||= point === `after advance to ${state}`;
          if (dead) throw new Error("killed");
        },
      });
      assert.equal(dead, true);
      await isMade();
    });

  for (const [state, fates] of [
    ["keyed", ["active"]],
    ["issuing", ["active"]],
    ["issued", ["abandoned", "active"]],
  ] as const)
    it(`is made anew after a run that ended at ${state}: no byte of its key had left`, async () => {
      let dead = false;
      await pipe({
        onPoint: point => {
          dead ||= point === `after advance to ${state}`;
          if (dead) throw new Error("killed");
        },
      });
      assert.equal(images.length, 0);
      assert.equal((await pipe()).outcome, "done");
      assert.equal(images.length, 1);
      assert.deepEqual(await bench.fates("unit-1"), fates);
    });
});
