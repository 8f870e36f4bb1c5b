import { escapeXml } from "../xml.js";
import { OUTCOMES } from "./book.js";
import { reportFigures } from "./figures.js";
import type { Report, ReportFailure, ToldFailure, ReportOutcome, ReportUnit } from "./report.js";
import { quantile, shownDuration, shownRate, sorted } from "./statistics.js";
import { STYLE } from "./style.js";

export interface PageOptions {
  /** Most units in the table; those that need somebody come first. Default: 500. */
  readonly rows?: number | undefined;
  /** Name of a CSV file with all units that lies beside the page: a link, told when the table is cut. */
  readonly csv?: string | undefined;
}

const ROWS_DEFAULT = 500;

/** Words for people. */
const SAID: Readonly<Record<ReportOutcome, string>> = {
  failed: "failed",
  waiting: "waiting for its certificate",
  open: "not ended",
  done: "done",
  already: "was done before",
  untouched: "not tried",
};

/** ISO 8601, UTC, to the second. */
function shownTime(at: Date): string {
  return Number.isNaN(at.getTime())
    ? "unknown"
    : at
        .toISOString()
        .replace("T", " ")
        .replace(/\.\d+Z$/, " UTC");
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function tile(value: string, name: string, bad = false): string {
  return `<div class="tile${bad ? " bad" : ""}"><b>${escapeXml(value)}</b>${escapeXml(name)}</div>`;
}

function summary(report: Report): string {
  const by = new Map<ReportOutcome, number>();
  for (const { outcome } of report.units) by.set(outcome, (by.get(outcome) ?? 0) + 1);
  const of = (outcome: ReportOutcome): number => by.get(outcome) ?? 0;
  const worked = report.attempts.filter(({ outcome }) => outcome === "done");
  const durations = sorted(worked.map(({ durationMs }) => durationMs));
  const unknown = report.attempts.filter(({ serial }) => serial === undefined).length;
  const first = report.attempts.reduce((least, { begun }) => Math.min(least, begun), Infinity);
  const last = report.attempts.reduce((most, { begun, durationMs }) => Math.max(most, begun + durationMs), 0);
  const hours = (last - first) / 3_600_000;
  const tiles = [
    tile(count(report.units.length), report.units.length === 1 ? "unit" : "units"),
    tile(count(of("done")), "done"),
    tile(count(of("failed")), "failed", of("failed") > 0),
  ];
  for (const outcome of ["waiting", "open", "already", "untouched"] as const)
    if (of(outcome) > 0) tiles.push(tile(count(of(outcome)), SAID[outcome]));
  if (unknown > 0)
    tiles.push(tile(count(unknown), "attempts at something that no unit could be told from", true));
  if (durations.length > 0) tiles.push(tile(shownDuration(quantile(durations, 0.5)), "a unit (median)"));
  // Of less than a minute nobody can tell an hour.
  if (hours >= 1 / 60) tiles.push(tile(shownRate(worked.length / hours), "units an hour, all ports"));
  return `<div class="tiles">${tiles.join("")}</div>`;
}

/** Failures that were told in the same words. */
function told({ count: attempts, what, why, fix, serials }: ToldFailure, isAlone: boolean): string {
  const rows: [string, string | undefined][] = [
    ["What", isAlone ? what : `${what} (${count(attempts)} ${attempts === 1 ? "attempt" : "attempts"})`],
    ["Why", why],
    ["What to do", fix],
    [
      "Units",
      serials.length === 0 ? undefined : `${serials.join(", ")}${attempts > serials.length ? ", ..." : ""}`,
    ],
  ];
  const filled = rows.flatMap(([name, text]) =>
    text === undefined || text === "" ? [] : [`<dt>${name}</dt><dd>${escapeXml(text)}</dd>`],
  );
  return `<dl>${filled.join("")}</dl>`;
}

function cause({ code, count: attempts, standing, told: kinds }: ReportFailure): string {
  const left =
    standing === 0 ? "all done since" : `${count(standing)} ${standing === 1 ? "unit" : "units"} left so`;
  const others = attempts - kinds.reduce((sum, kind) => sum + kind.count, 0);
  return (
    `<section class="cause"><h3><code>${escapeXml(code)}</code>: ${count(attempts)} ${attempts === 1 ? "attempt" : "attempts"}, ${left}</h3>` +
    kinds.map(kind => told(kind, kinds.length === 1)).join("") +
    `${others > 0 ? `<p class="soft">${count(others)} more, in other words.</p>` : ""}</section>`
  );
}

function unitRow(unit: ReportUnit): string {
  const { serial, label, state, outcome, port, attempts, durationMs, times, certificate, proofs, failure } =
    unit;
  const spent = times
    .filter(([, ms]) => ms >= 10)
    .map(([reached, ms]) => `${reached} ${shownDuration(ms)}`)
    .join(", ");
  const said =
    failure !== undefined && outcome === "failed"
      ? `<code>${escapeXml(failure.code)}</code> ${escapeXml(failure.what)}`
      : "";
  return (
    `<tr><th scope="row">${escapeXml(serial)}${label === undefined ? "" : `<br><span class="soft">${escapeXml(label)}</span>`}</th>` +
    `<td><span class="say ${outcome}">${SAID[outcome]}</span>${attempts > 1 ? `<br><span class="soft">attempt ${attempts}</span>` : ""}</td>` +
    `<td>${escapeXml(state ?? "")}</td><td>${escapeXml(port ?? "")}</td>` +
    `<td class="n">${durationMs === undefined ? "" : shownDuration(durationMs)}</td>` +
    `<td class="why">${said}${said !== "" && spent !== "" ? "<br>" : ""}${spent === "" ? "" : `<span class="soft">${escapeXml(spent)}</span>`}</td>` +
    `<td>${certificate === undefined ? "" : `<code title="${escapeXml(certificate)}">${escapeXml(certificate.slice(0, 12))}</code>`}</td>` +
    `<td>${escapeXml(proofs.join(", "))}</td></tr>`
  );
}

function unitTable(units: readonly ReportUnit[], options: PageOptions): string {
  const most = options.rows ?? ROWS_DEFAULT;
  // A link to a file beside the page, whatever its name: "javascript:" is no file there.
  const file =
    options.csv === undefined ? undefined : `./${encodeURIComponent(options.csv.replace(/\p{Cs}/gu, "?"))}`;
  const all =
    file === undefined
      ? ""
      : ` All of them: <a href="${escapeXml(file)}">${escapeXml(options.csv ?? "")}</a>.`;
  if (units.length === 0) return "<p>No unit was tried.</p>";
  const groups = new Map<ReportOutcome, ReportUnit[]>(OUTCOMES.map(outcome => [outcome, []]));
  for (const unit of units) groups.get(unit.outcome)?.push(unit);
  const ordered = OUTCOMES.flatMap(outcome => groups.get(outcome) ?? []);
  const note =
    units.length > most
      ? `The first ${count(most)} of ${count(units.length)} units; those that need somebody come first.${all === "" ? " All of them: xs-cellular provision export --format csv." : all}`
      : `Those that need somebody come first.${all}`;
  return (
    `<p class="soft">${note}</p><div class="scroll" tabindex="0" role="region" aria-label="Units"><table class="units"><thead><tr>` +
    ["Serial", "Outcome", "State"].map(name => `<th scope="col">${name}</th>`).join("") +
    `<th scope="col">Port</th><th scope="col" class="n">Time</th><th scope="col">What happened, and time to each state from the one before</th><th scope="col">Certificate (SHA-256)</th><th scope="col">Proofs</th></tr></thead>` +
    `<tbody>${ordered.slice(0, most).map(unitRow).join("")}</tbody></table></div>`
  );
}

/**
 * The report as one HTML page: nothing is loaded, nothing runs; light or dark as the reader's system is; may be printed. Everything
 * that came from a list, a unit or a file is escaped. The table of units is limited, the charts are of all.
 */
export function reportPage(report: Report, options: PageOptions = {}): string {
  const { title, from, to, failures, notices, ledger } = report;
  const causes =
    failures.length === 0
      ? `<p>${report.attempts.length === 0 ? "Nothing was tried." : "Nothing failed."}</p>`
      : failures.map(cause).join("");
  const noticeList =
    notices.length === 0
      ? ""
      : `<h2>Worth knowing</h2><ul>${notices.map(one => `<li>${escapeXml(one.text)}${one.count > 1 ? ` <span class="soft">(${count(one.count)} times)</span>` : ""}</li>`).join("")}</ul>`;
  const trail =
    ledger === undefined
      ? ""
      : ` From ${count(ledger.events)} events of the ledger, the last of hash <code>${escapeXml(ledger.head)}</code>.`;
  return (
    `<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">` +
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">` +
    `<title>${escapeXml(title)}</title><style>${STYLE}</style></head><body>` +
    `<header><h1>${escapeXml(title)}</h1><p class="soft">${shownTime(from)} to ${shownTime(to)}</p></header>` +
    `<main>${summary(report)}${reportFigures(report)}` +
    `<h2>Failures by cause</h2>${causes}${noticeList}` +
    `<h2>Units</h2>${unitTable(report.units, options)}</main>` +
    `<footer>Made ${shownTime(report.made)} by xs-cellular.${trail} Times of states are those from the state before.</footer></body></html>\n`
  );
}
