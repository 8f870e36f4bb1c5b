import assert from "node:assert/strict";
import { FactoryError, type FaultSide } from "../../../certs/factory-error.js";
import type { Outcome } from "../../../certs/factory/line.js";
import { againWords, endSentence } from "../../../hosts/workstation/provision/progress.js";
import { exitCodeOf } from "../../../hosts/workstation/provision/run.js";
import { Tally } from "../../../hosts/workstation/provision/tally.js";

/** `PORT SERIAL OUTCOME`, and of a failure its code and side; `-`: no serial. */
type Told = readonly [port: string, serial: string, outcome: Outcome, code?: string, side?: FaultSide];

function tallyOf(results: readonly Told[]): Tally {
  const tally = new Tally();
  for (const [port, serial, outcome, code, side = "unit"] of results)
    tally.add({
      ...{ port, outcome, proofs: [], durationMs: 0 },
      serial: serial === "-" ? undefined : serial,
      error: code === undefined ? undefined : new FactoryError({ code, side, what: "", why: "", fix: "" }),
    });
  return tally;
}

describe("what a continuous run has come to", () => {
  const rows: readonly (readonly [string, readonly Told[], exitCode: number, sentence: RegExp])[] = [
    [
      "a unit that failed and is done later has not failed",
      [
        ["a", "unit-1", "failed", "gone", "environment"],
        ["a", "unit-2", "done"],
        ["b", "unit-1", "done"],
      ],
      0,
      /^2 units done, 1 failure made good \(gone\), in/,
    ],
    [
      "a port that was missing for a while is made good by a unit there",
      [
        ["a", "-", "failed", "port-missing", "environment"],
        ["a", "unit-1", "done"],
      ],
      0,
      /^1 unit done, 1 failure made good \(port-missing\), in/,
    ],
    [
      "a port that was never there counts, whatever the others did",
      [
        ["a", "-", "failed", "port-missing", "environment"],
        ["b", "unit-1", "done"],
      ],
      3,
      /^1 unit done, 1 failed \(port-missing\), in/,
    ],
    [
      "a unit that failed counts when another one is done at its port",
      [
        ["a", "unit-1", "failed", "different"],
        ["a", "unit-2", "done"],
      ],
      1,
      /^1 unit done, 1 failed \(different\), in/,
    ],
    [
      "a stranger that was refused counts when another unit is done at its port",
      [
        ["a", "-", "failed", "foreign"],
        ["a", "unit-2", "done"],
      ],
      1,
      /1 failed \(foreign\), in/,
    ],
    [
      "a unit that fails again after it was done counts",
      [
        ["a", "unit-1", "done"],
        ["a", "unit-1", "failed", "lost"],
      ],
      1,
      /1 failed \(lost\), in/,
    ],
  ];
  for (const [title, results, exitCode, sentence] of rows)
    it(title, () => {
      const tally = tallyOf(results);
      assert.equal(exitCodeOf(tally, true), exitCode);
      assert.match(endSentence(tally, 0), sentence);
      assert.equal(againWords(tally, false) === "", exitCode === 0);
    });
});
