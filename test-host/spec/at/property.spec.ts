import assert from "node:assert/strict";
import fc from "fast-check";
import { command, query, type Command } from "../../../modules/at/command.js";
import type { Failure } from "../../../modules/diagnosis/failure.js";
import { Collector, Rig, sourceOf, textOf, type RigOptions } from "./harness.js";
import { Model, rawOf, reportLines, type Behaviour } from "./model.js";

const TIMEOUT_MS = 1_000;
type One = readonly [value: number];

const plain = command({ text: "AT+P", timeoutMs: TIMEOUT_MS });
const wrong = command<One>({ text: "AT+E=", timeoutMs: TIMEOUT_MS });
const ask = query<number, One>({
  text: "AT+Q=",
  timeoutMs: TIMEOUT_MS,
  prefix: "+Q:",
  read: line => line.int(0),
});
const data = query<number, One>({
  text: "AT+D=",
  timeoutMs: TIMEOUT_MS,
  prefix: "+D:",
  raw: line => line.int(0),
  read: line => line.int(0),
});
const give = command<One>({ text: "AT+S=", timeoutMs: TIMEOUT_MS, prompt: ">", final: "SEND OK" });
const store: Command<number, One> = query<number, One>({
  text: "AT+F=",
  timeoutMs: TIMEOUT_MS,
  prefix: "+F:",
  prompt: "CONNECT",
  read: line => line.int(0),
});

type Kind = "plain" | "wrong" | "ask" | "data" | "give" | "store";

interface Step {
  readonly kind: Kind;
  readonly value: number;
  readonly behaviour: Behaviour;
  /** Milliseconds until the next command is queued. */
  readonly pauseMs: number;
}

/** What a command came to, and what it should have when the module answered in time. */
interface Ending {
  readonly step: Step;
  readonly sink: Collector;
  failure?: Failure | undefined;
  result?: unknown;
  calls: number;
}

const kinds: readonly Kind[] = ["plain", "wrong", "ask", "data", "give", "store"];

function steps(slowest: number): fc.Arbitrary<Step[]> {
  const behaviour = fc.record({
    promptMs: fc.nat({ max: slowest }),
    answerMs: fc.nat({ max: slowest }),
    piece: fc.constantFrom(1, 2, 3, 7, 96, Infinity),
    reports: fc.array(fc.nat({ max: reportLines.length - 1 }), { maxLength: 2 }),
  });
  const step = fc.record({
    kind: fc.constantFrom(...kinds),
    value: fc.integer({ min: 1, max: 600 }),
    behaviour,
    pauseMs: fc.nat({ max: 400 }),
  });
  return fc.array(step, { minLength: 1, maxLength: 12 });
}

/** Without ESC, which a module of one kind takes as the end. */
const payloadOf = (length: number): string => rawOf(length).replaceAll("\x1b", "x");

function start(rig: Rig, ending: Ending): void {
  const { kind, value } = ending.step;
  const { sink } = ending;
  const done = (failure: Failure | undefined, result?: unknown): void => {
    ending.calls++;
    ending.failure = failure;
    ending.result = result;
  };
  const source = sourceOf(payloadOf(value));
  if (kind === "plain") rig.channel.run(plain, [], done);
  else if (kind === "wrong") rig.channel.run(wrong, [value], done);
  else if (kind === "ask") rig.channel.run(ask, [value], done);
  else if (kind === "data") rig.channel.run(data, [value], done, { sink });
  else if (kind === "give") rig.channel.run(give, [value], done, { source });
  else rig.channel.run(store, [value], done, { source });
}

function checkOwn({ step, sink, failure, result }: Ending): void {
  const { kind, value } = step;
  if (kind === "wrong") {
    assert.deepEqual([failure?.kind, failure?.code], ["cme", value]);
    return;
  }
  assert.equal(failure, undefined);
  assert.equal(result, kind === "plain" || kind === "give" ? undefined : value);
  if (kind === "data") assert.equal(textOf(sink.bytes), rawOf(value));
}

function play(
  list: readonly Step[],
  options: RigOptions,
  echo: boolean,
  escapes: boolean,
): [Ending[], Rig, Model] {
  const rig = new Rig(options);
  const model = new Model(rig, list.map(step => step.behaviour)[Symbol.iterator](), echo, escapes);
  const endings = list.map((step): Ending => ({ step, sink: new Collector(), calls: 0 }));
  for (const ending of endings) {
    start(rig, ending);
    rig.timer.advance(ending.step.pauseMs);
  }
  rig.timer.drain();
  for (const ending of endings) assert.equal(ending.calls, 1);
  assert.equal(rig.channel.pending, 0);
  assert.equal(rig.timer.pending, 0);
  assert.deepEqual(rig.exceptions, []);
  assert.equal(rig.counters.overflows, 0);
  return [endings, rig, model];
}

const line = fc.record({ capacity: fc.constantFrom(1, 17, 128, 4096) });

describe("any commands, reports, latencies and pieces", () => {
  it("give every command exactly its own result, and every report, when the module is in time", () => {
    fc.assert(
      fc.property(
        // Sending the longest payload byte by byte takes 600 ms of the time.
        steps(TIMEOUT_MS - 650),
        line,
        fc.boolean(),
        fc.boolean(),
        (list, options, echo, escapes) => {
          const [endings, rig, model] = play(list, options, echo, escapes);
          for (const ending of endings) checkOwn(ending);
          assert.equal(rig.reports.length, model.reports);
          assert.deepEqual(
            model.payloads,
            list.filter(s => s.kind === "give" || s.kind === "store").map(s => payloadOf(s.value)),
          );
          assert.deepEqual([rig.counters.strays, rig.counters.timeouts], [0, 0]);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("give every command its own result or a timeout, never another's, when the module is late", () => {
    fc.assert(
      fc.property(steps(3 * TIMEOUT_MS), line, fc.boolean(), fc.boolean(), (list, options, echo, escapes) => {
        const [endings] = play(list, options, echo, escapes);
        for (const ending of endings)
          if (ending.failure?.kind !== "timeout" && ending.failure?.kind !== "no-answer") checkOwn(ending);
          else assert.equal(ending.result, undefined);
      }),
      { numRuns: 300 },
    );
  });

  it("are in step again at the end, however late the module was", () => {
    fc.assert(
      fc.property(steps(8 * TIMEOUT_MS), line, fc.boolean(), fc.boolean(), (list, options, echo, escapes) => {
        const prompt: Behaviour = { promptMs: 1, answerMs: 1, piece: Infinity, reports: [] };
        const last: Step = { kind: "ask", value: 42, behaviour: prompt, pauseMs: 0 };
        const [endings] = play(
          [...list.map(step => ({ ...step, pauseMs: 30_000 })), last],
          options,
          echo,
          escapes,
        );
        const end = endings.at(-1);
        assert.ok(end);
        checkOwn(end);
      }),
      { numRuns: 150 },
    );
  });
});
