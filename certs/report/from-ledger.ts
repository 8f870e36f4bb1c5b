import { UNIT_STATES, type Ledger, type UnitState } from "../ledger/ledger.js";
import { ReportBook, type Explain } from "./book.js";
import type { Report } from "./report.js";

export interface LedgerReportOptions {
  readonly title: string;
  readonly profile?: string | undefined;
  /** Attempts that began in this span; default: all. */
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
  readonly explain?: Explain | undefined;
  readonly now?: (() => Date) | undefined;
}

interface OpenAttempt {
  readonly port: string;
  readonly begun: number;
  readonly times: [UnitState, number][];
  last: number;
}

function stateOf(name: string): UnitState | undefined {
  return UNIT_STATES.find(state => state === name);
}

/**
 * A report of what a ledger has of a past time. Attempts begin with `claimed` or `taken-over` and end with `done`, `failed` or
 * `released`; the time to reach a state runs from the event before. A span leaves out attempts that began before
 * it, and shows units that no attempt in it was for as untouched only when no span is given.
 */
export async function reportOfLedger(ledger: Ledger, options: LedgerReportOptions): Promise<Report> {
  const now = options.now ?? (() => new Date());
  const from = options.from?.getTime() ?? -Infinity;
  const to = options.to?.getTime() ?? Infinity;
  const isAll = options.from === undefined && options.to === undefined;
  const known = new Set<string>();
  let first = Infinity;
  let last = -Infinity;
  // What the units are now is told at the end, once the attempts are known.
  const book = new ReportBook({ now, from: options.from ?? new Date(0) });
  for await (const unit of ledger.units({ profile: options.profile })) known.add(unit.serial);

  const open = new Map<string, OpenAttempt>();
  let events = 0;
  let head = "0".repeat(64);
  const end = (
    serial: string,
    at: number,
    outcome: "done" | "failed" | "waiting" | "open",
    failure?: { readonly code: string; readonly what: string },
  ): void => {
    const attempt = open.get(serial);
    open.delete(serial);
    if (attempt === undefined) return;
    book.add({
      port: attempt.port,
      serial,
      outcome,
      begun: attempt.begun,
      durationMs: at - attempt.begun,
      times: attempt.times,
      failure,
    });
  };
  for await (const event of ledger.events()) {
    events++;
    head = event.hash;
    const { unit: serial, data } = event;
    const at = event.at.getTime();
    if (!known.has(serial)) continue;
    if (event.event === "claimed" || event.event === "taken-over") {
      // A claim that never ended: the station was killed, and another or the same took the unit again.
      const former = open.get(serial);
      if (former !== undefined) end(serial, former.last, "open");
      if (at < from || at > to) continue;
      open.set(serial, { port: data["port"] ?? event.station, begun: at, times: [], last: at });
      first = Math.min(first, at);
      last = Math.max(last, at);
      continue;
    }
    const attempt = open.get(serial);
    if (attempt === undefined) continue;
    last = Math.max(last, at);
    const state = stateOf(event.event);
    if (state !== undefined) {
      attempt.times.push([state, at - attempt.last]);
      attempt.last = at;
      if (state === "done") end(serial, at, "done");
    } else if (event.event === "failed")
      end(serial, at, "failed", { code: data["code"] ?? "unknown", what: data["what"] ?? "" });
    else if (event.event === "released") {
      const lastState = attempt.times.at(-1)?.[0];
      if (lastState === "requested") end(serial, at, "waiting");
      else open.delete(serial);
    } else attempt.last = at;
  }
  for (const [serial, attempt] of Array.from(open)) end(serial, attempt.last, "open");

  const attempted = new Map(
    book.report({ title: options.title }).units.map(unit => [unit.serial, unit] as const),
  );
  for await (const unit of ledger.units({ profile: options.profile })) {
    const tried = attempted.get(unit.serial);
    if (tried === undefined && !isAll) continue;
    book.unit({
      serial: unit.serial,
      label: unit.label,
      state: unit.state,
      outcome: tried?.outcome ?? (unit.state === "done" ? "already" : "untouched"),
      port: tried?.port,
      attempts: tried?.attempts ?? 0,
      durationMs: tried?.durationMs,
      times: tried?.times ?? [],
      certificate: unit.certificate,
      proofs: unit.proofs,
      failure: tried?.failure,
    });
  }
  const report = book.report({
    title: options.title,
    ledger: { events, head },
    ...(options.explain === undefined ? undefined : { explain: options.explain }),
  });
  return {
    ...report,
    from: options.from ?? (first === Infinity ? now() : new Date(first)),
    to: options.to ?? (last === -Infinity ? now() : new Date(last)),
  };
}
