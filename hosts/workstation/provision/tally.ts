import type { UnitResult } from "../../../certs/factory/line.js";
import type { FactoryError } from "../../../certs/factory-error.js";

interface Failure {
  readonly port: string;
  readonly serial: string | undefined;
  readonly error: FactoryError;
}

/** Nobody was recognized, and what was in the way may be over with the next one: a cable, a port, a unit that starts. */
const PASSING = /^(silent|gone)$/;

/** Whether a failure is over with that result. */
function isMadeGood({ port, serial, error }: Failure, result: UnitResult): boolean {
  if (serial !== undefined) return serial === result.serial;
  return port === result.port && (error.side === "environment" || PASSING.test(error.code));
}

/**
 * What a run has come to, by outcome. A failure counts until it is made good: its unit is finished later, or, where none
 * was recognized, another one at that port.
 */
export class Tally {
  done = 0;
  already = 0;
  waiting = 0;
  noneLeft = 0;
  /** Codes of failures that were made good later, in order. */
  readonly past: string[] = [];
  #failures: Failure[] = [];

  add(result: UnitResult): void {
    const { outcome, port, serial, error } = result;
    if (outcome === "failed") {
      if (error !== undefined) this.#failures.push({ port, serial, error });
      return;
    }
    if (outcome === "none-left") {
      this.noneLeft++;
      return;
    }
    this[outcome]++;
    this.#failures = this.#failures.filter(failure => {
      const isPast = isMadeGood(failure, result);
      if (isPast) this.past.push(failure.error.code);
      return !isPast;
    });
  }

  get failed(): number {
    return this.#failures.length;
  }

  /** Failures by code. */
  get failures(): Readonly<Record<string, number>> {
    const times: Record<string, number> = {};
    for (const { error } of this.#failures) times[error.code] = (times[error.code] ?? 0) + 1;
    return times;
  }

  /** Who has to do something about them. */
  get sides(): ReadonlySet<string> {
    return new Set(this.#failures.map(({ error }) => error.side));
  }

  /** As JSON lines tell it. */
  get facts(): Readonly<Record<string, unknown>> {
    const { done, already, waiting, failed, noneLeft, failures, past } = this;
    return {
      ...{ done, already, waiting, failed, noneLeft, failures },
      ...(past.length === 0 ? undefined : { madeGood: past.length }),
    };
  }
}
