import assert from "node:assert/strict";
import fc from "fast-check";
import type { Urc } from "../../../modules/at/command.js";
import { keysOf, type Expectation } from "../../../modules/at/digest.js";
import { Receiver } from "../../../modules/at/receiver.js";
import { bytesOf, FakeLine, FakeTimer, fieldsOf, textOf, urcs } from "./harness.js";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Row {
  readonly name: string;
  /** Pieces between which a report may come; joined, they are the input. */
  readonly bytes: readonly string[];
  readonly expect?: Partial<Expectation> & { readonly echo?: string };
  /** Length of the raw data that an information line announces. */
  readonly raw?: number;
  /** Kind, then text or fields, of everything that is found. */
  readonly found: readonly string[];
  /** Bytes at the end that are no whole line yet. */
  readonly left?: string;
}

const busy = {};
const csq = { prefix: "+CSQ:" };
const qird = { prefix: "+QIRD:" };
const qisend = { prompt: ">", final: "SEND OK" } as const;

const nasty = "\r\nOK\r\n\0\x1a\x1b> RDY\r\nERROR\r\nSEND OK\r\n+QIRD: 4\r\n";

const rows: readonly Row[] = [
  { name: "nothing", bytes: [""], found: [] },
  { name: "blank lines only", bytes: ["\r\n", "\r\n \r\n"], expect: busy, found: [] },
  { name: "half a line", bytes: ["\r\n+CSQ: 1"], expect: csq, found: [], left: "+CSQ: 1" },
  { name: "a result", bytes: ["\r\nOK\r\n"], expect: busy, found: ["ok OK"] },
  { name: "a result that ends with CR", bytes: ["\r\nOK\r"], expect: busy, found: ["ok OK"] },
  { name: "a result that ends with LF", bytes: ["\nOK\n"], expect: busy, found: ["ok OK"] },
  { name: "a result without its line end", bytes: ["\r\nOK"], expect: busy, found: [], left: "OK" },
  { name: "a result behind spaces", bytes: ["\r\n  OK\r\n"], expect: busy, found: ["ok OK"] },
  { name: "a longer word that begins with OK", bytes: ["\r\nOKAY\r\n"], expect: busy, found: ["stray OKAY"] },
  {
    name: "longer words that begin with a failure",
    bytes: ["\r\nERRORS\r\n", "\r\nSEND FAILURE\r\n"],
    expect: busy,
    found: ["stray ERRORS", "stray SEND FAILURE"],
  },
  { name: "an error", bytes: ["\r\nERROR\r\n"], expect: busy, found: ["error ERROR"] },
  { name: "a numeric CME error", bytes: ["\r\n+CME ERROR: 10\r\n"], expect: busy, found: ["cme 10"] },
  {
    name: "a verbose CME error",
    bytes: ["\r\n+CME ERROR: SIM not inserted\r\n"],
    expect: busy,
    found: ["cme SIM not inserted"],
  },
  { name: "a CMS error", bytes: ["\r\n+CMS ERROR: 310\r\n"], expect: busy, found: ["cms 310"] },
  { name: "a refused send", bytes: ["\r\nSEND FAIL\r\n"], expect: busy, found: ["send-fail SEND FAIL"] },
  {
    name: "results, whether a command is in flight or not: the channel knows",
    bytes: ["\r\nOK\r\n", "\r\nERROR\r\n", "\r\n+CME ERROR: 3\r\n"],
    found: ["ok OK", "error ERROR", "cme 3"],
  },
  {
    name: "an information line and a result",
    bytes: ["\r\n+CSQ: 17,99\r\n", "\r\nOK\r\n"],
    expect: csq,
    found: ["information 17|99", "ok OK"],
  },
  {
    name: "information lines with one line end between them",
    bytes: ['\r\n+QFLST: "a",1\r\n', '+QFLST: "b",2\r\n', "\r\nOK\r\n"],
    expect: { prefix: "+QFLST:" },
    found: ["information a|1", "information b|2", "ok OK"],
  },
  {
    name: "a line of another command",
    bytes: ["\r\n+CREG: 0,1\r\n", "\r\nOK\r\n"],
    expect: csq,
    found: ["stray +CREG: 0,1", "ok OK"],
  },
  {
    name: "lines of a command without prefix, and a report that is not in the table",
    bytes: [
      "\r\nQuectel\r\n",
      "BG95-M3\r\n",
      "Revision: BG95M3LAR02A03\r\n",
      "\r\n+QUSIM: 1\r\n",
      "\r\nOK\r\n",
    ],
    expect: { prefix: "" },
    found: [
      "information Quectel",
      "information BG95-M3",
      "information Revision: BG95M3LAR02A03",
      "stray +QUSIM: 1",
      "ok OK",
    ],
  },
  {
    name: "a line where none is declared",
    bytes: ["\r\n+CSQ: 17,99\r\n", "\r\nOK\r\n"],
    expect: busy,
    found: ["stray +CSQ: 17,99", "ok OK"],
  },
  {
    name: "the echo of a command",
    bytes: ["AT+CSQ\r", "\r\n+CSQ: 17,99\r\n", "\r\nOK\r\n"],
    expect: { ...csq, echo: "AT+CSQ" },
    found: ["echo AT+CSQ", "information 17|99", "ok OK"],
  },
  {
    name: "the echo of a command without prefix is no information",
    bytes: ["ATI\r", "\r\nQuectel\r\n", "\r\nOK\r\n"],
    expect: { prefix: "", echo: "ATI" },
    found: ["echo ATI", "information Quectel", "ok OK"],
  },
  {
    name: "an echo that is longer, shorter or other than what was sent",
    bytes: ["AT+CSQX\r", "AT+CS\r", "AT+CSP\r"],
    expect: { ...csq, echo: "AT+CSQ" },
    found: ["stray AT+CSQX", "stray AT+CS", "stray AT+CSP"],
  },
  {
    name: "reports while nothing is in flight",
    bytes: ["\r\nRDY\r\n", "\r\nAPP RDY\r\n", '\r\n+QIURC: "closed",3\r\n'],
    found: ["urc boot ", "urc ready ", "urc socket closed|3"],
  },
  { name: "a line that begins with a whole-line report", bytes: ["\r\nRDYX\r\n"], found: ["stray RDYX"] },
  {
    name: "an answer whose prefix is a report's too",
    bytes: ["\r\n+CEREG: 2,5\r\n", "\r\nOK\r\n"],
    expect: { prefix: "+CEREG:" },
    found: ["information 2|5", "ok OK"],
  },
  {
    name: "a report whose prefix is the answer's, before and behind it",
    bytes: ["\r\n+CEREG: 5\r\n", "\r\n+CEREG: 2,5\r\n", '\r\n+CEREG: 5,"66C0","1042",8\r\n', "\r\nOK\r\n"],
    expect: { prefix: "+CEREG:" },
    found: ["urc registration 5", "information 2|5", "urc registration 5|66C0|1042|8", "ok OK"],
  },
  {
    name: "a prompt without line end",
    bytes: ["\r\n> "],
    expect: qisend,
    found: ["prompt >"],
  },
  {
    name: "a prompt behind the echo, then the result",
    bytes: ["AT+QISEND=0,5\r", "\r\n> ", "\r\nSEND OK\r\n"],
    expect: { ...qisend, echo: "AT+QISEND=0,5" },
    found: ["echo AT+QISEND=0,5", "prompt >", "ok SEND OK"],
  },
  {
    name: "a result with another command's echo on its line",
    bytes: ["\r\n> ", "\r\nSEND OKAT+QIRD=0,0\r\n"],
    expect: qisend,
    found: ["prompt >", "ok SEND OK", "stray AT+QIRD=0,0"],
  },
  {
    name: "a result without its line end, where it may have none",
    bytes: ["\r\n> ", "\r\nSEND OK"],
    expect: qisend,
    found: ["prompt >", "ok SEND OK"],
  },
  {
    name: "an OK behind the prompt in front of the result that counts",
    bytes: ["\r\n> ", "\r\nOK\r\n", "\r\nSEND OK\r\n"],
    expect: qisend,
    found: ["prompt >", "interim OK", "ok SEND OK"],
  },
  {
    name: "an OK in place of a prompt",
    bytes: ["\r\n+QISEND: 0,0,0\r\n", "\r\nOK\r\n"],
    expect: qisend,
    found: ["stray +QISEND: 0,0,0", "ok OK"],
  },
  {
    name: "a late SEND OK in front of the prompt",
    bytes: ["\r\nSEND OK\r\n", "\r\n> "],
    expect: qisend,
    found: ["stray SEND OK", "prompt >"],
  },
  {
    name: "a prompt where none is expected",
    bytes: ["\r\n> \r\n"],
    expect: busy,
    found: ["stray > "],
  },
  {
    name: "the prompt of an upload",
    bytes: ['AT+QFUPL="a",3\r', "\r\nCONNECT\r\n", "+QFUPL: 3,f5f\r\n", "\r\nOK\r\n"],
    expect: { prompt: "CONNECT", prefix: "+QFUPL:", echo: 'AT+QFUPL="a",3' },
    found: ['echo AT+QFUPL="a",3', "prompt CONNECT", "information 3|f5f", "ok OK"],
  },
  {
    name: "CONNECT with something behind it",
    bytes: ["\r\nCONNECT 9600\r\n"],
    expect: { prompt: "CONNECT" },
    found: ["stray CONNECT 9600"],
  },
  {
    name: "raw data with everything in them that could end a command",
    bytes: [`\r\n+QIRD: ${String(nasty.length)}\r\n${nasty}`, "\r\nOK\r\n"],
    expect: qird,
    raw: nasty.length,
    found: [`information ${String(nasty.length)}`, `raw ${nasty}`, "ok OK"],
  },
  {
    name: "raw data that begin with a line end",
    bytes: ["\r\n+QIRD: 2\r\n\n\r\r\n", "\r\nOK\r\n"],
    expect: qird,
    raw: 2,
    found: ["information 2", "raw \n\r", "ok OK"],
  },
  {
    name: "no raw data",
    bytes: ["\r\n+QIRD: 0\r\n", "\r\nOK\r\n"],
    expect: qird,
    raw: 0,
    found: ["information 0", "ok OK"],
  },
  {
    name: "a line that announces raw data and has only its CR",
    bytes: ["\r\n+QIRD: 2\r"],
    expect: qird,
    found: [],
    left: "+QIRD: 2",
  },
  {
    name: "raw data behind a bare LF",
    bytes: ["\n+QIRD: 2\nab\nOK\n"],
    expect: qird,
    raw: 2,
    found: ["information 2", "raw ab", "ok OK"],
  },
  {
    name: "raw data of a command that was given up",
    bytes: ["\r\n+QIRD: 6\r\n\r\nOK\r\n\r\n", "\r\nOK\r\n", "\r\n+CMEE: 1\r\n", "\r\nOK\r\n"],
    expect: { prefix: "+CMEE:", late: "+QIRD:" },
    raw: 6,
    found: ["late 6", "raw \r\nOK\r\n", "ok OK", "information 1", "ok OK"],
  },
];

const reports: readonly { readonly text: string; readonly found: string }[] = [
  { text: '\r\n+QIURC: "recv",0\r\n', found: "urc socket recv|0" },
  { text: '\r\n+QIURC: "dnsgip","1.2.3.4"\r\n', found: "urc socket dnsgip|1.2.3.4" },
  { text: "\r\nAPP RDY\r\n", found: "urc ready " },
  { text: '\r\n+CEREG: 2,"66C0","1042",9\r\n', found: "urc registration 2|66C0|1042|9" },
  { text: "\r\n+CEREG: 0\r\n", found: "urc registration 0" },
];

/** Feeds a receiver as the channel does, and keeps what it finds. */
function find(row: Row, input: string, pieces: Iterable<number>): { found: string[]; left: string } {
  const echo = row.expect?.echo ?? "";
  const expect: Mutable<Expectation> = {
    urcs,
    keys: keysOf(urcs),
    raw: 0,
    prompt: undefined,
    prefix: undefined,
    final: undefined,
    inline: 0,
    open: undefined,
    digits: undefined,
    late: undefined,
    sent: bytesOf(echo),
    sentLength: echo.length,
    ...row.expect,
  };
  const found: string[] = [];
  const receiver = new Receiver(expect, { overflows: 0, receiveHighWater: 0 });
  const { finding } = receiver;
  let text = "";
  const far = new FakeLine(new FakeTimer());
  const port = new far.io({
    onReadable() {
      while (receiver.advance(port)) keep();
    },
  });
  function keep(): void {
    const { kind, start, end, urc, line } = finding;
    text = textOf(receiver.bytes.subarray(start, end));
    if (kind === "raw") {
      expect.raw -= end - start;
      const last = found.at(-1);
      if (last?.startsWith("raw ")) found[found.length - 1] = last + text;
      else found.push("raw " + text);
      return;
    }
    if (kind === (expect.late === undefined ? "information" : "late")) expect.raw = row.raw ?? 0;
    if (kind === "prompt") {
      expect.prompt = undefined;
      expect.sentLength = 0;
    }
    const fields = fieldsOf(line).join("|");
    if (kind === "urc") found.push("urc " + (urc?.name ?? "") + " " + fields);
    else if (kind === "information" || kind === "late" || kind === "cme" || kind === "cms")
      found.push(kind + " " + fields);
    else found.push(kind + " " + text);
  }
  let from = 0;
  for (const size of pieces) {
    if (from >= input.length) break;
    far.receive(input.slice(from, from + size));
    from += size;
  }
  if (from < input.length) far.receive(input.slice(from));
  // What is held is seen when the next line end comes.
  const seen = found.length;
  if (expect.raw === 0) far.receive("\r\n");
  const left = found.length > seen ? text : "";
  return { found: found.slice(0, seen), left };
}

function* every(size: number): Generator<number> {
  for (;;) yield size;
}

describe("digest", () => {
  for (const row of rows) {
    describe(row.name, () => {
      const text = row.bytes.join("");
      const expected = { found: [...row.found], left: row.left ?? "" };
      const same = (pieces: Iterable<number>): void => {
        assert.deepEqual(find(row, text, pieces), expected);
      };

      it("is found at once", () => {
        same([]);
      });
      for (const size of [1, 2, 3, 7])
        it(`is found in pieces of ${String(size)}`, () => {
          same(every(size));
        });
      it("is found in any pieces", () => {
        fc.assert(
          fc.property(fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 60 }), pieces => {
            same(pieces);
          }),
          { numRuns: 50 },
        );
      });
      it("is found with a report between any two lines", () => {
        for (const report of reports)
          for (let at = 0; at < row.bytes.length; at++)
            for (const size of [Infinity, 1, 3]) {
              const { found, left } = find(
                row,
                row.bytes.slice(0, at).join("") + report.text + row.bytes.slice(at).join(""),
                every(size),
              );
              const place = found.indexOf(report.found);
              assert.ok(place >= 0, `${report.text} at ${String(at)}: ${found.join(", ")}`);
              // A row may hold the same report itself; then any one of them is taken out.
              found.splice(place, 1);
              assert.deepEqual(
                { found, left },
                expected,
                `${report.text} at ${String(at)} in pieces of ${String(size)}`,
              );
            }
      });
    });
  }

  it("takes the first report of the table that accepts the line", () => {
    const table: readonly Urc[] = [
      { name: "never", prefix: "+QIURC:", accept: () => false },
      { name: "exact", prefix: "+QIURC", whole: true },
      { name: "short", prefix: "+QI" },
      { name: "long", prefix: "+QIURC:" },
    ];
    const row: Row = { name: "", bytes: [], expect: { urcs: table, keys: keysOf(table) }, found: [] };
    assert.deepEqual(find(row, '+QIURC: "recv"\r\n+QIURC\r\n', []).found, [
      'urc short URC: "recv"',
      "urc exact ",
    ]);
  });
});
