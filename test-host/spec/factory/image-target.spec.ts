import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeHostKey, publicHalf, withPkcs8 } from "../../../certs/factory/host-key.js";
import { ImageTarget } from "../../../certs/factory/image-target.js";
import { authority } from "./flow-bench.js";

describe("target: an image", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "image-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const der = async (): Promise<Uint8Array> => Uint8Array.from((await authority()).certificate.raw);

  async function filled(path: string) {
    const key = await makeHostKey("P-256");
    const target = new ImageTarget({ path });
    const whole = { ca: await der(), certificate: await der(), key: publicHalf(key) };
    await target.begin();
    await withPkcs8(key, bytes => target.write("key", bytes));
    await target.write("ca", whole.ca);
    await target.write("certificate", whole.certificate);
    return { target, whole };
  }

  it("is read back as it was written, also by a run that only finds the file", async () => {
    const path = join(folder, "unit.bin");
    const { target, whole } = await filled(path);
    const told = { ca: "content", certificate: "content", key: "content" };
    assert.deepEqual(await target.readBack(whole), told);
    await target.close();
    assert.deepEqual(await new ImageTarget({ path }).readBack(whole), told);
  });

  for (const role of ["ca", "certificate", "key"] as const)
    it(`another ${role} than was written is found when it is read back`, async () => {
      const { target, whole } = await filled(join(folder, "unit.bin"));
      const other = role === "key" ? publicHalf(await makeHostKey("P-256")) : await der();
      await assert.rejects(async () => await target.readBack({ ...whole, [role]: other }), {
        code: "different",
      });
    });

  it("a file that came to its place while it was filled is not replaced", async () => {
    const path = join(folder, "unit.bin");
    const { target, whole } = await filled(path);
    writeFileSync(path, "somebody's");
    await assert.rejects(async () => await target.readBack(whole), /unit\.bin is there already/);
    assert.equal(readFileSync(path, "latin1"), "somebody's");
  });
});
