import assert from "node:assert/strict";
import { causeOf } from "../../../hosts/workstation/provision/causes.js";

describe("causes of failures that a ledger keeps as a code", () => {
  // Of units, of lines, and the device's own words.
  for (const code of [
    ...[
      "other-unit",
      "other-hardware",
      "wrong-module",
      "foreign",
      "lost",
      "unproved",
      "request",
      "image-made",
    ],
    ...[
      "revoked",
      "other-profile",
      "claimed",
      "locked",
      "interrupted",
      "different",
      "handshake",
      "module-full",
    ],
    ...[
      "port-missing",
      "port-busy",
      "port-denied",
      "port-refused",
      "silent",
      "gone",
      "order",
      "busy",
      "storage",
    ],
  ])
    it(`${code} has a reason and a remedy`, () => {
      const cause = causeOf(code);
      assert.match(cause?.why ?? "", /^[A-Z].*[.)]$/);
      assert.match(cause?.fix ?? "", /^[A-Z]/);
      // Places of sentences that were not filled.
      assert.doesNotMatch(`${cause?.why} ${cause?.fix}`, /[{}]|undefined|ANY/);
    });

  it("of a code that nothing is known of nothing is said", () => {
    assert.equal(causeOf("of-a-later-version"), undefined);
  });
});
