import assert from "node:assert/strict";
import { failure } from "../../../modules/diagnosis/failure.js";
import { query, type Command } from "../../../modules/at/command.js";
import {
  bytesOf,
  Collector,
  framed,
  probeLine,
  Rig,
  send,
  sourceOf,
  textOf,
  type Outcome,
} from "./harness.js";

/** A read as the module's manual describes it: two line ends between the data and `OK`. */
const read: Command<number, readonly [id: number]> = query<number, readonly [id: number]>({
  text: "AT+QIRD=",
  prefix: "+QIRD:",
  timeoutMs: 5_000,
  tail: 4,
  raw: line => line.int(0),
  read: line => line.int(0),
});

const data = "0123456789abcdef\r\nOK\r\n\r\n\r\n+QIURC: \x00\x1b>";
const answer = (payload: string): string => `\r\n+QIRD: ${data.length}\r\n${payload}\r\n\r\nOK\r\n`;

describe("raw data that lost bytes on the serial line", () => {
  for (const piece of [1, 2, 3, 7, Infinity]) {
    it(`are taken whole when none was lost, in pieces of ${piece}`, () => {
      const rig = new Rig();
      const sink = new Collector();
      const outcome = rig.run(read, [0], { sink });
      rig.line.receive(answer(data), piece);
      assert.deepEqual([...outcome], [{ failure: undefined, result: data.length }]);
      assert.equal(textOf(sink.bytes), data);
    });
  }

  // One lost byte used to go unseen: the CR behind the data took its place, and the rest still read as OK.
  for (let lost = 1; lost <= 8; lost++) {
    it(`fail the read when ${lost} are missing, wherever that was`, () => {
      for (let from = 0; from + lost <= data.length; from++) {
        const rig = new Rig();
        const outcome = rig.run(read, [0], { sink: new Collector() });
        rig.line.receive(answer(data.slice(0, from) + data.slice(from + lost)));
        rig.timer.advance(10_000);
        const kinds = [...outcome].map(({ failure: reason }: Outcome) => reason?.kind);
        assert.equal(kinds.length, 1);
        assert.ok(kinds[0] === "overrun" || kinds[0] === "timeout", `${from}: ${String(kinds[0])}`);
      }
    });
  }
});

describe("a counted payload that is not confirmed", () => {
  /** A send whose payload the module never confirms. */
  function stuck(willReset: boolean): {
    readonly rig: Rig;
    readonly outcome: readonly Outcome[];
    asked: number;
  } {
    const state = { asked: 0 };
    const rig = new Rig({
      onStuckPayload: () => {
        state.asked++;
        return willReset;
      },
    });
    const outcome = rig.run(send, [0, 5], { source: sourceOf("hello") });
    rig.line.receive("\r\n> ");
    rig.taken();
    rig.timer.advance(send.timeoutMs);
    return { rig, outcome, asked: state.asked };
  }

  it("gets nothing more, which the peer would receive, when the module will be reset", () => {
    const { rig, outcome, asked } = stuck(true);
    assert.equal(asked, 1);
    assert.deepEqual([...outcome], [{ failure: failure("timeout", "AT+QISEND"), result: undefined }]);
    rig.timer.advance(60_000);
    assert.equal(rig.taken(), "");
  });

  it("is followed by a probe as soon as another command is wanted", () => {
    const { rig } = stuck(true);
    rig.run(read, [0]);
    assert.equal(rig.taken(), "\x1b" + probeLine);
  });

  it("is over when the module was reset: the next command goes out behind a probe", () => {
    const { rig } = stuck(true);
    rig.channel.reset(failure("module-reset"));
    const outcome = rig.run(send, [1, 2], { source: sourceOf("hi") });
    assert.equal(rig.taken(), probeLine);
    rig.line.receive(bytesOf(framed("+CMEE: 1", "OK")));
    assert.equal(rig.taken(), "AT+QISEND=1,2\r");
    assert.deepEqual([...outcome], []);
  });

  it("is completed by probes when nothing can reset the module", () => {
    const { rig } = stuck(false);
    assert.equal(rig.taken(), "\x1b" + probeLine);
  });
});
