import type { SerialRecord } from "../io/serial.js";
import type { Timer } from "../io/timer.js";
import type { Urc } from "./command.js";
import type { Line } from "./line.js";
import type { ReceiveCounters } from "./receiver.js";
import type { Trace } from "./trace.js";

export interface ChannelOptions {
  readonly serial: SerialRecord;
  readonly timer: Timer;
  readonly urcs: readonly Urc[];
  /** A report of the module. `line` holds its fields and is valid during the call only. */
  readonly onReport: (urc: Urc, line: Line) => void;
  /**
   * Bytes `[start, end)` of a report's payload, behind its `onReport`. `left`: how many follow,
   * `Infinity` when the module does not tell; 0: these were the last; -1: bytes of it were lost on the
   * way, and no more come.
   */
  readonly onPayload?: (urc: Urc, bytes: Uint8Array, start: number, end: number, left: number) => void;
  /** The module gave no answer to a whole resynchronisation. Commands that waited have failed with `no-answer`. */
  readonly onSilent?: () => void;
  /**
   * The module repeats commands again that it had stopped repeating: it restarted, and its boot
   * report was lost. A command whose echo was damaged in the first moments after a start, before
   * `ATE0`, can raise this as well.
   */
  readonly onRestart?: () => void;
  /**
   * A payload whose bytes the module counts was not confirmed in time. It may wait for more of
   * them, and would send on to the peer whatever comes next. True: the module will be reset, and
   * nothing is sent before `reset` or the next command.
   */
  readonly onStuckPayload?: () => boolean;
  /** The serial port lost received bytes. */
  readonly onOverrun?: () => void;
  /** A callback of the application, the serial port or a source threw; the channel goes on. */
  readonly onException?: (error: unknown) => void;
  readonly trace?: Trace | undefined;
}

/** Counts since construction, for logs and figures. */
export interface ChannelCounters extends ReceiveCounters {
  commands: number;
  timeouts: number;
  resynchronisations: number;
  /** Lines that nobody waited for. */
  strays: number;
  /** Reports of the serial port that bytes were lost. */
  overruns: number;
  queueHighWater: number;
}
