import fc from "fast-check";
import assert from "node:assert/strict";
import { FactoryError } from "../../../certs/factory-error.js";
import { ReportBook } from "../../../certs/report/book.js";
import { reportOfLedger } from "../../../certs/report/from-ledger.js";
import { reportPage } from "../../../certs/report/page.js";
import type { Report } from "../../../certs/report/report.js";
import { histogram, niceStep, quantile, shownDuration } from "../../../certs/report/statistics.js";
import { FilledLedger, steppingClock, unitOf } from "../export/filled-ledger.js";

const silent = new FactoryError({
  code: "silent",
  side: "unit",
  what: "the unit does not answer",
  why: "No byte came in 5 s.",
  fix: "Check the cable.",
});

/** A run whose clock the events move. */
class Run {
  at = Date.parse("2026-11-20T06:00:00Z");
  readonly book = new ReportBook({ now: () => new Date(this.at) });

  unit(port: string, serial: string, durationMs: number, error?: FactoryError): void {
    const began = this.at;
    this.book.onEvent({ event: "unit", port, serial, resumed: "listed" });
    this.book.onEvent({ event: "state", port, serial, state: "begun", ms: durationMs / 4 });
    if (error === undefined)
      this.book.onEvent({ event: "state", port, serial, state: "done", ms: (durationMs * 3) / 4 });
    this.at = began + durationMs;
    this.book.onEvent({
      event: "result",
      port,
      serial,
      outcome: error === undefined ? "done" : "failed",
      state: error === undefined ? "done" : "begun",
      certificate: error === undefined ? "ab".repeat(32) : undefined,
      proofs: error === undefined ? ["possession"] : [],
      durationMs,
      error,
    });
  }

  report(): Report {
    return this.book.report({ title: "Run" });
  }
}

/** Elements that are opened and closed in order; what a browser would load or run. */
function checkMarkup(html: string): void {
  const open: string[] = [];
  const empty = new Set(["meta", "br"]);
  for (const found of html.matchAll(/<(\/?)([a-z0-9]+)((?:\s+[\w-]+(?:="[^"<>]*")?)*)\s*(\/?)>/gi)) {
    const [, slash, name = "", attributes = "", self] = found;
    assert.doesNotMatch(attributes.replace(/"[^"]*"/g, ""), /\b(src|srcset|on\w+)=/i);
    if (slash === "/") assert.equal(open.pop(), name, `</${name}> at ${found.index}`);
    else if (self !== "/" && !empty.has(name)) open.push(name);
  }
  assert.deepEqual(open, []);
  // Every "<" belongs to an element: nothing of a list became one.
  const rest = html
    .replace(/^<!DOCTYPE html>/, "")
    .replace(/<style>[^]*<\/style>/, "")
    .replace(/<\/?[a-z0-9]+(?:\s+[\w-]+(?:="[^"<>]*")?)*\s*\/?>/gi, "");
  assert.ok(!rest.includes("<"), rest.slice(Math.max(0, rest.indexOf("<") - 40), rest.indexOf("<") + 40));
  assert.doesNotMatch(html, /<(script|img|link|iframe|object|embed|base|form)\b/i);
  assert.doesNotMatch(html, /url\(|@import/i);
}

describe("report", () => {
  it("a run of nothing says so", () => {
    const html = reportPage(new Run().report());
    checkMarkup(html);
    assert.match(html, /Nothing was tried\./);
    assert.doesNotMatch(html, /<svg/);
  });

  it("a run tells counts, times and causes with what, why and what to do", () => {
    const run = new Run();
    for (let index = 0; index < 8; index++) run.unit("/dev/ttyUSB0", `SN-${index}`, 60_000);
    run.unit("/dev/ttyUSB0", "SN-8", 60_000, silent);
    const report = run.report();
    const html = reportPage(report);
    checkMarkup(html);
    assert.match(html, /<b>9<\/b>units/);
    assert.match(html, /<b>8<\/b>done/);
    assert.match(html, /<b>1<\/b>failed/);
    assert.match(html, /<b>1 min 0 s<\/b>a unit \(median\)/);
    // 8 of 9 minutes.
    assert.match(html, /<b>53<\/b>units an hour/);
    for (const text of ["silent", silent.what, silent.why, silent.fix]) assert.ok(html.includes(text), text);
    assert.deepEqual(report.stateTimes.get("begun"), new Array<number>(9).fill(15_000));
  });

  // The events of a line count from the attempt's begin, the ledger's times are those of single steps.
  it("a run tells the time to each state from the one before, and to the first from the begin", () => {
    const run = new Run();
    run.unit("a", "SN-1", 8_000);
    run.unit("a", "SN-2", 8_000);
    const report = run.report();
    for (const { times } of report.units)
      assert.deepEqual(times, [
        ["begun", 2_000],
        ["done", 4_000],
      ]);
    assert.deepEqual(Array.from(report.stateTimes), [
      ["begun", [2_000, 2_000]],
      ["done", [4_000, 4_000]],
    ]);
    assert.match(reportPage(report), /begun 2\.0 s, done 4\.0 s/);
  });

  // One sentence stood for all: a handshake without network hid one that the broker had refused.
  it("failures of one code are told apart by what happened, the most frequent first", () => {
    const run = new Run();
    const failed = (what: string, fix: string): FactoryError =>
      new FactoryError({ code: "handshake", side: "unit", what, why: "w", fix });
    run.unit("a", "SN-1", 1000, failed("no network", "antenna"));
    for (const serial of ["SN-2", "SN-3"]) run.unit("a", serial, 1000, failed("unknown_ca", "the CA"));
    const [handshake, ...others] = run.report().failures;
    assert.deepEqual(others, []);
    assert.equal(handshake?.count, 3);
    assert.deepEqual(
      handshake.told.map(({ what, fix, count, serials }) => [what, fix, count, serials]),
      [
        ["unknown_ca", "the CA", 2, ["SN-2", "SN-3"]],
        ["no network", "antenna", 1, ["SN-1"]],
      ],
    );
    for (let index = 0; index < 9; index++) run.unit("b", `SN-${index}0`, 1000, failed(`${index} ms`, ""));
    const html = reportPage(run.report());
    checkMarkup(html);
    assert.match(html, /unknown_ca \(2 attempts\).*6 more, in other words/s);
  });

  it("a unit that failed and was done later is done, and its failure is told as past", () => {
    const run = new Run();
    run.unit("a", "SN-1", 1000, silent);
    run.unit("b", "SN-1", 5000);
    const report = run.report();
    assert.deepEqual(
      report.units.map(({ serial, outcome, port, attempts, failure }) => ({
        serial,
        outcome,
        port,
        attempts,
        failure,
      })),
      [{ serial: "SN-1", outcome: "done", port: "b", attempts: 2, failure: undefined }],
    );
    assert.equal(report.failures[0]?.count, 1);
    assert.equal(report.failures[0].standing, 0);
    assert.match(reportPage(report), /1 attempt, all done since/);
  });

  it("what could not be told which unit it is counts as an attempt, and an empty port as nothing", () => {
    const run = new Run();
    const result = { event: "result", port: "a", proofs: [], durationMs: 5 } as const;
    run.book.onEvent({ ...result, outcome: "failed", error: silent });
    run.book.onEvent({ ...result, outcome: "none-left" });
    const report = run.report();
    assert.equal(report.attempts.length, 1);
    assert.equal(report.units.length, 0);
    assert.match(reportPage(report), /<b>1<\/b>attempts at something that no unit could be told from/);
  });

  it("nothing of a hostile list becomes markup", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string({ unit: "binary", maxLength: 30 }),
            fc.constantFrom(
              `"><script>alert(1)</script>`,
              `<img src=x onerror=alert(1)>`,
              "' onmouseover='x",
              "]]>&lt;",
              "</style>",
              "\uD800\u0000\u202E",
              "__proto__",
            ),
          ),
          { minLength: 6, maxLength: 6 },
        ),
        ([serial = "", label = "", port = "", code = "", what = "", csv = ""]) => {
          const run = new Run();
          run.book.unit({ serial, label, outcome: "untouched", attempts: 0, times: [], proofs: [what] });
          run.unit(port, serial, 2000, new FactoryError({ code, side: "unit", what, why: label, fix: port }));
          run.unit(port, `${serial}2`, 3000);
          run.book.onEvent({ event: "notice", port, code, text: what });
          checkMarkup(reportPage(run.book.report({ title: label }), { csv }));
        },
      ),
      { numRuns: 150 },
    );
  });

  it("every chart has a title, a description and a table of its figures", () => {
    const run = new Run();
    for (let index = 0; index < 40; index++)
      run.unit(`port${index % 4}`, `SN-${index}`, 4000 + index * 100, index % 7 === 0 ? silent : undefined);
    const html = reportPage(run.report());
    const figures = html.split("<figure").slice(1);
    assert.equal(figures.length, 6);
    for (const figure of figures) {
      const ids = /role="img" aria-labelledby="([\w-]+) ([\w-]+)"/.exec(figure);
      assert.ok(ids, figure.slice(0, 80));
      assert.match(
        figure,
        new RegExp(`<title id="${ids[1]}">[^<]+</title><desc id="${ids[2]}">[^<]+</desc>`),
      );
      assert.match(figure, /<details><summary>Figures<\/summary><table>.*<tbody><tr>/);
    }
    assert.equal(new Set(html.match(/ id="[^"]+"/g)).size, html.match(/ id="[^"]+"/g)?.length);
    assert.doesNotMatch(html, /NaN|Infinity|undefined/);
  });

  it("10,000 units: a page under half a megabyte, failures first, a note and a link to the rest", () => {
    const run = new Run();
    for (let index = 0; index < 10_000; index++)
      run.unit(
        `port${index % 8}`,
        `SN-${index}`,
        9000 + (index % 50) * 10,
        index === 9_999 ? silent : undefined,
      );
    const html = reportPage(run.report(), { csv: "units.csv" });
    checkMarkup(html);
    assert.ok(html.length < 500_000, `${html.length} characters`);
    assert.match(html, /The first 500 of 10,000 units[^<]*<a href="\.\/units\.csv">/);
    const rows = html.slice(html.indexOf('class="units"')).match(/<tr><th scope="row">[^<]+/g) ?? [];
    assert.equal(rows.length, 500);
    assert.match(rows[0], /SN-9999$/);
    assert.match(html, /<b>10,000<\/b>units/);
  });

  it("of a ledger: attempts, ports, times and failures of the past, and units that nobody tried", async () => {
    const filled = await FilledLedger.open(steppingClock());
    try {
      const { ledger } = filled;
      await filled.bring(unitOf("SN-1", { label: "first" }), "done", { port: "a" });
      await filled.bring(unitOf("SN-2"), "listed");
      const claim = await ledger.claim({ by: "serial", serial: "SN-2" }, { station: "s", port: "b" });
      assert.ok(claim);
      await ledger.fail(await ledger.advance(claim, "begun"), { code: "silent", what: silent.what });
      await filled.bring(unitOf("SN-3"), "listed");
      await filled.bring(unitOf("SN-4"), "requested");
      const report = await reportOfLedger(ledger, {
        title: "Past",
        explain: code => (code === "silent" ? { why: silent.why, fix: silent.fix } : undefined),
      });
      assert.deepEqual(
        report.units.map(({ serial, outcome, port, state }) => [serial, outcome, port, state]),
        [
          ["SN-1", "done", "a", "done"],
          ["SN-2", "failed", "b", "begun"],
          ["SN-4", "waiting", "/dev/ttyUSB0", "requested"],
          ["SN-3", "untouched", undefined, "listed"],
        ],
      );
      assert.deepEqual(
        report.failures.map(({ code, told }) => [code, told.map(({ fix }) => fix)]),
        [["silent", [silent.fix]]],
      );
      const first = report.units[0];
      assert.equal(first?.label, "first");
      assert.deepEqual(
        first.times.map(([state]) => state),
        ["begun", "keyed", "issuing", "issued", "written", "proved", "used", "done"],
      );
      assert.equal(
        first.durationMs,
        first.times.reduce((sum, [, ms]) => sum + ms, 0),
      );
      const { events, head } = await ledger.summary();
      assert.deepEqual(report.ledger, { events, head });
      checkMarkup(reportPage(report));
    } finally {
      await filled.ledger.close();
    }
  });

  it("of a ledger: a span has the attempts that began in it, and only their units", async () => {
    let day = 1;
    const filled = await FilledLedger.open(() => new Date(Date.UTC(2026, 10, day, 6)));
    try {
      await filled.bring(unitOf("SN-1"), "done");
      day = 2;
      await filled.bring(unitOf("SN-2"), "done");
      day = 3;
      await filled.bring(unitOf("SN-3"), "done");
      const report = await reportOfLedger(filled.ledger, {
        title: "Day 2",
        from: new Date("2026-11-02T00:00:00Z"),
        to: new Date("2026-11-03T00:00:00Z"),
      });
      assert.deepEqual(
        report.units.map(({ serial }) => serial),
        ["SN-2"],
      );
      assert.equal(report.attempts.length, 1);
    } finally {
      await filled.ledger.close();
    }
  });

  it("of a ledger: an attempt that was killed is not ended, and the next one counts", async () => {
    const filled = await FilledLedger.open();
    try {
      const { ledger } = filled;
      await filled.bring(unitOf("SN-1"), "listed");
      const place = { station: "s", port: "a" };
      assert.ok(await ledger.claim({ by: "serial", serial: "SN-1" }, place));
      await filled.work("SN-1", "done", { port: "a" }).catch(async () => {
        // Another station has to show that it has the unit.
        assert.ok(await ledger.claim({ by: "identity", serial: "SN-1" }, { station: "t", port: "b" }));
      });
      const report = await reportOfLedger(ledger, { title: "Killed" });
      assert.equal(report.attempts[0]?.outcome, "open");
      assert.equal(report.attempts.length, 2);
      assert.equal(report.units[0]?.attempts, 2);
    } finally {
      await filled.ledger.close();
    }
  });

  it("histograms count every value once, in bins of equal width but the last", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1e7, noNaN: true }), { minLength: 1, maxLength: 200 }),
        values => {
          const ordered = [...values].sort((a, b) => a - b);
          const bins = histogram(values, 14, quantile(ordered, 0.98));
          assert.equal(
            bins.reduce((sum, { count }) => sum + count, 0),
            values.length,
          );
          assert.ok(bins.length <= 40, `${bins.length} bins`);
          bins.forEach(({ from, to }, index) => {
            assert.ok(to > from);
            const next = bins[index + 1];
            if (next !== undefined) assert.ok(Math.abs(next.from - to) < 1e-6 * Math.max(1, to));
          });
          assert.ok((bins[0]?.from ?? Infinity) <= (ordered[0] ?? 0));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("numbers for people", () => {
    const durations: [number, string][] = [
      [0, "0.00 s"],
      [350, "0.35 s"],
      [4_240, "4.2 s"],
      [59_940, "59.9 s"],
      [59_960, "1 min 0 s"],
      [80_000, "1 min 20 s"],
      [3_599_600, "1 h 0 min"],
      [7_500_000, "2 h 5 min"],
    ];
    for (const [ms, text] of durations) assert.equal(shownDuration(ms), text);
    assert.deepEqual([0, 0.3, 1, 1.1, 3, 7, 11].map(niceStep), [1, 0.5, 1, 2, 5, 10, 20]);
    assert.equal(quantile([1, 2, 3, 4], 0.5), 2.5);
    assert.equal(quantile([], 0.5), 0);
  });
});
