import assert from "node:assert/strict";
import { command, type Parameter } from "../../../modules/at/command.js";
import { failure } from "../../../modules/diagnosis/failure.js";
import { attention, framed, probeLine, Rig, send, sourceOf } from "./harness.js";

const anything = command<readonly Parameter[]>({ text: "AT+X=", timeoutMs: 1_000 });
const bare = command<readonly Parameter[]>({ text: "AT+X=", timeoutMs: 1_000, bare: true });

describe("parameters that cannot be sent", () => {
  const rows: readonly [
    what: string,
    how: typeof anything,
    parameters: readonly Parameter[],
    detail: string,
  ][] = [
    ["a quote", anything, ['a"b'], "parameter 1"],
    ["a carriage return", anything, [1, "a\rAT+CFUN=0"], "parameter 2"],
    ["a line feed", anything, ["\n"], "parameter 1"],
    ["NUL", anything, [1, undefined, "\0"], "parameter 3"],
    ["ESC", anything, ["\x1b"], "parameter 1"],
    ["Ctrl+Z", anything, ["\x1a"], "parameter 1"],
    ["DEL", anything, ["\x7f"], "parameter 1"],
    ["a character outside of ASCII", anything, ["é"], "parameter 1"],
    ["a character outside of the first plane", anything, ["a😀"], "parameter 1"],
    ["NaN", anything, [NaN], "parameter 1"],
    ["infinity", anything, [Infinity], "parameter 1"],
    ["a fraction", anything, [1, 1.5], "parameter 2"],
    ["a number that is written with an exponent", anything, [1e21], "parameter 1"],
    ["a comma outside of quotes", bare, ["a,b"], "parameter 1"],
    ["a second command outside of quotes", bare, ["1;+CFUN=0"], "parameter 1"],
    ["a quote in a text without quotes", bare, ['"'], "parameter 1"],
    ["a line one byte too long", anything, ["x".repeat(505)], "line too long"],
    ["a line much too long", anything, ["x".repeat(5_000)], "line too long"],
  ];
  for (const [what, how, parameters, detail] of rows)
    it(`fail with limit and nothing is sent: ${what}`, () => {
      const rig = new Rig();
      const outcome = rig.run(how, parameters);
      const next = rig.run(attention, []);
      assert.deepEqual([[...outcome], rig.taken()], [[], ""]);
      rig.timer.advance(0);
      assert.deepEqual(
        [...outcome],
        [{ failure: failure("limit", "AT+X", undefined, detail), result: undefined }],
      );
      assert.equal(rig.taken(), "AT\r");
      rig.line.receive(framed("OK"));
      assert.equal(next.length, 1);
      assert.equal(rig.counters.commands, 1);
    });

  it("are not heard of again when the command was cancelled or reset in between", () => {
    const rig = new Rig();
    const first = rig.run(anything, [NaN]);
    rig.run(attention, []);
    assert.ok(first.request);
    assert.equal(rig.timer.pending, 1);
    rig.channel.cancel(first.request);
    rig.timer.advance(0);
    assert.deepEqual([...first], []);
    assert.equal(rig.taken(), "AT\r");
    rig.line.receive(framed("OK"));
    const second = rig.run(anything, [NaN]);
    const reason = failure("module-reset");
    rig.channel.reset(reason);
    assert.deepEqual([...second], [{ failure: reason, result: undefined }]);
    rig.timer.advance(0);
    assert.equal(second.length, 1);
    rig.run(attention, []);
    assert.equal(rig.taken(), "AT\r");
  });
});

describe("parameters", () => {
  const rows: readonly [parameters: readonly Parameter[], sent: string][] = [
    [[], "AT+X=\r"],
    [[0, -1, 4294967295], "AT+X=0,-1,4294967295\r"],
    [["", "a b,c;d~!"], 'AT+X="","a b,c;d~!"\r'],
    [[undefined, undefined], "AT+X=\r"],
    [[1, undefined, undefined, "x", undefined], 'AT+X=1,,,"x"\r'],
    [["x".repeat(504)], 'AT+X="' + "x".repeat(504) + '"\r'],
  ];
  for (const [parameters, sent] of rows)
    it(`are sent as ${JSON.stringify(sent.slice(0, 40))}`, () => {
      const rig = new Rig();
      rig.run(anything, parameters);
      assert.equal(rig.taken(), sent);
    });

  it("are sent without quotes where the command says so", () => {
    const rig = new Rig();
    rig.run(bare, [1, "0XC02F"]);
    assert.equal(rig.taken(), "AT+X=1,0XC02F\r");
  });
});

describe("a serial port with little room", () => {
  for (const capacity of [1, 2, 17, 128]) {
    it(`of ${String(capacity)} bytes gets a command and a payload whole and in order`, () => {
      const rig = new Rig({ capacity });
      const payload = Uint8Array.from({ length: 1460 }, (_, i) => i * 31);
      const outcome = rig.run(send, [11, 1460], { source: sourceOf(payload) });
      rig.timer.advance(200);
      assert.equal(rig.taken(), "AT+QISEND=11,1460\r");
      rig.line.receive("\r\n> ");
      rig.timer.advance(2_000);
      assert.deepEqual(Uint8Array.from(rig.line.written), payload);
      rig.line.receive(framed("SEND OK"));
      assert.equal(outcome.length, 1);
      assert.equal(outcome[0]?.failure, undefined);
      assert.deepEqual(rig.exceptions, []);
    });

    it(`of ${String(capacity)} bytes gets a whole probe after a timeout`, () => {
      const rig = new Rig({ capacity });
      rig.run(attention, []);
      rig.timer.advance(1_000);
      rig.timer.advance(20);
      assert.equal(rig.taken(), "AT\r" + probeLine);
    });
  }

  it("that never has room again ends in a timeout and no answer", () => {
    const rig = new Rig();
    rig.line.writable(0);
    const first = rig.run(attention, []);
    const second = rig.run(attention, []);
    rig.timer.drain();
    assert.equal(first[0]?.failure?.kind, "timeout");
    assert.equal(second[0]?.failure?.kind, "no-answer");
    assert.equal(rig.taken(), "");
  });
});

describe("a source", () => {
  it("that ends early leaves the command to its timeout", () => {
    const rig = new Rig();
    let reads = 0;
    const source = {
      byteLength: 10,
      read(view: Uint8Array, offset: number) {
        reads++;
        if (offset > 0) return 0;
        view.set([1, 2]);
        return 2;
      },
    };
    const outcome = rig.run(send, [0, 10], { source });
    rig.taken();
    rig.line.receive("\r\n> ");
    assert.deepEqual([rig.line.written, reads], [[1, 2], 2]);
    rig.timer.advance(120_000);
    assert.equal(outcome[0]?.failure?.kind, "timeout");
  });

  it("that throws leaves the command to its timeout, and is told", () => {
    const rig = new Rig();
    const source = {
      byteLength: 10,
      read() {
        throw new Error("flash");
      },
    };
    const outcome = rig.run(send, [0, 10], { source });
    rig.line.receive("\r\n> ");
    assert.equal(rig.exceptions.length, 1);
    rig.timer.advance(120_000);
    assert.equal(outcome[0]?.failure?.kind, "timeout");
  });

  it("is asked for no more than there is room for, from where it left off", () => {
    const rig = new Rig({ capacity: 4 });
    const asked: [length: number, offset: number][] = [];
    const source = {
      byteLength: 9,
      read(view: Uint8Array, offset: number) {
        asked.push([view.length, offset]);
        return view.length;
      },
    };
    rig.run(send, [0, 9], { source });
    rig.timer.advance(100);
    rig.line.receive("\r\n> ");
    rig.timer.advance(100);
    assert.deepEqual(asked, [
      [4, 0],
      [4, 4],
      [1, 8],
    ]);
  });
});

describe("a serial port that throws", () => {
  it("fails no call, is told, and ends in a timeout", () => {
    const rig = new Rig();
    rig.line.writable(4096);
    rig.line.room = 0;
    const outcome = rig.run(attention, []);
    assert.equal(rig.exceptions.length, 1);
    assert.deepEqual([...outcome], []);
    rig.line.room = 4096;
    rig.timer.advance(1_000);
    assert.equal(outcome[0]?.failure?.kind, "timeout");
    assert.equal(rig.taken(), probeLine);
  });

  it("gets no rest of a line whose beginning it did not take", () => {
    const rig = new Rig();
    rig.line.writable(2);
    rig.line.room = 0;
    rig.run(attention, []);
    assert.equal(rig.exceptions.length, 1);
    rig.line.writable(100);
    assert.equal(rig.taken(), "");
  });
});
