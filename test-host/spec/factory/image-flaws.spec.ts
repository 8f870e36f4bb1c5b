import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ImageTarget } from "../../../certs/factory/image-target.js";
import type { UnitResult } from "../../../certs/factory/line.js";
import { readImage } from "../../../certs/factory/read-image.js";
import { runImages } from "../../../certs/factory/run-images.js";
import { verifyUnit, type VerifiedPoint } from "../../../certs/factory/verify.js";
import { FlowBench } from "./flow-bench.js";

describe("flow: an image that was made, and is not whole any more", function () {
  this.timeout(20_000);
  let bench: FlowBench;
  let good: Uint8Array;
  const path = (serial: string): string => join(bench.folder, `${serial}.bin`);

  async function make(...serials: readonly string[]): Promise<readonly UnitResult[]> {
    const results: UnitResult[] = [];
    const { recipe, ledger } = bench;
    await runImages(
      {
        recipe,
        ledger,
        station: "station-1",
        serials,
        onEvent: () => undefined,
        imageOf: serial => ({ path: path(serial) }),
      },
      result => results.push(result),
    );
    return results;
  }

  before(async () => {
    bench = await FlowBench.create({ profile: { target: "image", key: { made: "host", kind: "P-256" } } });
    await make("unit-1", "unit-2");
    good = Uint8Array.from(readFileSync(path("unit-1")));
  });
  after(() => bench.end());

  async function verify(image: Uint8Array): Promise<(point: VerifiedPoint["point"]) => string> {
    const at = join(bench.folder, "looked-at.bin");
    writeFileSync(at, image);
    const { points, ok } = await verifyUnit(new ImageTarget({ path: at }), {
      ledger: bench.ledger,
      station: "station-1",
      serial: "unit-1",
      brokerCa: bench.recipe.brokerCa,
      now: new Date(),
    });
    assert.equal(ok, !points.some(({ verdict }) => verdict === "differs"));
    return wanted => {
      const found = points.find(({ point }) => point === wanted);
      return `${found?.verdict ?? ""}: ${found?.text ?? ""}`;
    };
  }

  function flipped(at: number): Uint8Array {
    const image = Uint8Array.from(good);
    image[at] = (image[at] ?? 0) ^ 0x10;
    return image;
  }

  it("is good as it was made", async () => {
    const told = await verify(good);
    assert.match(told("image"), /^ok: /);
    assert.match(told("certificate"), /^ok: /);
  });

  // Its objects lie before the cut, and it was "what the ledger says".
  it("cut off behind its last entry it is short", async () => {
    const told = await verify(good.subarray(0, 1500));
    assert.equal(told("image"), "differs: it has 1,500 bytes, and the partition 8,192: it is cut off");
    assert.match(told("certificate"), /^ok: /);
  });

  for (const [title, image, about] of [
    ["empty", new Uint8Array(), /^differs: the file is empty/],
    ["another file", Buffer.from("serial,label\nunit-1,\n"), /^differs: it is no image of the partition/],
    ["erased flash", new Uint8Array(8192).fill(0xff), /^differs: nothing is stored in it/],
  ] as const)
    it(`${title}: told as that, and not as a unit without a certificate`, async () => {
      const told = await verify(image);
      assert.match(told("image"), about);
      assert.equal(told("certificate"), "differs: no certificate can be read");
    });

  // It "held no certificate".
  it("one byte of an object that changed is named as damage", async () => {
    const { certificate } = readImage(good).objects;
    assert.ok(certificate);
    const told = await verify(flipped(Buffer.from(good).indexOf(certificate) + 100));
    assert.match(told("image"), /^differs: the entry at byte [\d,]+ is damaged: its CRC-32 is wrong/);
    assert.match(told("certificate"), /^differs: the certificate is damaged: the CRC-32 of its entry/);
    assert.match(told("key"), /^ok: /);
  });

  it("whichever byte it is, something is wrong with it", () => {
    for (let at = 0; at < good.length; at++)
      assert.ok(readImage(flipped(at)).flaws.whole !== undefined, `byte ${String(at)}`);
  });

  for (const [title, image, about] of [
    ["is damaged", () => flipped(30), /what is at this place is damaged: /],
    ["is cut off", () => good.subarray(0, 1500), /damaged: it has 1,500 bytes/],
    ["is another unit's", () => readFileSync(path("unit-2")), /is not at this place/],
    ["is another file", () => Buffer.from("somebody's"), /is not at this place/],
  ] as const)
    it(`a run does not take it for made when what is in its place ${title}`, async () => {
      writeFileSync(path("unit-1"), image());
      const [result] = await make("unit-1");
      assert.deepEqual(
        [result?.outcome, result?.serial, result?.error?.code],
        ["failed", "unit-1", "image-made"],
      );
      assert.match(result?.error?.what ?? "", about);
      writeFileSync(path("unit-1"), good);
      assert.equal((await make("unit-1"))[0]?.outcome, "already");
    });
});
