import assert from "node:assert/strict";
import { command } from "../../../modules/at/command.js";
import { Rig, sourceOf, framed } from "./harness.js";

const plain = command<readonly [client: number, topic: string]>({
  text: "AT+QMTPUB=",
  timeoutMs: 5_000,
  quoted: true,
});
const digits = command<readonly [client: number, topic: string]>({
  text: "AT+QMTPUB=",
  timeoutMs: 5_000,
  quoted: true,
  hex: true,
});

describe("payload in quotes at the end of a command line", () => {
  const lines: readonly [what: string, hex: boolean, payload: string, line: string][] = [
    ["bytes as they are", false, "hello", 'AT+QMTPUB=0,"t","hello"\r'],
    ["bytes as hexadecimal digits", true, 'a"\r\n\0;\xff', 'AT+QMTPUB=0,"t","61220D0A003BFF"\r'],
    ["nothing", true, "", 'AT+QMTPUB=0,"t",""\r'],
  ];
  for (const [what, hex, payload, line] of lines)
    for (const capacity of [4096, 64, 7, 3, 2])
      it(`is sent as ${what}, ${String(capacity)} bytes at a time`, () => {
        const rig = new Rig({ capacity });
        const outcomes = rig.run(hex ? digits : plain, [0, "t"], { source: sourceOf(payload) });
        rig.timer.advance(100);
        assert.equal(rig.taken(), line);
        rig.line.receive(framed("OK"));
        rig.timer.advance(0);
        assert.deepEqual([...outcomes], [{ failure: undefined, result: undefined }]);
      });

  it("is as long as it likes: only what is in front of it is put together in the buffer", () => {
    const rig = new Rig();
    rig.run(digits, [0, "t"], { source: sourceOf("x".repeat(700)) });
    rig.timer.advance(100);
    assert.equal(rig.taken(), `AT+QMTPUB=0,"t","${"78".repeat(700)}"\r`);
  });
});
