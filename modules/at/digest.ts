import type { Urc } from "./command.js";
import { equals, startsWith, type Line } from "./line.js";

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const PROMPT = 0x3e;

/** What the running command expects; all of it empty while none runs. */
export interface Expectation {
  /** A command is in flight. */
  readonly active: boolean;
  /** Raw bytes still to come. */
  readonly raw: number;
  readonly prompt: ">" | "CONNECT" | undefined;
  readonly prefix: string | undefined;
  /** The success result where it is not `OK`. */
  readonly final: "SEND OK" | undefined;
  /** An information line announces raw bytes, so its line end counts. */
  readonly rawFollows: boolean;
  /** The command as it was sent, to know its echo. */
  readonly sent: Uint8Array;
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
  | "information"
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
 * gives the same findings however the bytes were split. The order of tests:
 *
 * 1. raw data, while a count is pending: any byte, line ends included
 * 2. blank bytes before a line (CR, LF, space) are used up
 * 3. the prompt, `> ` without line end or the line `CONNECT`
 * 4. `SEND OK` without waiting for its line end: a module was seen to continue on the same line
 * 5. the echo of the command
 * 6. the URC table: first entry whose prefix fits and that accepts the line's shape
 * 7. final results
 * 8. the information line: the command's prefix (an empty prefix takes any line)
 *
 * A line ends with CR or LF. Only a line that announces raw bytes needs its LF as well, because
 * the next byte is data whatever it is.
 */
export function digest(
  bytes: Uint8Array,
  from: number,
  to: number,
  expect: Expectation,
  urcs: readonly Urc[],
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
  if (expect.final !== undefined && startsWith(bytes, start, to, expect.final)) {
    out.kind = "ok";
    out.end = out.consumed = start + expect.final.length;
    return;
  }

  let end = start;
  while (end < to && bytes[end] !== CR && bytes[end] !== LF) end++;
  if (end === to) return;
  out.end = end;
  out.kind = classify(bytes, start, end, expect, urcs, line, out);
  let consumed = end + 1;
  if (out.kind === "information" && expect.rawFollows && bytes[end] === CR) {
    if (consumed === to) {
      out.kind = "more";
      return;
    }
    if (bytes[consumed] === LF) consumed++;
  }
  out.consumed = consumed;
}

function classify(
  bytes: Uint8Array,
  start: number,
  end: number,
  expect: Expectation,
  urcs: readonly Urc[],
  line: Line,
  out: Finding,
): FindingKind {
  if (expect.active && isEcho(bytes, start, end, expect)) return "echo";
  if (expect.prompt === "CONNECT" && equals(bytes, start, end, "CONNECT")) return "prompt";
  for (const urc of urcs) {
    const prefix = urc.prefix;
    if (!startsWith(bytes, start, end, prefix)) continue;
    if (urc.whole && end - start !== prefix.length) continue;
    line.set(bytes, start, end, prefix.length);
    if (urc.accept !== undefined && !urc.accept(line)) continue;
    out.urc = urc;
    return "urc";
  }
  if (!expect.active) return "stray";
  if (equals(bytes, start, end, "OK")) return "ok";
  if (equals(bytes, start, end, "ERROR")) return "error";
  if (startsWith(bytes, start, end, "+CME ERROR:")) return result("cme", 11);
  if (startsWith(bytes, start, end, "+CMS ERROR:")) return result("cms", 11);
  if (equals(bytes, start, end, "SEND FAIL")) return "send-fail";
  const prefix = expect.prefix;
  if (prefix === undefined || !startsWith(bytes, start, end, prefix)) return "stray";
  return result("information", prefix.length);

  function result(kind: FindingKind, prefixLength: number): FindingKind {
    line.set(bytes, start, end, prefixLength);
    return kind;
  }
}

function isEcho(bytes: Uint8Array, start: number, end: number, expect: Expectation): boolean {
  const { sent, sentLength } = expect;
  if (end - start !== sentLength) return false;
  for (let i = 0; i < sentLength; i++) if (bytes[start + i] !== sent[i]) return false;
  return true;
}
