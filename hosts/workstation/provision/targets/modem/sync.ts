import type { Timer } from "../../../../../modules/io/timer.js";
import type { Wire } from "../../../serial/wire.js";
import { gone, silent } from "./faults.js";
import { Hearing } from "./hearing.js";

/** A module that learns the baud rate is asked so often; drivers in the field do the same. */
const ASK_MS = 300;
/** Questions before it is taken for one that waits for a payload. */
const ASKS = 3;
/** TCP/IP Application Note V1.1: silence of a second before and behind `+++`. */
const GUARD_MS = 1_100;
/** FILE manual: an upload ends 5 s after its last byte, unless it was told another time. */
const UPLOAD_MS = 5_500;
/** A late answer to one of the questions. */
const SETTLE_MS = 150;

const ESCAPE = Uint8Array.of(0x1b);
const PLUSES = Buffer.from("+++");
const QUESTION = Buffer.from("AT\r");

export interface SyncOptions {
  readonly wire: Wire;
  readonly timer: Timer;
  /** For words. */
  readonly port: string;
  /** Longest time altogether, milliseconds. */
  readonly deadlineMs: number;
}

/**
 * Finds a module that answers `AT`, whatever state an earlier run has left it in: off baud, in light
 * sleep, booting, behind a prompt (ESC ends that), in the middle of an upload (`+++` ends that, and so
 * does its own time limit; what came of it stays as a file that is too short). Rejects with `silent` when
 * the time is over, and with `gone` when the port is.
 */
export async function synchronise(options: SyncOptions): Promise<void> {
  const attempt = new Attempt(options);
  try {
    for (;;) {
      for (let i = 0; i < ASKS; i++) if (await attempt.ask()) return;
      // Behind `+++` alone nothing must come for a second, and in front of it as well.
      await attempt.wait(GUARD_MS);
      attempt.say(PLUSES);
      await attempt.wait(GUARD_MS);
      attempt.say(ESCAPE);
      // The ESC is taken for the beginning of a line where there was no prompt: this question ends it.
      await attempt.ask();
      if (await attempt.ask()) return;
      await attempt.wait(UPLOAD_MS);
    }
  } finally {
    attempt.end();
  }
}

class Attempt {
  readonly #options: SyncOptions;
  readonly #hearing = new Hearing();
  readonly #close: () => void;
  readonly #startedMs = performance.now();
  #heard: (() => void) | undefined;

  constructor(options: SyncOptions) {
    this.#options = options;
    const hearing = this.#hearing;
    const piece = new Uint8Array(256);
    const heard = (): void => this.#heard?.();
    const serial = new options.wire.record.io({
      onReadable() {
        for (;;) {
          const count = this.read(piece) ?? 0;
          if (count === 0) break;
          hearing.take(piece, count);
        }
        piece.fill(0);
        heard();
      },
    });
    this.#close = () => serial.close();
  }

  end(): void {
    this.#close();
  }

  say(bytes: Uint8Array): void {
    this.#options.wire.write(bytes);
  }

  /** True when the module answered, and nothing more of earlier questions comes. */
  async ask(): Promise<boolean> {
    this.#hearing.clear();
    this.say(QUESTION);
    if (!(await this.#pause(ASK_MS, () => this.#hearing.answered))) return false;
    await this.#pause(SETTLE_MS, () => false);
    return true;
  }

  async wait(ms: number): Promise<void> {
    await this.#pause(ms, () => false);
  }

  /** Waits so long, or until `done` at a byte that came. */
  #pause(ms: number, done: () => boolean): Promise<boolean> {
    const { wire, timer, port, deadlineMs } = this.#options;
    const leftMs = deadlineMs - (performance.now() - this.#startedMs);
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        timer.clear(handle);
        this.#heard = undefined;
        wire.onLost = undefined;
        if (wire.lost) reject(gone(port));
        else if (done()) resolve(true);
        else if (leftMs <= ms) reject(silent(port, this.#hearing.describe()));
        else resolve(false);
      };
      const handle = timer.set(finish, Math.max(0, Math.min(ms, leftMs)));
      this.#heard = () => {
        if (done()) finish();
      };
      wire.onLost = finish;
      if (wire.lost) finish();
    });
  }
}
