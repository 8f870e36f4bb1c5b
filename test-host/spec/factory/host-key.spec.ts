import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { makeHostKey, withPkcs8 } from "../../../certs/factory/host-key.js";

describe("flow: a key that is made on the host", () => {
  for (const kind of ["P-256", "RSA-2048"] as const)
    it(`${kind}: its bytes are overwritten when the unit has them, and when it would not take them`, async () => {
      const key = await makeHostKey(kind);
      const lent: Uint8Array[] = [];
      await withPkcs8(key, bytes => {
        assert.ok(createPrivateKey({ key: Buffer.from(bytes), format: "der", type: "pkcs8" }).equals(key));
        lent.push(bytes);
        return Promise.resolve();
      });
      await assert.rejects(
        withPkcs8(key, bytes => {
          lent.push(bytes);
          return Promise.reject(new Error("gone"));
        }),
        /^Error: gone$/,
      );
      assert.deepEqual(
        lent.map(bytes => bytes.some(byte => byte !== 0)),
        [false, false],
      );
    });
});
