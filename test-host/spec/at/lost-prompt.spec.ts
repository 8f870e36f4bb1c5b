import assert from "node:assert/strict";
import { Rig, send, sourceOf } from "./harness.js";

// Found by losing each byte of a session in turn: without the prompt the probes became a message,
// `AT+CMEE?AT+CMEE?`, that a broker acknowledged.
describe("a prompt that was lost on the line", () => {
  it("lets nothing out that the module could take for the payload, where it will be reset", () => {
    const rig = new Rig({ onStuckPayload: () => true });
    const outcomes = rig.run(send, [0, 5], { source: sourceOf("hello") });
    rig.timer.advance(0);
    assert.equal(rig.taken(), "AT+QISEND=0,5\r");
    rig.timer.advance(60_000);
    assert.equal(outcomes[0]?.failure?.kind, "timeout");
    assert.equal(rig.taken(), "");
  });

  it("is followed by probes where it cannot be reset", () => {
    const rig = new Rig();
    rig.run(send, [0, 5], { source: sourceOf("hello") });
    rig.timer.advance(0);
    rig.taken();
    rig.timer.advance(6_000);
    assert.match(rig.taken(), /AT\+CMEE\?/);
  });
});
