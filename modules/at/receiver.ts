import type { SerialPort } from "../io/serial.js";
import { digest, type Expectation, type Finding } from "./digest.js";
import { Line } from "./line.js";
import type { UrcTable } from "./urc.js";

/** Longest line in bytes, its end included: longer than any line of a module. Raw data pass through in pieces of this. */
export const LINE_BYTES = 512;
/** Largest read while part of a line is held; the stock ESP32 class has 128 at most. */
const PIECE_BYTES = 128;

/** What the receiver counts. */
export interface ReceiveCounters {
  overflows: number;
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
  /** Fields of the line that was found last. */
  readonly line = new Line(this.bytes);
  readonly #front = new Uint8Array(this.bytes.buffer, 0, LINE_BYTES);
  readonly #piece = new Uint8Array(this.bytes.buffer, LINE_BYTES, PIECE_BYTES);
  readonly #finding: Finding = { kind: "more", start: 0, end: 0, consumed: 0, urc: undefined };
  readonly #expect: Expectation;
  readonly #urcs: UrcTable;
  readonly #counters: ReceiveCounters;
  readonly #found: (finding: Finding) => void;
  #fill = 0;
  #skipping = false;
  #closed = false;

  /** `found` must not throw; it may change what `expect` holds. */
  constructor(
    expect: Expectation,
    urcs: UrcTable,
    counters: ReceiveCounters,
    found: (finding: Finding) => void,
  ) {
    this.#expect = expect;
    this.#urcs = urcs;
    this.#counters = counters;
    this.#found = found;
  }

  /** Takes all that the serial port holds. */
  receive(serial: SerialPort): void {
    while (!this.#isClosed()) {
      if (this.#fill === 0) {
        const count = serial.read(this.#front) ?? 0;
        if (count === 0) return;
        this.#fill = count;
        this.#digest();
        continue;
      }
      const end = LINE_BYTES + (serial.read(this.#piece) ?? 0);
      if (end === LINE_BYTES) return;
      for (let from = LINE_BYTES; from < end && !this.#closed;) {
        const to = Math.min(end, from + LINE_BYTES - this.#fill);
        this.bytes.copyWithin(this.#fill, from, to);
        this.#fill += to - from;
        from = to;
        this.#digest();
        if (this.#isClosed()) return;
      }
    }
  }

  /** Finds nothing more, also in what has been read. */
  close(): void {
    this.#closed = true;
  }

  // A method, because what `found` called may have closed it since it was asked last.
  #isClosed(): boolean {
    return this.#closed;
  }

  #digest(): void {
    const { bytes } = this;
    const finding = this.#finding;
    const fill = this.#fill;
    if (fill > this.#counters.receiveHighWater) this.#counters.receiveHighWater = fill;
    let from = 0;
    for (;;) {
      if (this.#skipping) {
        while (from < fill && bytes[from] !== 0x0d && bytes[from] !== 0x0a) from++;
        if (from === fill) break;
        this.#skipping = false;
      }
      digest(bytes, from, fill, this.#expect, this.#urcs, this.line, finding);
      from = finding.consumed;
      if (finding.kind === "more") break;
      this.#found(finding);
      if (this.#isClosed()) return;
    }
    if (from > 0) bytes.copyWithin(0, from, fill);
    this.#fill = fill - from;
    if (this.#fill === LINE_BYTES) {
      this.#counters.overflows++;
      this.#skipping = true;
      this.#fill = 0;
    }
  }
}
