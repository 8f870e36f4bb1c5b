import { query } from "./command.js";
import type { Expectation } from "./digest.js";
import type { Request } from "./request.js";
import { Filler, type Transmitter } from "./transmitter.js";

/** Longest wait for the answer to one probe, and how many go out before the module counts as silent. */
const PROBE_MS = 1_000;
const PROBES = 5;
/** An open payload is given up by ESC and then completed when so many probes had no answer. */
const FILL_AFTER = 2;
/** Longest payload of one command behind the prompt `>` (TCP/IP note), and the time that it takes at 9,600 baud. */
const FILL_BYTES = 1_460;
const FILL_MS = 2_000;
/** Silence that shows that answers to earlier probes are through. */
const SETTLE_MS = 300;

/** Its answer cannot be mistaken for the late answer of another command. */
const probe = query<boolean>({
  text: "AT+CMEE?",
  timeoutMs: PROBE_MS,
  prefix: "+CMEE:",
  read: () => true,
});

/** The expectation, to be written by the channel and its helpers only. */
export type MutableExpectation = { -readonly [K in keyof Expectation]: Expectation[K] };

/**
 * Finds the place in the module's answers again after one was missed: probes go out until one is
 * answered, and then the answers to all of them are awaited. Times are returned, in milliseconds,
 * for the channel's one timer.
 *
 * A module that waits for payload takes everything for payload, probes too; that may even be left
 * over from before this program started. ESC ends an open prompt; behind a prompt that counts its
 * bytes ESC is payload as well, so as a last means the payload is completed with line ends.
 */
export class Resync {
  readonly #transmitter: Transmitter;
  readonly #expect: MutableExpectation;
  #probes = 0;
  #answers = 0;
  #fillBytes = 0;
  /** The information line of a probe was seen, its result not yet. */
  #marked = false;

  constructor(transmitter: Transmitter, expect: MutableExpectation) {
    this.#transmitter = transmitter;
    this.#expect = expect;
  }

  /** Sends the first probe. `late`: a command that was given up and may still be answered. */
  begin(late: Request | undefined): number {
    const expect = this.#expect;
    const command = late?.command;
    this.#probes = this.#answers = 0;
    this.#fillBytes = Math.max(FILL_BYTES, late?.source?.byteLength ?? 0);
    expect.active = true;
    expect.prefix = probe.prefix;
    expect.late = command?.raw === undefined ? undefined : command.prefix;
    if (command?.prompt !== undefined) this.#transmitter.escape();
    return this.#send();
  }

  /** Goes on after the time is over; `undefined`: the module is silent. */
  next(): number | undefined {
    if (this.#probes >= PROBES) return undefined;
    if (this.#probes < FILL_AFTER || this.#fillBytes === 0) {
      this.#transmitter.escape();
      return this.#send();
    }
    this.#transmitter.sendSource(new Filler(this.#fillBytes));
    this.#fillBytes = 0;
    return FILL_MS;
  }

  /** The information line of a probe came. */
  information(): void {
    this.#marked = true;
  }

  /**
   * A result came. 0: it answers the last probe; `undefined`: it answers none, having no
   * information line, and belongs to the command that was given up; else the time to wait for the
   * answers to other probes, which the module may have kept.
   */
  result(): number | undefined {
    if (!this.#marked) return undefined;
    this.#marked = false;
    return ++this.#answers < this.#probes ? SETTLE_MS : 0;
  }

  #send(): number {
    this.#probes++;
    this.#marked = false;
    this.#expect.raw = 0;
    this.#transmitter.compose(probe, []);
    this.#expect.sentLength = this.#transmitter.lineLength;
    this.#transmitter.send();
    return PROBE_MS;
  }
}
