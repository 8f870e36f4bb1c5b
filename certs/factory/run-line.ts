import { setTimeout as sleep } from "node:timers/promises";
import type { FactoryError } from "../factory-error.js";
import { asFactoryError } from "./faults.js";
import type { LineOptions, UnitResult } from "./line.js";
import { UnitRun, type UnitRunOptions } from "./run-unit.js";
import { recognize } from "./recognize.js";
import type { Target } from "./target.js";

/** How often a port is looked at for the next unit. */
const LOOK_MS = 1_000;

/** Troubles of the station that are over with the next unit: a cable, a moment of another writer. */
const PASSING = /^(port-.*|gone|claim-lost|ledger-busy)$/;

/** The wall clock. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, signal ? { signal } : undefined).catch(() => undefined);
}

/** Opens the port for the time of a call, and gives it back whatever happens. */
async function withTarget<Result>(
  options: LineOptions,
  port: string,
  use: (target: Target) => Promise<Result>,
): Promise<Result> {
  const target = await options.open(port);
  try {
    return await use(target);
  } finally {
    await target.close().catch(() => undefined);
  }
}

async function oneUnit(options: LineOptions, unit: UnitRunOptions, port: string): Promise<UnitResult> {
  const run = new UnitRun(unit, port);
  try {
    return await withTarget(options, port, target => run.run(target, options.serial));
  } catch (error) {
    return await run.failed(error);
  }
}

/** Whether the profile's list has a unit that is not finished. */
async function isAnyLeft({ ledger, recipe }: LineOptions): Promise<boolean> {
  const { units, byState } = await ledger.summary(recipe.profile.name);
  return units > (byState.done ?? 0) + (byState.revoked ?? 0);
}

/** What opening or asking an empty port comes to. */
const EMPTY = /^(port-missing|silent|gone)$/;

/**
 * Waits until somebody answers at a port where nobody was yet, which is told once. Gives what was in the way when nobody
 * ever came: the run was stopped, or every unit of the list was finished at other ports. Any other trouble is not for here.
 */
async function emptiness(options: LineOptions, port: string): Promise<FactoryError | undefined> {
  const { signal, onEvent, wait = pause } = options;
  let isTold = false;
  for (;;) {
    const fault = await withTarget(options, port, target => target.connect()).then(
      () => undefined,
      asFactoryError,
    );
    if (fault === undefined || !EMPTY.test(fault.code)) return undefined;
    if (!isTold) {
      const text = `waiting for the first unit: ${fault.what}`;
      onEvent({ event: "notice", port, code: "empty", text });
    }
    isTold = true;
    if (signal?.aborted || !(await isAnyLeft(options))) return fault;
    await wait(LOOK_MS, signal);
    if (signal?.aborted) return fault;
  }
}

/**
 * Waits until another unit than the last one is at the port. It is another one after nothing was there for a while, or when
 * the ledger knows it by another serial; one that the ledger does not know is another one when the last one is known.
 * False: the run was stopped, or every unit of the list is finished.
 */
async function nextUnit(options: LineOptions, port: string, last: UnitResult): Promise<boolean> {
  const { signal, ledger, wait = pause } = options;
  let isGone = false;
  while (!signal?.aborted) {
    try {
      const present = await withTarget(options, port, target => target.connect());
      // After it was taken away whatever is there is looked at anew.
      const found = isGone ? undefined : await recognize(ledger, present);
      if (isGone || (found === undefined ? last.outcome !== "failed" : found.unit.serial !== last.serial))
        return true;
    } catch {
      // It was taken away, or is starting.
      isGone = true;
    }
    // Not before each unit: in a long list it takes longer than a look at the port.
    if (!(await isAnyLeft(options))) return false;
    await wait(LOOK_MS, signal);
  }
  return false;
}

async function work(
  options: LineOptions,
  port: string,
  onResult: (result: UnitResult) => void,
): Promise<void> {
  const unit: UnitRunOptions = { ...options, now: options.now ?? ((): Date => new Date()) };
  if (options.continuous === true) {
    const fault = await emptiness(options, port).catch(asFactoryError);
    if (fault !== undefined) {
      onResult(await new UnitRun(unit, port).failed(fault));
      return;
    }
  }
  for (;;) {
    const result = await oneUnit(options, unit, port);
    onResult(result);
    if (options.continuous !== true || result.outcome === "none-left") return;
    // Nothing more can be done here while the station itself is in trouble.
    if (result.error?.side === "environment" && !PASSING.test(result.error.code)) return;
    try {
      if (!(await nextUnit(options, port, result))) return;
    } catch (error) {
      // The ledger is out of reach.
      onResult(await new UnitRun(unit, port).failed(error));
      return;
    }
  }
}

/**
 * Works at all ports at the same time, one unit each; with `continuous` one after the other until the list has no unit
 * left for a port. What happens is told by `onEvent`. Never rejects for what happens to a unit; results come in the order in which they end, and
 * with `continuous` only the last one of each port is returned, so that memory stays flat over any number of units.
 */
export async function runLine(options: LineOptions): Promise<readonly UnitResult[]> {
  const results = new Map<string, UnitResult>();
  await Promise.all(
    options.ports.map(port =>
      work(options, port, result => {
        results.delete(port);
        results.set(port, result);
      }),
    ),
  );
  return [...results.values()];
}
