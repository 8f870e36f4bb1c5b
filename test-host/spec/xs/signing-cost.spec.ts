import assert from "node:assert/strict";
import { measureSigning } from "../../bench/signing.js";

describe("cost of signing in JavaScript", () => {
  it("is measured with signatures that hold, and is no work for a turn of the firmware", async () => {
    const { figures } = await measureSigning();
    const valueOf = (name: string): number => figures.find(figure => figure.name === name)?.value ?? NaN;
    assert.ok(valueOf("ES256: compute") > 500_000);
    assert.ok(valueOf("RS256, 2048 bits: compute") > 5_000_000);
    assert.ok(valueOf("ES256: garbage collections") > 10);
    assert.ok(figures.every(({ ok }) => ok));
  });
});
