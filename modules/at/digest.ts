import type { Urc } from "./command.js";
import { equals, startsWith, type Line } from "./line.js";
import type { UrcTable } from "./urc.js";

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const PLUS = 0x2b;
const PROMPT = 0x3e;

/** What the running command expects. */
export interface Expectation {
  /** A command is in flight; without one there are reports and strays only. */
  readonly active: boolean;
  /** Raw bytes still to come. */
  readonly raw: number;
  /** The prompt that has not come yet. */
  readonly prompt: ">" | "CONNECT" | undefined;
  readonly prefix: string | undefined;
  /** The success result where it is not `OK`. */
  readonly final: "SEND OK" | undefined;
  /** An information line announces raw bytes, so its line end counts. */
  readonly rawFollows: boolean;
  /** Prefix of a command that was given up and whose late answer may announce raw bytes. */
  readonly late: string | undefined;
  /** The command as it was sent, to know its echo. */
  readonly sent: Uint8Array;
  /** 0: no echo is expected. */
  readonly sentLength: number;
}

export type FindingKind =
  /** Nothing whole is there: more bytes are needed. */
  | "more"
  /** `[start, end)` is raw data. */
  | "raw"
  | "prompt"
  /** `[start, end)` is the report `urc`. */
  | "urc"
  | "ok"
  | "error"
  | "cme"
  | "cms"
  | "send-fail"
  /** An `OK` in front of the success result that counts. */
  | "interim"
  | "information"
  /** The information line of a command that was given up. */
  | "late"
  | "echo"
  /** A whole line that nobody waits for: a late answer, or garbage. */
  | "stray";

/** What `digest` found: `[start, end)` of the line or data, and how far the input is used up. */
export interface Finding {
  kind: FindingKind;
  start: number;
  end: number;
  consumed: number;
  urc: Urc | undefined;
}

/**
 * Finds the first thing in `bytes[from, to)`. Owns no buffer and no clock, makes no string, and
 * gives the same findings however the bytes were split. `line` holds the fields of what has some.
 * The order of tests:
 *
 * 1. raw data, while a count is pending: any byte, line ends included
 * 2. blank bytes before a line (CR, LF, space) are used up
 * 3. the prompt `>`, without line end
 * 4. `SEND OK` without waiting for its line end: a module was seen to continue on the same line
 * 5. the echo of the command
 * 6. the prompt `CONNECT`
 * 7. the URC table: first entry whose prefix fits and that accepts the line's shape
 * 8. final results; where `SEND OK` counts, an `OK` behind the prompt is none
 * 9. the information line: the command's prefix (an empty prefix takes any line without a plus sign in front)
 *
 * A line ends with CR or LF. Only a line that announces raw bytes needs its LF as well, because
 * the next byte is data whatever it is.
 */
export function digest(
  bytes: Uint8Array,
  from: number,
  to: number,
  expect: Expectation,
  urcs: UrcTable,
  line: Line,
  out: Finding,
): void {
  out.urc = undefined;
  if (expect.raw > 0) {
    out.start = from;
    out.end = out.consumed = Math.min(to, from + expect.raw);
    out.kind = from === to ? "more" : "raw";
    return;
  }
  let start = from;
  while (start < to && (bytes[start] === CR || bytes[start] === LF || bytes[start] === SPACE)) start++;
  out.kind = "more";
  out.start = out.end = out.consumed = start;
  if (start === to) return;

  if (expect.prompt === ">" && bytes[start] === PROMPT) {
    out.kind = "prompt";
    out.end = out.consumed = start + 1;
    return;
  }
  const final = expect.prompt === undefined ? expect.final : undefined;
  if (final !== undefined && startsWith(bytes, start, to, final)) {
    out.kind = "ok";
    out.end = out.consumed = start + final.length;
    return;
  }

  let end = start + 1;
  while (end < to && bytes[end] !== CR && bytes[end] !== LF) end++;
  if (end === to) return;
  const kind = classify(bytes, start, end, expect, urcs, line, out);
  let consumed = end + 1;
  if (bytes[end] === CR && (kind === "late" || (kind === "information" && expect.rawFollows))) {
    if (consumed === to) return;
    if (bytes[consumed] === LF) consumed++;
  }
  out.kind = kind;
  out.end = end;
  out.consumed = consumed;
}

function classify(
  bytes: Uint8Array,
  start: number,
  end: number,
  expect: Expectation,
  urcs: UrcTable,
  line: Line,
  out: Finding,
): FindingKind {
  if (isEcho(bytes, start, end, expect)) return "echo";
  if (expect.prompt === "CONNECT" && equals(bytes, start, end, "CONNECT")) return "prompt";
  out.urc = urcs.find(bytes, start, end, line);
  if (out.urc !== undefined) return "urc";
  if (!expect.active) return "stray";
  if (equals(bytes, start, end, "OK"))
    return expect.final !== undefined && expect.prompt === undefined ? "interim" : "ok";
  if (equals(bytes, start, end, "ERROR")) return "error";
  if (equals(bytes, start, end, "SEND FAIL")) return "send-fail";
  if (fields(bytes, start, end, line, "+CME ERROR:")) return "cme";
  if (fields(bytes, start, end, line, "+CMS ERROR:")) return "cms";
  const { prefix, late } = expect;
  if (late !== undefined && fields(bytes, start, end, line, late)) return "late";
  if (prefix === undefined || (prefix === "" && bytes[start] === PLUS)) return "stray";
  return fields(bytes, start, end, line, prefix) ? "information" : "stray";
}

function fields(bytes: Uint8Array, start: number, end: number, line: Line, prefix: string): boolean {
  if (!startsWith(bytes, start, end, prefix)) return false;
  line.set(bytes, start, end, prefix.length);
  return true;
}

function isEcho(bytes: Uint8Array, start: number, end: number, expect: Expectation): boolean {
  const { sent, sentLength } = expect;
  if (end - start !== sentLength) return false;
  for (let i = 0; i < sentLength; i++) if (bytes[start + i] !== sent[i]) return false;
  return true;
}
