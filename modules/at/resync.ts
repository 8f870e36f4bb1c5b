import { plainQuery, type Source } from "./command.js";
import type { Expectation } from "./digest.js";
import type { Request } from "./request.js";
import type { Transmitter } from "./transmitter.js";

/** Longest wait for the answer to one probe. */
const PROBE_MS = 1_000;
/** An open payload is given up by ESC and then completed when so many probes had no answer. */
const FILL_AFTER = 2;

/** Its information line cannot be mistaken for the late answer to another command. */
const probe = plainQuery<boolean>("AT+CMEE?", PROBE_MS, "+CMEE:", () => true);

/** The expectation, to be written by the channel and its helpers only. */
export type MutableExpectation = { -readonly [K in keyof Expectation]: Expectation[K] };

function repeat(byte: number, byteLength: number): Source {
  return {
    byteLength,
    read(view) {
      view.fill(byte);
      return view.length;
    },
  };
}

/**
 * Finds the place in the module's answers again after one was missed: probes go out until one is
 * answered, and then the answers to all of them are awaited. Times are returned, in milliseconds,
 * for the channel's one timer.
 *
 * A module that waits for payload takes everything for payload, probes too; that may even be left
 * over from before this program started. ESC ends an open prompt; behind a prompt that counts its
 * bytes ESC is payload as well, so as a last means the payload is completed with line ends, which
 * a module that waits for none takes for blank lines.
 */
export class Resync {
  private readonly transmitter: Transmitter;
  private readonly expect: MutableExpectation;
  private probes = 0;
  private answers = 0;
  private fillBytes = 0;
  /** The information line of a probe was seen, its result not yet. */
  private marked = false;

  constructor(transmitter: Transmitter, expect: MutableExpectation) {
    this.transmitter = transmitter;
    this.expect = expect;
  }

  /** Sends the first probe. `late`: a command that was given up and may still be answered. */
  begin(late: Request | undefined): number {
    this.probes = this.answers = 0;
    this.marked = false;
    // Longest payload of one command behind the prompt `>` (TCP/IP note).
    this.fillBytes = Math.max(1_460, late?.source?.byteLength ?? 0);
    if (late?.command.raw !== undefined) {
      this.expect.late = late.command.prefix;
      this.expect.inline = late.command.inline ?? 0;
    }
    return this.send(late?.command.prompt !== undefined);
  }

  /** Goes on after the time is over; 0: the module is silent. */
  next(): number {
    if (this.probes === FILL_AFTER && this.fillBytes > 0) {
      this.transmitter.sendSource(repeat(0x0d, this.fillBytes));
      this.fillBytes = 0;
      // The time that it takes at 9,600 baud.
      return 2_000;
    }
    // So many without an answer: the module is silent.
    return this.probes < 5 ? this.send(this.probes < FILL_AFTER) : 0;
  }

  /** The information line of a probe came. */
  information(): void {
    this.marked = true;
  }

  /**
   * A result came. 0: it answers the last probe; `undefined`: it answers none, having no
   * information line, and belongs to the command that was given up; else the time to wait for the
   * answers to other probes, which the module may have kept.
   */
  result(): number | undefined {
    if (!this.marked) return undefined;
    this.marked = false;
    return ++this.answers < this.probes ? 300 : 0;
  }

  private send(escape: boolean): number {
    const transmitter = this.transmitter;
    const expect = this.expect;
    this.probes++;
    if (escape) transmitter.sendSource(repeat(0x1b, 1));
    transmitter.send(probe, []);
    expect.raw = 0;
    expect.prefix = probe.prefix;
    expect.sentLength = transmitter.lineLength;
    return PROBE_MS;
  }
}
