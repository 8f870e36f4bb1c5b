import assert from "node:assert/strict";
import fc from "fast-check";
import { commandOf, logs, type Exchange } from "./exchanges.js";
import { Collector, Rig, sourceOf, textOf, type Outcome } from "./harness.js";

/** Runs the exchanges one after another; a report may be slipped in at a place of one of them. */
function replay(
  exchanges: readonly Exchange[],
  pieces: () => number,
  slip?: {
    readonly exchange: number;
    readonly place: number;
    readonly text: string;
    readonly report: string;
  },
): void {
  const rig = new Rig();
  for (const [index, exchange] of exchanges.entries()) {
    const sink = new Collector();
    const what = commandOf(exchange);
    const transfer = {
      sink,
      ...(exchange.payload === undefined ? undefined : { source: sourceOf(exchange.payload) }),
    };
    const outcome: Outcome[] = rig.run(what, [], transfer);
    assert.equal(rig.taken(), exchange.line + "\r");
    const answer = [...exchange.answer];
    const reports = [...(exchange.reports ?? [])];
    if (slip?.exchange === index) answer.splice(slip.place, 0, slip.text);
    const bytes = answer.join("");
    for (let from = 0; from < bytes.length;) {
      const size = pieces();
      rig.line.receive(bytes.slice(from, from + size));
      from += size;
    }
    assert.equal(rig.taken(), exchange.payload ?? "");
    const [end] = outcome;
    assert.ok(end, exchange.line);
    if (exchange.fails)
      assert.deepEqual([end.failure?.kind, end.failure?.code], [exchange.result[0], exchange.result[1]]);
    else {
      assert.equal(end.failure, undefined, exchange.line);
      const lines = (end.result ?? []) as readonly string[];
      assert.deepEqual(exchange.raw ? [...lines, textOf(sink.bytes)] : lines, exchange.result);
    }
    if (slip?.exchange === index) {
      const at = rig.reports.indexOf(slip.report);
      assert.ok(at >= 0, `no ${slip.report} in ${rig.reports.join()}`);
      rig.reports.splice(at, 1);
    }
    assert.deepEqual(rig.reports.splice(0), reports);
  }
  assert.deepEqual([rig.counters.timeouts, rig.counters.overflows, rig.exceptions], [0, 0, []]);
}

const slips = [
  { text: '\r\n+QIURC: "recv",7\r\n', report: "socket(recv|7)" },
  { text: '\r\n+CEREG: 1,"66C0","1042",9\r\n', report: "registration(1|66C0|1042|9)" },
  { text: "\r\n+CEREG: 3\r\n", report: "registration(3)" },
];

describe("real exchanges", () => {
  for (const { source, exchanges } of logs)
    describe(source, () => {
      for (const size of [Infinity, 1, 2, 3, 7])
        it(`give their results in pieces of ${String(size)}`, () => {
          replay(exchanges, () => size);
        });

      it("give their results in any pieces", () => {
        fc.assert(
          fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 50 }), sizes => {
            let turn = 0;
            replay(exchanges, () => sizes[turn++ % sizes.length] ?? 1);
          }),
          { numRuns: 30 },
        );
      });

      it("give their results with a report between any two lines", () => {
        for (const slip of slips)
          for (const [index, { answer }] of exchanges.entries())
            for (let place = 0; place < answer.length; place++)
              for (const size of [Infinity, 1, 3])
                replay(exchanges, () => size, { exchange: index, place, ...slip });
      });
    });
});
