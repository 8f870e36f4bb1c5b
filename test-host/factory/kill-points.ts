import assert from "node:assert/strict";
import type { UnitResult } from "../../certs/factory/line.js";
import { runJob } from "./run-job.js";
import type { JobProgram, JobResult } from "./job-process.js";
import type { LineBench } from "./line-bench.js";
import type { LineJob } from "./line-job.js";

/** While one run computes the other waits. */
const LANES = 2;

/** One world that a run is killed in, and then continued. */
export interface World {
  readonly job: LineJob;
  /** What is done between runs by others: an authority that answers requests. */
  readonly between?: () => Promise<void>;
  /** Everything holds, after the last run; `runs`: how each of them ended. */
  readonly check: (runs: readonly JobResult[]) => Promise<void>;
  readonly end: () => Promise<void>;
}

export interface KillPlan {
  readonly bench: LineBench;
  readonly program: JobProgram;
  /** A fresh world for that point. */
  readonly world: (name: string) => Promise<World>;
  /** Worlds at the same time; more where they wait rather than compute. */
  readonly lanes?: number;
  /** Kills also at points of the run that continues: for which first points. Default: none. */
  readonly again?: (point: number) => boolean;
}

/** The result of a unit, among what a run tells. */
export function isResult(value: unknown): value is { readonly event: "result" } & UnitResult {
  return typeof value === "object" && value !== null && "event" in value && value.event === "result";
}

export function resultsOf(run: JobResult): readonly UnitResult[] {
  return run.lines.filter(isResult);
}

/** A run to its end in this process, whatever came before. Its results. */
export async function wholeRun(bench: LineBench, job: LineJob): Promise<readonly UnitResult[]> {
  return runJob(
    job,
    () => undefined,
    event => bench.print(JSON.stringify(event)),
  );
}

/** The last run, which nobody kills. */
async function finish(plan: KillPlan, world: World): Promise<void> {
  // One that asks for a certificate from outside ends with its request; the next one takes it.
  for (let turn = 0; turn < 2; turn++) {
    const results = await wholeRun(plan.bench, world.job);
    const outcomes = results.map(({ outcome }) => outcome);
    await world.between?.();
    if (outcomes.includes("waiting")) continue;
    const faults = results.map(({ error }) => error?.code).join();
    assert.ok(
      outcomes.length > 0 && outcomes.every(outcome => outcome === "done" || outcome === "already"),
      `${outcomes.join()} ${faults}`,
    );
    return;
  }
  assert.fail("it waits for ever");
}

async function attempt(
  plan: KillPlan,
  name: string,
  kills: readonly number[],
): Promise<{ readonly alive: boolean }> {
  const world = await plan.world(name);
  const runs: JobResult[] = [];
  let alive = false;
  try {
    for (const killAt of kills) {
      const run = await plan.program.run({ ...world.job, killAt });
      plan.bench.keep(run);
      runs.push(run);
      if (run.killed) continue;
      assert.equal(run.code, 0, `${name}: ${run.stdout}\n${run.stderr}`);
      // The last point was passed: there is nothing more to be killed at.
      if (killAt === kills.at(-1)) alive = true;
      await world.between?.();
    }
    await world.between?.();
    await finish(plan, world);
    await world.check(runs);
  } catch (error) {
    const told = runs.map(run => run.stdout + run.stderr).join("\n--\n");
    throw new Error(`killed at ${kills.join(", then ")} (${name}): ${String(error)}\n${told}`, {
      cause: error,
    });
  } finally {
    await world.end();
  }
  return { alive };
}

/**
 * Kills a run at its first point, another at its second, and so on until one comes to its end without
 * being killed, each in a world of its own; each is continued by a whole run and then checked. Returns
 * how many points there were.
 */
export async function killEverywhere(plan: KillPlan): Promise<{ readonly points: number }> {
  let next = 1;
  let last = Infinity;
  const lane = async (): Promise<void> => {
    while (next <= last) {
      const point = next++;
      const { alive } = await attempt(plan, `at-${String(point)}`, [point]);
      if (alive) {
        last = Math.min(last, point - 1);
        return;
      }
      if (plan.again?.(point) !== true) continue;
      for (let second = 1; ; second++)
        if ((await attempt(plan, `at-${String(point)}-${String(second)}`, [point, second])).alive) break;
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: plan.lanes ?? LANES }, lane));
  for (const end of lanes) if (end.status === "rejected") throw end.reason;
  return { points: last };
}
