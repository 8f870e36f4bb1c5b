import { randomInt } from "node:crypto";
import type { Duplex } from "node:stream";
import type { Timer } from "../../../modules/io/timer.js";
import { timer as wallTimer } from "../services.js";
import { ProvisioningError } from "./error.js";
import { AnswerReader, dataRoom, requestLine, type Answer } from "./frames.js";

export interface LinkOptions {
  /** The console: a pty, a serial port, a TCP connection. */
  readonly stream: Duplex;
  readonly timer?: Timer | undefined;
  /** A request is sent again after so long without an answer, milliseconds. Default 500. */
  readonly repeatMs?: number | undefined;
  /** A line of the console that is none of ours: boot messages, the firmware's log. */
  readonly onText?: ((line: string) => void) | undefined;
  /** The number before that of the first request; a random one unless a test wants to know it. */
  readonly first?: number | undefined;
}

interface Waiting {
  readonly number: number;
  readonly line: string;
  readonly verb: string;
  readonly resolve: (values: ReadonlyMap<string, string>) => void;
  readonly reject: (error: ProvisioningError) => void;
  /** What it is called when no other answer comes. */
  reason: "silent" | "busy";
}

/**
 * Asks one request at a time and repeats it until it is answered: a lost request and a lost answer
 * look the same from here, and are both harmless, because the device answers a number once.
 */
export class ProvisioningLink {
  readonly #stream: Duplex;
  readonly #timer: Timer;
  readonly #repeatMs: number;
  #number: number;
  #waiting: Waiting | undefined;
  #repeat: unknown;
  #deadline: unknown;
  #queue: Promise<unknown> = Promise.resolve();
  #ended = false;
  /** Requests that were sent again. */
  repeats = 0;

  constructor(options: LinkOptions) {
    this.#stream = options.stream;
    this.#timer = options.timer ?? wallTimer;
    this.#repeatMs = options.repeatMs ?? 500;
    // Random, so that an answer to a run that was killed is not taken for one of this run.
    this.#number = options.first ?? randomInt(0x10000);
    const reader = new AnswerReader(answer => this.#onAnswer(answer), options.onText);
    this.#stream.on("data", (bytes: Buffer) => reader.push(bytes));
    const end = (): void => this.#onEnd();
    this.#stream.on("error", end);
    this.#stream.on("end", end);
    this.#stream.on("close", end);
  }

  /** Bytes of data that one request can carry beside its other arguments. */
  room(frame: number, verb: string, args: readonly string[]): number {
    return dataRoom(frame, this.#number + 1, verb, args);
  }

  /** What the device answers. Rejects with a {@link ProvisioningError}: refused, or no answer in `deadlineMs`. */
  request(
    verb: string,
    args: readonly string[] = [],
    deadlineMs = 5_000,
  ): Promise<ReadonlyMap<string, string>> {
    const answer = this.#queue.then(() => this.#ask(verb, args, deadlineMs));
    this.#queue = answer.catch(() => undefined);
    return answer;
  }

  /** Nothing is asked any more; the stream is closed. */
  close(): void {
    this.#onEnd();
    this.#stream.destroy();
  }

  #ask(verb: string, args: readonly string[], deadlineMs: number): Promise<ReadonlyMap<string, string>> {
    return new Promise((resolve, reject) => {
      if (this.#ended) {
        reject(new ProvisioningError("gone", verb));
        return;
      }
      const number = ++this.#number;
      const line = requestLine(number, verb, args);
      const waiting: Waiting = { number, verb, line, resolve, reject, reason: "silent" };
      this.#waiting = waiting;
      this.#deadline = this.#timer.set(() => this.#fail(waiting.reason), deadlineMs);
      this.#send();
    });
  }

  #send(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    this.#stream.write(waiting.line, "latin1");
    this.#repeat = this.#timer.set(() => {
      this.repeats++;
      this.#send();
    }, this.#repeatMs);
  }

  #onAnswer(answer: Answer): void {
    const waiting = this.#waiting;
    // An answer to what was asked twice comes twice.
    if (waiting?.number !== answer.number) return;
    // The next repetition asks again.
    if (answer.refusal === "busy") waiting.reason = "busy";
    else if (answer.refusal !== undefined) this.#fail(answer.refusal);
    else this.#settle()?.resolve(answer.values);
  }

  #onEnd(): void {
    this.#ended = true;
    this.#fail("gone");
  }

  #fail(code: string): void {
    const waiting = this.#settle();
    waiting?.reject(new ProvisioningError(code, waiting.verb));
  }

  #settle(): Waiting | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#timer.clear(this.#repeat);
    this.#timer.clear(this.#deadline);
    return waiting;
  }
}
