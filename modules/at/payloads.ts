import type { InlinePayload, Urc } from "./command.js";
import type { Expectation, Finding } from "./digest.js";
import { behind, type Line } from "./line.js";
import type { ChannelOptions } from "./options.js";
import type { Receiver } from "./receiver.js";
import type { MutableExpectation } from "./resync.js";

/** What payloads need of the channel. */
export interface PayloadHost {
  readonly options: Pick<ChannelOptions, "onPayload">;
  readonly expect: MutableExpectation;
  readonly receiver: Pick<Receiver, "bytes">;
  /** Bytes of the quote and line end behind counted raw bytes. */
  readonly tail: number;
  /** So many raw bytes follow; `inline`: and behind them a quote and the line's end. */
  await(count: number, inline: boolean): void;
  /** Whether `[from, end)` are the tail behind raw bytes, of which `left` more are to come. */
  isTail(bytes: Uint8Array, from: number, end: number, left: number): boolean;
  /** The payload is over: what was under way beside it goes on. */
  resume(): void;
  /** Bytes were lost amid raw data: where they end is not known. */
  drain(): void;
}

/**
 * The part of the channel for payloads that stand in a line itself, in quotes: in a report, or in an
 * information line (`Command.inline`). A part of its own, so that who has none carries none of its code.
 */
export class Payloads {
  /** The report whose payload is being received. */
  report: Urc | undefined;
  private readonly host: PayloadHost;

  constructor(host: PayloadHost) {
    this.host = host;
    host.expect.open = openInline;
  }

  /** A report that announces a payload begins. */
  begin(urc: Urc, inline: InlinePayload, line: Line): void {
    const host = this.host;
    const counted = inline.counted === true;
    const count = counted ? line.int(inline.fields - 1) : Infinity;
    this.report = urc;
    host.await(count, counted);
    if (!counted) host.expect.digits = endOfDigits;
    // Without a readable count the line's end is all that is known.
    if (!(count >= 0)) host.expect.raw = 0;
  }

  /** The payload goes on or ends. */
  write(report: Urc, bytes: Uint8Array, start: number, end: number): void {
    const host = this.host;
    const expect = host.expect;
    if (expect.digits !== undefined) {
      // What is no digit comes alone: the closing quote, or damage.
      if (!isHexDigit(bytes[start] ?? 0)) this.end(bytes[start] === 0x22 ? 0 : -1);
      else host.options.onPayload?.(report, bytes, start, end, Infinity);
      return;
    }
    const left = (expect.raw -= end - start);
    const from = Math.max(start, end - Math.max(0, host.tail - left));
    if (from > start) host.options.onPayload?.(report, bytes, start, from, Math.max(1, left));
    if (this.report !== report) return;
    if (!host.isTail(bytes, from, end, left)) this.end(-1);
    else if (left === 0) this.end(0);
  }

  /** `left` as for `onPayload`: 0 whole, -1 damaged. */
  end(left: 0 | -1): void {
    const report = this.report;
    const host = this.host;
    this.report = host.expect.digits = undefined;
    host.expect.raw = 0;
    host.resume();
    if (report !== undefined) host.options.onPayload?.(report, host.receiver.bytes, 0, 0, left);
  }

  /** Bytes of it were lost. */
  lose(): void {
    this.end(-1);
    this.host.drain();
  }
}

function isHexDigit(byte: number): boolean {
  const letter = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (letter >= 0x61 && letter <= 0x66);
}

/** Where the hexadecimal digits in `[from, to)` end; what is no digit comes alone: the closing quote, or damage. */
function endOfDigits(bytes: Uint8Array, from: number, to: number): number {
  const start = from;
  while (from < to && isHexDigit(bytes[from] ?? 0)) from++;
  return from === start ? from + 1 : from;
}

/**
 * Finds a line whose payload begins before its end: a report or information line of which all that
 * is in front of the opening quote has come. False when this is none, or not yet.
 */
function openInline(bytes: Uint8Array, from: number, to: number, expect: Expectation, out: Finding): boolean {
  const urcs = expect.urcs;
  const line = out.line;
  for (let i = 0; i <= urcs.length; i++) {
    const urc = urcs[i];
    // Behind the table the command's own information line, or that of one that was given up.
    const prefix = urc === undefined ? (expect.prefix ?? expect.late) : urc.prefix;
    const fields = urc === undefined ? expect.inline : (urc.inline?.fields ?? 0);
    if (fields === 0 || prefix === undefined) continue;
    const start = behind(bytes, from, to, prefix);
    const quote = start < 0 ? -1 : openingQuote(bytes, start, to, fields);
    if (quote < 0) continue;
    line.set(bytes, from, quote);
    out.consumed = quote + 1;
    out.end = quote;
    if (!line.match(prefix) || !(urc?.accept?.(line) ?? true)) continue;
    out.urc = urc;
    out.kind = urc !== undefined ? "urc" : expect.prefix === undefined ? "late" : "information";
    return true;
  }
  out.consumed = out.end = from;
  return false;
}

/** Where the quote stands that opens the field behind `fields` others; -1: not here, or not yet. */
function openingQuote(bytes: Uint8Array, from: number, to: number, fields: number): number {
  let open = false;
  for (let i = from; i < to; i++) {
    const c = bytes[i];
    if (c === 0x0d || c === 0x0a) return -1;
    if (c === 0x22) {
      if (fields === 0) return i;
      open = !open;
    } else if (c === 0x2c && !open) fields--;
    else if (fields === 0 && c !== 0x20) return -1;
  }
  return -1;
}
