import assert from "node:assert/strict";
import { WakeState } from "../../../hosts/firmware/wake-state.js";
import { Journal } from "../../../modules/buffer/journal.js";
import { NorFlash, PowerCut, type Tear } from "../buffer/nor-flash.js";

const BLOCKS = 3;
const BLOCK_LENGTH = 256;

function open(flash: NorFlash): WakeState {
  return new WakeState(new Journal(flash));
}

function values({ number, everyMs, failures, skip }: WakeState): readonly number[] {
  return [number, everyMs, failures, skip];
}

describe("what a device knows over its sleep", () => {
  it("begins with nothing", () => {
    const state = open(new NorFlash(BLOCKS, BLOCK_LENGTH));
    assert.deepEqual(values(state), [0, 0, 0, 0]);
    assert.equal(state.stored, 0);
  });

  it("is found again", () => {
    const flash = new NorFlash(BLOCKS, BLOCK_LENGTH);
    const state = open(flash);
    state.number = 70_000;
    state.everyMs = 86_400_000;
    state.failures = 3;
    state.skip = 7;
    state.save();
    assert.deepEqual(values(open(flash)), [70_000, 86_400_000, 3, 7]);
  });

  it("holds failures and wakes to pass over up to 255", () => {
    const flash = new NorFlash(BLOCKS, BLOCK_LENGTH);
    const state = open(flash);
    state.failures = 300;
    state.skip = 1_000;
    assert.deepEqual(values(state), [0, 0, 255, 255]);
  });

  it("is no message, and counts as none", () => {
    const flash = new NorFlash(BLOCKS, BLOCK_LENGTH);
    const journal = new Journal(flash);
    const state = new WakeState(journal);
    state.save();
    journal.append("a", 1, false, { byteLength: 1, read: view => view.fill(1).length });
    state.save();
    assert.equal(state.stored, 1);
    assert.equal(journal.length, 2);
  });

  it("stands once, however often it is written, and blocks wear alike", () => {
    const flash = new NorFlash(BLOCKS, BLOCK_LENGTH);
    const state = open(flash);
    for (let i = 1; i <= 1_000; i++) {
      state.number = i;
      state.save();
    }
    assert.equal(open(flash).number, 1_000);
    assert.equal(new Journal(flash).length, 1);
    assert.ok(Math.max(...flash.erases) - Math.min(...flash.erases) <= 1, String(flash.erases));
  });

  for (const tear of ["prefix", "scatter"] as const satisfies readonly Tear[])
    it(`is the former or the new one after a loss of power at any step (${tear})`, () => {
      for (let cut = 0; ; cut++) {
        const flash = new NorFlash(BLOCKS, BLOCK_LENGTH);
        // So that a change of block is among what is cut.
        const state = open(flash);
        for (state.number = 1; state.number < 9; state.number++) state.save();
        const former = open(flash).number;
        flash.cutAfter(cut, tear, cut + 1);
        let saved = false;
        try {
          for (; state.number < 20; state.number++) state.save();
          saved = true;
        } catch (error) {
          assert.ok(error instanceof PowerCut);
        }
        flash.restore();
        const found = open(flash);
        assert.ok(found.number >= former && found.number <= state.number, `cut ${cut}`);
        if (!saved) assert.ok(found.number >= state.number - 1, `cut ${cut}: ${found.number}`);
        // And goes on.
        found.number = 500;
        found.save();
        assert.equal(open(flash).number, 500);
        if (saved) break;
      }
    });
});
