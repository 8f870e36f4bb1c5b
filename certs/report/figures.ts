import { OUTCOMES } from "./book.js";
import { bars, columns, shares, timeline, type Lane, type TimeAxis } from "./charts.js";
import type { Report, ReportAttempt } from "./report.js";
import { histogram, quantile, shownDuration, shownRate, sorted } from "./statistics.js";

const HOUR = 3_600_000;
/** More attempts of a port than this are drawn as pieces of its time. */
const PIECES_MOST = 150;
/** More ports than this are told in the tables alone. */
const PORTS_MOST = 40;

function byPort(attempts: readonly ReportAttempt[]): ReadonlyMap<string, readonly ReportAttempt[]> {
  const ports = new Map<string, ReportAttempt[]>();
  for (const attempt of attempts) {
    const list = ports.get(attempt.port);
    if (list === undefined) ports.set(attempt.port, [attempt]);
    else list.push(attempt);
  }
  // Ports by name, 2 before 10.
  return new Map(Array.from(ports).sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true })));
}

function outcomes(report: Report): string {
  // What was done at the left: the bar fills as the lot does.
  const list = (["done", "already", "waiting", "open", "failed", "untouched"] as const)
    .map(outcome => ({
      name: outcome === "untouched" ? "not tried" : outcome === "open" ? "not ended" : outcome,
      value: report.units.filter(unit => unit.outcome === outcome).length,
      kind: outcome,
    }))
    .filter(({ value }) => value > 0);
  const total = report.units.length;
  return shares(
    {
      id: "outcomes",
      size: "wide",
      title: "Outcomes",
      description: `How the last attempt at each of ${total.toLocaleString("en-US")} units ended.`,
      head: ["Outcome", "Units", "Share"],
      rows: list.map(({ name, value }) => [
        name,
        value.toLocaleString("en-US"),
        `${((value / total) * 100).toFixed(1)} %`,
      ]),
    },
    list,
  );
}

function durations(attempts: readonly ReportAttempt[]): string {
  const values = sorted(
    attempts.filter(({ outcome }) => outcome === "done").map(({ durationMs }) => durationMs),
  );
  if (values.length < 2) return "";
  const bins = histogram(values, 14, quantile(values, 0.98));
  const [first, last] = [bins[0], bins.at(-1)];
  const isOpen =
    first !== undefined &&
    last !== undefined &&
    last.to - last.from > (first.to - first.from) * 1.001 &&
    bins.length > 1;
  return columns(
    {
      id: "durations",
      size: "half",
      title: "Time a unit",
      description: `Of ${values.length.toLocaleString("en-US")} units that were done: half took up to ${shownDuration(quantile(values, 0.5))}, 95 % up to ${shownDuration(quantile(values, 0.95))}, the longest ${shownDuration(values.at(-1) ?? 0)}.${isOpen ? " The last column holds all that took longer." : ""}`,
      head: ["From", "To", "Units"],
      rows: bins.map(({ from, to, count }) => [shownDuration(from), shownDuration(to), String(count)]),
    },
    bins.map(({ from, count }) => ({ name: shownDuration(from), value: count })),
    isOpen ? "more" : shownDuration(last?.to ?? 0),
  );
}

function states({ stateTimes }: Report): string {
  const list = Array.from(stateTimes, ([state, times]) => {
    const values = sorted(times);
    return { state, count: values.length, half: quantile(values, 0.5), most: quantile(values, 0.95) };
  });
  if (list.length === 0) return "";
  return bars(
    {
      id: "states",
      size: "half",
      title: "Time to each state from the one before",
      description: "Bar: half of the units were faster. Line: 95 % were.",
      head: ["State", "Half up to", "95 % up to", "Times"],
      rows: list.map(({ state, half, most, count }) => [
        state,
        shownDuration(half),
        shownDuration(most),
        count.toLocaleString("en-US"),
      ]),
    },
    list.map(({ state, half, most }) => ({
      name: state,
      value: half,
      mark: most,
      shown: `${shownDuration(half)} / ${shownDuration(most)}`,
    })),
    "done",
  );
}

function rates(ports: ReadonlyMap<string, readonly ReportAttempt[]>): string {
  const list = Array.from(ports, ([port, attempts]) => {
    const done = attempts.filter(({ outcome }) => outcome === "done").length;
    const failed = attempts.filter(({ outcome }) => outcome === "failed").length;
    const from = attempts.reduce((least, { begun }) => Math.min(least, begun), Infinity);
    const to = attempts.reduce((most, { begun, durationMs }) => Math.max(most, begun + durationMs), 0);
    // Below a second a rate says nothing.
    const hourly = to - from >= 1000 ? (done * HOUR) / (to - from) : 0;
    return { port, done, failed, hourly };
  });
  if (!list.some(({ hourly }) => hourly > 0)) return "";
  const drawn = list.slice(0, PORTS_MOST);
  return bars(
    {
      id: "rates",
      size: "half",
      title: "Units an hour, by port",
      description: `Units done, from the port's first attempt to the end of its last, pauses between units included.${drawn.length < list.length ? ` The first ${PORTS_MOST} of ${list.length} ports are drawn.` : ""}`,
      head: ["Port", "Units an hour", "Done", "Failed"],
      rows: list.map(({ port, hourly, done, failed }) => [
        port,
        shownRate(hourly),
        done.toLocaleString("en-US"),
        failed.toLocaleString("en-US"),
      ]),
    },
    drawn.map(({ port, hourly, failed }) => ({
      name: port,
      value: hourly,
      shown: `${shownRate(hourly)}${failed > 0 ? `, ${failed} failed` : ""}`,
    })),
    "done",
  );
}

/** Ticks at round times of UTC. */
function axisOf(from: number, to: number): TimeAxis {
  const steps = [
    1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400, 172800, 604800, 2592000,
  ];
  const wanted = (to - from) / 5000;
  const step = (steps.find(one => one >= wanted) ?? Math.ceil(wanted / 2592000) * 2592000) * 1000;
  const ticks: { at: number; name: string }[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
    const text = new Date(at).toISOString();
    ticks.push({
      at,
      name: step >= 86_400_000 ? text.slice(5, 10) : step >= 60_000 ? text.slice(11, 16) : text.slice(11, 19),
    });
  }
  return { from, to, ticks };
}

/** Attempts one by one, or, where they are many, pieces of time coloured by the worst that ended in them. */
function pieces(attempts: readonly ReportAttempt[], axis: TimeAxis): Lane["pieces"] {
  if (attempts.length <= PIECES_MOST)
    return attempts.map(({ begun, durationMs, outcome, serial, code }) => ({
      from: begun,
      to: begun + durationMs,
      kind: outcome,
      title: `${serial ?? "unknown unit"}: ${outcome}${code === undefined ? "" : ` (${code})`}, ${shownDuration(durationMs)}`,
    }));
  const width = Math.max(1, (axis.to - axis.from) / PIECES_MOST);
  const worst = new Map<number, ReportAttempt["outcome"]>();
  const weight = (outcome: ReportAttempt["outcome"]): number => OUTCOMES.length - OUTCOMES.indexOf(outcome);
  for (const { begun, durationMs, outcome } of attempts) {
    const first = Math.floor((begun - axis.from) / width);
    const last = Math.floor((begun + durationMs - axis.from) / width);
    for (let index = Math.max(0, first); index <= Math.min(PIECES_MOST - 1, last); index++) {
      // A piece that an attempt only passes through was busy; how it ended counts where it ended.
      const kind = index === Math.min(PIECES_MOST - 1, last) ? outcome : "done";
      const known = worst.get(index);
      if (known === undefined || weight(kind) > weight(known)) worst.set(index, kind);
    }
  }
  return Array.from(worst, ([index, kind]) => ({
    from: axis.from + index * width,
    to: axis.from + (index + 1) * width,
    kind,
  }));
}

function ports(list: ReadonlyMap<string, readonly ReportAttempt[]>): string {
  let from = Infinity;
  let to = -Infinity;
  for (const attempts of list.values())
    for (const { begun, durationMs } of attempts) {
      from = Math.min(from, begun);
      to = Math.max(to, begun + durationMs);
    }
  if (!(to > from)) return "";
  const axis = axisOf(from, to);
  const isMany = Array.from(list.values()).some(attempts => attempts.length > PIECES_MOST);
  const drawn = Array.from(list).slice(0, PORTS_MOST);
  return timeline(
    {
      id: "timeline",
      size: "wide",
      title: "Ports over time (UTC)",
      description: `${isMany ? "Pieces of time in the colour of the worst that ended in them" : "Each attempt in the colour of its outcome"}; gaps are times without a unit.`,
      head: ["Port", "Attempts", "Failed", "Working"],
      rows: Array.from(list, ([port, attempts]) => {
        const begun = attempts.reduce((least, one) => Math.min(least, one.begun), Infinity);
        const end = attempts.reduce((most, one) => Math.max(most, one.begun + one.durationMs), 0);
        const busy = attempts.reduce((sum, one) => sum + one.durationMs, 0);
        return [
          port,
          attempts.length.toLocaleString("en-US"),
          attempts.filter(({ outcome }) => outcome === "failed").length.toLocaleString("en-US"),
          `${Math.min(100, (busy / Math.max(1, end - begun)) * 100).toFixed(0)} % of its time`,
        ];
      }),
    },
    drawn.map(([name, attempts]) => ({ name, pieces: pieces(attempts, axis) })),
    axis,
  );
}

function causes(report: Report): string {
  if (report.failures.length === 0) return "";
  const drawn = report.failures.slice(0, 12);
  return bars(
    {
      id: "causes",
      size: "half",
      title: "Failures by cause",
      description: `Attempts that failed.${drawn.length < report.failures.length ? ` The twelve most frequent of ${report.failures.length} causes are drawn.` : ""}`,
      head: ["Cause", "Attempts", "Units left so"],
      rows: report.failures.map(({ code, count, standing }) => [code, String(count), String(standing)]),
    },
    drawn.map(({ code, count }) => ({ name: code, value: count, shown: String(count) })),
    "failed",
  );
}

/** All charts of a report; of those that nothing is known for, none. */
export function reportFigures(report: Report): string {
  if (report.units.length === 0 && report.attempts.length === 0) return "";
  const list = byPort(report.attempts);
  const figures = [
    report.units.length === 0 ? "" : outcomes(report),
    ports(list),
    durations(report.attempts),
    states(report),
    rates(list),
    causes(report),
  ];
  return `<h2>Times and outcomes</h2><div class="charts">${figures.join("")}</div>`;
}
