import assert from "node:assert/strict";
import fc from "fast-check";
import { sendReport, sendWay } from "../../../drivers/bc66/tcp.js";
import { bc66SendFigures, breakEven, hexMs, promptMs, type SendFigures } from "../../bench/send-cost.js";

describe("cost of sending on a BC66", () => {
  const baud = fc.constantFrom(4_800, 9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600);
  const figures: fc.Arbitrary<SendFigures> = fc.record({
    turnMs: fc.nat(200),
    promptPauseMs: fc.nat(600),
    promptMax: fc.constant(1_024),
    hexMax: fc.constant(512),
    lineBytes: fc.nat(60),
  });

  const times: [byteLength: number, baud: number, prompt: number, hex: number][] = [
    [1, 9_600, 598.5, 69.6],
    [512, 9_600, 1_130.8, 1_134.2],
    [1_024, 9_600, 1_664.2, 2_268.3],
    [1, 115_200, 563.2, 33.3],
    [512, 115_200, 607.6, 122.0],
    [1_024, 115_200, 652.0, 244.0],
    [1_025, 115_200, 1_215.2, 277.3],
    [2_048, 921_600, 1_143.0, 166.0],
  ];
  for (const [byteLength, rate, prompt, hex] of times)
    it(`is ${String(prompt)} ms by prompt and ${String(hex)} ms in hexadecimal for ${String(byteLength)} bytes at ${String(rate)} baud`, () => {
      assert.equal(promptMs(bc66SendFigures, byteLength, rate).toFixed(1), prompt.toFixed(1));
      assert.equal(hexMs(bc66SendFigures, byteLength, rate).toFixed(1), hex.toFixed(1));
    });

  const breakEvens: [baud: number, pauseMs: number, bytes: number][] = [
    // With the pause of the manual digits win at every rate from 38,400 on.
    [4_800, 500, 255],
    [9_600, 500, 509],
    [19_200, 500, 925],
    [38_400, 500, 1_025],
    [115_200, 500, 1_025],
    [921_600, 500, 1_025],
    // With the 5 ms of a driver in the field the prompt wins early.
    [9_600, 5, 34],
    [115_200, 5, 404],
    [921_600, 5, 513],
    // Without any it costs a turn more, and half the bytes.
    [9_600, 0, 29],
    [115_200, 0, 346],
  ];
  for (const [rate, promptPauseMs, bytes] of breakEvens)
    it(`breaks even at ${String(bytes)} bytes at ${String(rate)} baud and a pause of ${String(promptPauseMs)} ms`, () => {
      assert.equal(breakEven({ ...bc66SendFigures, promptPauseMs }, rate), bytes);
    });

  it("is less in hexadecimal below the break-even, and not above it", () => {
    fc.assert(
      fc.property(figures, baud, fc.integer({ min: 1, max: 1_024 }), (costs, rate, byteLength) => {
        const isHexCheaper = hexMs(costs, byteLength, rate) <= promptMs(costs, byteLength, rate);
        assert.equal(isHexCheaper, byteLength < breakEven(costs, rate));
      }),
    );
  });

  it("is what the driver's rule goes by, for each length at any rate", () => {
    fc.assert(
      fc.property(
        fc.oneof(baud, fc.integer({ min: 300, max: 1_000_000 })),
        fc.integer({ min: 1, max: 1_024 }),
        (rate, byteLength) => {
          const hex = hexMs(bc66SendFigures, byteLength, rate);
          const prompt = promptMs(bc66SendFigures, byteLength, rate);
          if (Math.abs(hex - prompt) > 1e-6)
            assert.equal(sendWay(byteLength, rate).sendMax, hex < prompt ? 512 : 1_024);
        },
      ),
    );
  });

  it("chooses by what waits, with at most what the way takes", () => {
    assert.equal(sendWay(508, 9_600).sendMax, 512);
    assert.equal(sendWay(509, 9_600).sendMax, 1_024);
    assert.equal(sendWay(2_048, 9_600).sendMax, 1_024);
    assert.equal(sendWay(2_048, 115_200).sendMax, 512);
    assert.equal(sendWay(2_048, undefined).sendMax, 512);
  });

  it("is told for the log with the rate and the break-even", () => {
    for (const rate of [4_800, 9_600, 9_700, 19_200, 38_400, 115_200, 921_600])
      assert.deepEqual(sendReport(rate), ["send", rate, breakEven(bc66SendFigures, rate)]);
    assert.deepEqual(sendReport(undefined), ["send", 115_200, 1_025]);
  });
});
