import assert from "node:assert/strict";
import fc from "fast-check";
import { behind, latin1, Line } from "../../../modules/at/line.js";
import { bytesOf } from "./harness.js";

/** A line whose prefix is all up to the first colon. */
function lineOf(text: string): Line {
  const bytes = bytesOf(text);
  const line = new Line(bytes);
  line.set(bytes, 0, bytes.length);
  assert.ok(line.match(text.slice(0, text.indexOf(":") + 1)));
  return line;
}

describe("fields of a line", () => {
  const rows: readonly { line: string; fields: readonly string[] }[] = [
    { line: "+CSQ: 28,99", fields: ["28", "99"] },
    { line: "+CSQ:28,99", fields: ["28", "99"] },
    { line: "+CREG:", fields: [] },
    { line: "+CREG: ", fields: [] },
    { line: "+A: ,", fields: ["", ""] },
    { line: "+A: 1,", fields: ["1", ""] },
    { line: "+A: ,,3", fields: ["", "", "3"] },
    { line: '+QICSGP: 1,"","","",0', fields: ["1", "", "", "", "0"] },
    { line: '+COPS: 0,0,"A,B",9', fields: ["0", "0", "A,B", "9"] },
    { line: '+QICSGP: 1,1,"hologram", "", "", 1', fields: ["1", "1", "hologram", "", "", "1"] },
    { line: "+QIGETERROR: 552, invalid parameters", fields: ["552", "invalid parameters"] },
    { line: "+A:  1 , 2 ", fields: ["1", "2"] },
    { line: '+A: " x "', fields: [" x "] },
    { line: '+A: "open,1', fields: ["open,1"] },
    { line: '+A: "', fields: [""] },
    { line: '+CCLK: "20/06/02,01:47:33+32"', fields: ["20/06/02,01:47:33+32"] },
    {
      line: '+CGREG: 4,5,"66C0","1042","0",,,,"00000000","01100000","00000000"',
      fields: ["4", "5", "66C0", "1042", "0", "", "", "", "00000000", "01100000", "00000000"],
    },
  ];
  for (const { line, fields } of rows)
    it(`reads ${JSON.stringify(line)}`, () => {
      const read = lineOf(line);
      for (const [index, text] of fields.entries()) {
        assert.equal(read.text(index), text);
        assert.ok(read.is(index, text));
      }
      assert.equal(read.is(fields.length, ""), false);
    });

  it("gives nothing for a field that is missing", () => {
    const line = lineOf("+CSQ: 28,99");
    assert.equal(line.text(2), "");
    assert.equal(line.has(2), false);
    assert.equal(line.quoted(2), false);
    assert.equal(line.is(2, ""), false);
    assert.ok(Number.isNaN(line.int(2)));
  });

  it("tells an empty field from one with an empty text in quotes", () => {
    const line = lineOf('+A: ,"",x');
    assert.deepEqual([line.has(0), line.has(1), line.has(2)], [false, true, true]);
    assert.deepEqual([line.quoted(0), line.quoted(1), line.quoted(2)], [false, true, false]);
  });

  it("compares a field with a text, quotes not counted", () => {
    const line = lineOf('+QIURC: "recv",recv');
    assert.ok(line.is(0, "recv") && line.is(1, "recv"));
    assert.ok(!line.is(0, "rec") && !line.is(0, "recvx") && !line.is(0, '"recv"'));
  });

  it("gives all behind the prefix as one text", () => {
    assert.equal(lineOf("+CPIN: SIM PIN").whole(), "SIM PIN");
    assert.equal(lineOf('+A: "x", 2').whole(), '"x", 2');
    assert.equal(lineOf("+A:").whole(), "");
  });

  const integers: readonly [text: string, int: number, hex: number][] = [
    ["0", 0, 0],
    ["17", 17, 0x17],
    ["-52", -52, -0x52],
    ['"42"', 42, 0x42],
    ["007", 7, 7],
    ["2d13", NaN, 0x2d13],
    ["F5F", NaN, 0xf5f],
    ["4294967295", 4294967295, 0x4294967295],
    ["", NaN, NaN],
    ['""', NaN, NaN],
    ["-", NaN, NaN],
    ["1.5", NaN, NaN],
    ["1 2", NaN, NaN],
    ["+1", NaN, NaN],
    ["0x1", NaN, NaN],
    ["--1", NaN, NaN],
    ["1g", NaN, NaN],
    ["1:", NaN, NaN],
    ["[1", NaN, NaN],
    ["@`", NaN, NaN],
    ["\xff", NaN, NaN],
  ];
  for (const [text, int, hex] of integers)
    it(`reads the number ${JSON.stringify(text)}`, () => {
      const line = lineOf(`+A: ${text},x`);
      assert.equal(line.int(0), int);
      assert.equal(line.hex(0), hex);
    });

  it("reads back any fields that were written", () => {
    const field = fc.oneof(
      fc.integer().map(n => ({ written: String(n), text: String(n) })),
      fc
        .string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map(c => String.fromCharCode(c)) })
        .map(t => t.replaceAll('"', ""))
        .map(t => ({ written: `"${t}"`, text: t })),
    );
    fc.assert(
      fc.property(fc.array(field, { minLength: 1 }), fields => {
        const line = lineOf("+A: " + fields.map(f => f.written).join(","));
        for (const [index, { text }] of fields.entries()) assert.equal(line.text(index), text);
        assert.ok(!line.is(fields.length, ""));
      }),
    );
  });
});

describe("texts of bytes", () => {
  it("takes any byte for the character of the same number", () => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    assert.equal(latin1(all, 0, 256), Buffer.from(all).toString("latin1"));
    for (let length = 0; length < 9; length++)
      assert.equal(
        latin1(all, 200, 200 + length),
        Buffer.from(all.subarray(200, 200 + length)).toString("latin1"),
      );
  });

  it("compares no further than the end that is given", () => {
    const bytes = bytesOf("+CSQ: 1");
    assert.equal(behind(bytes, 0, 7, "+CSQ:"), 5);
    assert.equal(behind(bytes, 0, 5, "+CSQ:"), 5);
    assert.equal(behind(bytes, 0, 4, "+CSQ:"), -1);
    assert.equal(behind(bytes, 1, 7, "CSQ"), 4);
    assert.equal(behind(bytes, 1, 7, "CSX"), -1);
    assert.equal(behind(bytes, 3, 7, ""), 3);
  });
});

describe("match of a line", () => {
  const line = lineOf("+CSQ: 1");
  it("takes the prefix", () => {
    assert.ok(line.match("+CSQ:") && line.int(0) === 1);
    assert.ok(line.match("") && line.whole() === "+CSQ: 1");
    assert.ok(!line.match("+CSQ;"));
  });
  it("takes the whole line where that is asked for", () => {
    assert.ok(line.match("+CSQ: 1", true) && line.whole() === "");
    assert.ok(!line.match("+CSQ:", true) && !line.match("+CSQ: 12", true));
  });
});
