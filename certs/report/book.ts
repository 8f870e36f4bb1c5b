import type { LineEvent } from "../factory/line.js";
import { UNIT_STATES, type UnitState } from "../ledger/ledger.js";
import type { Report, ReportAttempt, ReportFailure, ReportOutcome, ReportUnit } from "./report.js";

/** What is known of a unit at the end of one attempt. */
export interface AttemptEnd {
  readonly port: string;
  readonly serial?: string | undefined;
  readonly outcome: ReportAttempt["outcome"];
  readonly begun: number;
  readonly durationMs: number;
  /** Milliseconds to each state from the one before; to the first from the attempt's begin. */
  readonly times: readonly (readonly [UnitState, number])[];
  readonly state?: UnitState | undefined;
  readonly certificate?: string | undefined;
  readonly proofs?: readonly string[] | undefined;
  readonly failure?:
    | { readonly code: string; readonly what: string; readonly why?: string; readonly fix?: string }
    | undefined;
}

interface ToldGroup {
  count: number;
  readonly why?: string | undefined;
  readonly fix?: string | undefined;
  readonly serials: Set<string>;
}

interface FailureGroup {
  count: number;
  /** By the first sentence. */
  readonly told: Map<string, ToldGroup>;
}

/** Sentences of one code that are kept apart: some have a number in them that is never twice the same. */
const TOLD_MOST = 5;

/** Codes, and what to say of them where the ledger keeps a code and a sentence alone. */
export type Explain = (code: string) => { readonly why: string; readonly fix: string } | undefined;

/**
 * Gathers attempts and units into a {@link Report}: fed with the events of a run, or by `reportOfLedger` with those of a
 * ledger. Holds a small record for each unit and attempt.
 */
export class ReportBook {
  private readonly units = new Map<string, ReportUnit>();
  private readonly attempts: ReportAttempt[] = [];
  private readonly failures = new Map<string, FailureGroup>();
  private readonly stateTimes = new Map<UnitState, number[]>();
  private readonly notices = new Map<string, { count: number; text: string }>();
  private readonly underWay = new Map<string, { lastMs: number; times: [UnitState, number][] }>();
  private readonly now: () => Date;
  private readonly from: Date;

  constructor(options: { readonly now?: () => Date; readonly from?: Date } = {}) {
    this.now = options.now ?? (() => new Date());
    this.from = options.from ?? this.now();
  }

  /** One event of the line, as it comes. */
  onEvent(event: LineEvent): void {
    const at = this.now().getTime();
    switch (event.event) {
      case "unit":
        this.underWay.set(event.port, { lastMs: 0, times: [] });
        return;
      case "state": {
        const under = this.underWay.get(event.port);
        if (under === undefined) return;
        // The line counts from the attempt's begin, the page tells what each step took.
        under.times.push([event.state, event.ms - under.lastMs]);
        under.lastMs = event.ms;
        return;
      }
      case "notice":
        this.notice(event.code, event.text);
        return;
      case "result": {
        const { outcome, port, durationMs, serial, error } = event;
        const under = this.underWay.get(port);
        this.underWay.delete(port);
        if (outcome === "none-left") return;
        this.add({
          port,
          serial,
          outcome,
          begun: at - durationMs,
          durationMs,
          times: under?.times ?? [],
          state: event.state,
          certificate: event.certificate,
          proofs: event.proofs,
          failure:
            error === undefined
              ? undefined
              : { code: error.code, what: error.what, why: error.why, fix: error.fix },
        });
      }
    }
  }

  /** A unit that no attempt need be known of; what attempts tell later goes over it. */
  unit(unit: ReportUnit): void {
    this.units.set(unit.serial, unit);
  }

  notice(code: string, text: string): void {
    const known = this.notices.get(code);
    if (known === undefined) this.notices.set(code, { count: 1, text });
    else known.count++;
  }

  add(attempt: AttemptEnd): void {
    const { port, serial, outcome, begun, durationMs, times, failure } = attempt;
    this.attempts.push({ port, serial, outcome, begun, durationMs, code: failure?.code });
    for (const [state, ms] of times) {
      const list = this.stateTimes.get(state);
      if (list === undefined) this.stateTimes.set(state, [ms]);
      else list.push(ms);
    }
    if (failure !== undefined) this.fail(serial, failure);
    if (serial === undefined) return;
    const known = this.units.get(serial);
    this.units.set(serial, {
      serial,
      label: known?.label,
      state: attempt.state ?? known?.state,
      outcome,
      port,
      attempts: (known?.attempts ?? 0) + 1,
      durationMs,
      times,
      certificate: attempt.certificate ?? known?.certificate,
      proofs: attempt.proofs ?? known?.proofs ?? [],
      failure,
    });
  }

  private fail(serial: string | undefined, failure: NonNullable<AttemptEnd["failure"]>): void {
    const { code, what, why, fix } = failure;
    let group = this.failures.get(code);
    if (group === undefined) this.failures.set(code, (group = { count: 0, told: new Map() }));
    group.count++;
    let told = group.told.get(what);
    if (told === undefined) {
      if (group.told.size >= TOLD_MOST) return;
      group.told.set(what, (told = { count: 0, why, fix, serials: new Set() }));
    }
    told.count++;
    if (serial !== undefined && told.serials.size < 10) told.serials.add(serial);
  }

  /** `explain`: for failures that nobody has told reason and remedy of. */
  report(options: {
    readonly title: string;
    readonly to?: Date;
    readonly ledger?: Report["ledger"];
    readonly explain?: Explain;
  }): Report {
    const standing = new Map<string, number>();
    for (const { outcome, failure } of this.units.values())
      if (outcome === "failed" && failure !== undefined)
        standing.set(failure.code, (standing.get(failure.code) ?? 0) + 1);
    const failures = Array.from(this.failures, ([code, { count, told }]): ReportFailure => {
      const explained = options.explain?.(code);
      return {
        code,
        count,
        standing: standing.get(code) ?? 0,
        told: Array.from(told, ([what, group]) => ({
          count: group.count,
          what,
          why: group.why ?? explained?.why,
          fix: group.fix ?? explained?.fix,
          serials: Array.from(group.serials),
        })).sort((a, b) => b.count - a.count),
      };
    }).sort((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1));
    return {
      title: options.title,
      made: this.now(),
      from: this.from,
      to: options.to ?? this.now(),
      units: Array.from(this.units.values()),
      attempts: this.attempts,
      failures,
      stateTimes: new Map(
        UNIT_STATES.flatMap(state => {
          const list = this.stateTimes.get(state);
          return list === undefined ? [] : [[state, list] as const];
        }),
      ),
      notices: Array.from(this.notices, ([code, { count, text }]) => ({ code, count, text })),
      ledger: options.ledger,
    };
  }
}

/** Outcomes in the order in which people want to see them. */
export const OUTCOMES: readonly ReportOutcome[] = [
  "failed",
  "waiting",
  "open",
  "done",
  "already",
  "untouched",
];
