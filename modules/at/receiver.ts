import type { SerialPort } from "../io/serial.js";
import { digest, type Expectation, type Finding } from "./digest.js";
import { Line } from "./line.js";

/** Longest line in bytes, its end included: longer than any line of a module. Raw data pass through in pieces of this. */
export const LINE_BYTES = 512;
/** Largest read while part of a line is held; the stock ESP32 class has 128 at most. */
const PIECE_BYTES = 128;

/** What the receiver counts. */
export interface ReceiveCounters {
  /** Lines longer than the receive buffer, dropped to their end. */
  overflows: number;
  /** Most bytes that the receive buffer held at once. */
  receiveHighWater: number;
}

/**
 * The receiving half of the channel: takes bytes from the serial port into one buffer of fixed
 * size and has them digested in place. Reads go through two views that are made once, because a
 * view for every read would be garbage for every few bytes.
 */
export class Receiver {
  /** The line buffer, and behind it the place for a read while part of a line is held. */
  readonly bytes = new Uint8Array(LINE_BYTES + PIECE_BYTES);
  readonly finding: Finding = {
    kind: "more",
    start: 0,
    end: 0,
    consumed: 0,
    urc: undefined,
    line: new Line(this.bytes),
  };
  private readonly front = new Uint8Array(this.bytes.buffer, 0, LINE_BYTES);
  private readonly piece = new Uint8Array(this.bytes.buffer, LINE_BYTES);
  private readonly expect: Expectation;
  private readonly counters: ReceiveCounters;
  /** Bytes of `front` that are in use; those before `finding.consumed` are done with. */
  private fill = 0;
  /** `[next, last)` of `bytes` was read and has no place in `front` yet. */
  private next = 0;
  private last = 0;
  private skipping = false;

  constructor(expect: Expectation, counters: ReceiveCounters) {
    this.expect = expect;
    this.counters = counters;
  }

  /**
   * Finds the next thing in what the serial port holds; false when there is no more. `finding` and
   * the bytes that it points at are valid until the next call. After an exception of a report's
   * shape test it goes on behind that line.
   */
  advance(serial: SerialPort): boolean {
    const bytes = this.bytes;
    const finding = this.finding;
    const counters = this.counters;
    for (;;) {
      if (this.skipping) {
        let i = finding.consumed;
        while (i < this.fill && bytes[i] !== 0x0d && bytes[i] !== 0x0a) i++;
        this.skipping = i === this.fill;
        finding.consumed = i;
      }
      digest(bytes, finding.consumed, this.fill, this.expect, finding);
      if (finding.kind !== "more") return true;

      bytes.copyWithin(0, finding.consumed, this.fill);
      this.fill -= finding.consumed;
      finding.consumed = 0;
      if (this.fill === LINE_BYTES) {
        counters.overflows++;
        this.skipping = true;
        this.fill = 0;
      }
      if (this.next === this.last) {
        const count = serial.read(this.fill === 0 ? this.front : this.piece) ?? 0;
        if (count === 0) return false;
        // Into the front, or behind it, from where it moves up as far as there is room.
        this.next = this.last = LINE_BYTES;
        if (this.fill === 0) this.fill = count;
        else this.last += count;
      }
      const count = Math.min(this.last - this.next, LINE_BYTES - this.fill);
      bytes.copyWithin(this.fill, this.next, this.next + count);
      this.next += count;
      this.fill += count;
      if (this.fill > counters.receiveHighWater) counters.receiveHighWater = this.fill;
    }
  }
}
