import assert from "node:assert/strict";
import type { RunResult } from "../../../hosts/workstation/simulate/result.js";
import { xsCellular, type Ended, type RunOptions } from "./support.js";

/** The one JSON object on stdout. Its shape is what the tests go on to check. */
export function resultOf(run: Ended): RunResult {
  assert.match(run.stdout, /^\{.*\}\n$/, `${run.stdout}${run.stderr}`);
  return JSON.parse(run.stdout) as RunResult;
}

/** `simulate --json ARGS`, which must succeed. */
export async function succeed(args: readonly string[], options?: RunOptions): Promise<RunResult> {
  const run = await xsCellular(["simulate", "--json", ...args], options);
  assert.equal(run.code, 0, run.stderr);
  return resultOf(run);
}

/** No stack trace, no internal name: what a user may be shown. */
export function assertForPeople(text: string): void {
  assert.doesNotMatch(text, /^\s+at .*[:(]\d+|node:internal|\[object |undefined|NaN/m);
}
