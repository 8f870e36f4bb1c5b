import type { FinalResult, Urc } from "./command.js";
import { behind, type Line } from "./line.js";

/** What the running command expects; nothing, while none runs. */
export interface Expectation {
  readonly urcs: readonly Urc[];
  /** Third character of each entry of `urcs`. */
  readonly keys: Uint8Array;
  /** Raw bytes still to come. */
  readonly raw: number;
  /** The prompt that has not come yet. */
  readonly prompt: ">" | "CONNECT" | undefined;
  readonly prefix: string | undefined;
  /** The success result where it is not `OK`. */
  readonly final: FinalResult | undefined;
  /** Fields in front of the raw bytes that stand in an information line itself; 0: none do. */
  readonly inline: number;
  /** Finds a line whose payload begins before its end; absent where no payload stands in a line. */
  readonly open:
    ((bytes: Uint8Array, from: number, to: number, expect: Expectation, out: Finding) => boolean) | undefined;
  /** The raw bytes are hexadecimal digits up to a quote: where those in `[from, to)` end. */
  readonly digits: ((bytes: Uint8Array, from: number, to: number) => number) | undefined;
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
  /** Fields of the line, where it has some. */
  readonly line: Line;
}

/** Most lines are no report, and one character rules out nearly every entry of the table. */
export function keysOf(urcs: readonly Urc[]): Uint8Array {
  return Uint8Array.from(urcs, urc => urc.prefix.charCodeAt(2));
}

/**
 * Finds the first thing in `bytes[from, to)`. Owns no buffer and no clock, makes no string, and
 * gives the same findings however the bytes were split. The order of tests:
 *
 * 1. raw data, while a count is pending: any byte, line ends included
 * 2. blanks before a line (line ends, spaces, control characters) are used up
 * 3. the prompt `>`, without line end
 * 4. `SEND OK` without waiting for its line end: a module was seen to continue on the same line
 * 5. the echo of the command
 * 6. the prompt `CONNECT`
 * 7. the URC table: first entry whose prefix fits and that accepts the line's shape
 * 8. final results; where `SEND OK` counts, an `OK` behind the prompt is none
 * 9. the information line: the command's prefix (an empty prefix takes any line without a plus sign in front)
 *
 * A line ends with CR or LF. An information line needs its LF as well, because raw data may begin
 * behind it, and the next byte is data then whatever it is.
 */
export function digest(bytes: Uint8Array, from: number, to: number, expect: Expectation, out: Finding): void {
  const raw = expect.raw;
  const prompt = expect.prompt;
  out.kind = "more";
  out.start = out.end = out.consumed = from;
  if (raw > 0) {
    if (from === to) return;
    out.kind = "raw";
    to = Math.min(to, from + raw);
    if (expect.digits !== undefined) to = expect.digits(bytes, from, to);
    out.end = out.consumed = to;
    return;
  }
  while (from < to && (bytes[from] ?? 0) <= 0x20) from++;
  out.start = out.end = out.consumed = from;
  if (from === to) return;

  let end = -1;
  if (prompt === ">" && bytes[from] === 0x3e) {
    out.kind = "prompt";
    end = from + 1;
  } else if (prompt === undefined && expect.final !== undefined) {
    end = behind(bytes, from, to, expect.final);
    if (end > 0) out.kind = "ok";
  }
  if (end > 0) {
    out.end = out.consumed = end;
    return;
  }

  if (bytes[from] === 0x2b && expect.open?.(bytes, from, to, expect, out)) return;

  end = from;
  while (end < to && bytes[end] !== 0x0d && bytes[end] !== 0x0a) end++;
  if (end === to) return;
  // Set first: a shape test that throws must not be asked about the same line again.
  out.consumed = end + 1;
  out.end = end;
  out.line.set(bytes, from, end);
  const kind = classify(bytes, from, end, expect, out);
  if ((kind === "information" || kind === "late") && bytes[end] === 0x0d) {
    if (++end === to) {
      out.end = out.consumed = from;
      return;
    }
    if (bytes[end] === 0x0a) out.consumed++;
  }
  out.kind = kind;
}

function classify(
  bytes: Uint8Array,
  start: number,
  end: number,
  expect: Expectation,
  out: Finding,
): FindingKind {
  const prefix = expect.prefix;
  const prompt = expect.prompt;
  const sentLength = expect.sentLength;
  const urcs = expect.urcs;
  const line = out.line;
  if (end - start === sentLength) {
    let i = 0;
    while (i < sentLength && bytes[start + i] === expect.sent[i]) i++;
    if (i === sentLength) return "echo";
  }
  if (prompt === "CONNECT" && line.match(prompt, true)) return "prompt";
  for (let i = 0; i < urcs.length; i++) {
    if (bytes[start + 2] !== expect.keys[i]) continue;
    const urc = urcs[i];
    if (urc !== undefined && line.match(urc.prefix, urc.whole) && (urc.accept?.(line) ?? true)) {
      out.urc = urc;
      return "urc";
    }
  }
  if (line.match("OK", true))
    // Whether a deactivation ends in `OK` as well depends on the firmware.
    return prompt === undefined && expect.final !== undefined && expect.final !== "NO CARRIER"
      ? "interim"
      : "ok";
  if (line.match("ERROR", true) || line.match("CLOSE FAIL", true)) return "error";
  if (line.match("SEND FAIL", true)) return "send-fail";
  if (line.match("+CME ERROR:")) return "cme";
  if (line.match("+CMS ERROR:")) return "cms";
  if (expect.late !== undefined && line.match(expect.late)) return "late";
  return prefix === undefined || (prefix === "" && bytes[start] === 0x2b) || !line.match(prefix)
    ? "stray"
    : "information";
}
