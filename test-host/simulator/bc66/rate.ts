import type { Bc66Settings } from "./settings.js";

/** Rate of the ROM's boot text, whatever the AT port's. */
export const bootTextBaud = 115_200;

const carriageReturn = 0x0d;

/**
 * The UART's rate: fixed by AT+IPR, or learnt after every start from the host's `AT`. Until then
 * nothing that the host sends is understood.
 */
export class Rate {
  readonly #settings: Bc66Settings;
  readonly #fixed: () => number;
  readonly #learnt: () => void;
  #baud: number | undefined;
  /** Rate of what the host sends now; undefined when training cannot recognise it. */
  #heard: number | undefined = bootTextBaud;
  #line: number[] = [];
  #lines = 0;

  /** `fixed` is the value of AT+IPR, 0 for training. */
  constructor(settings: Bc66Settings, fixed: () => number, learnt: () => void) {
    this.#settings = settings;
    this.#fixed = fixed;
    this.#learnt = learnt;
  }

  get isKnown(): boolean {
    return this.#baud !== undefined;
  }

  get baud(): number {
    return this.#baud ?? bootTextBaud;
  }

  /** The chip starts. */
  start(): void {
    const fixed = this.#fixed();
    this.#baud = fixed === 0 ? undefined : fixed;
    this.#line = [];
    this.#lines = 0;
  }

  /** The port goes on at another rate: AT+IPR, or a module that a test finds trained. */
  set(baud: number): void {
    this.#baud = baud;
  }

  /** The host sends at this rate; true when it can be read before training is over. */
  hear(baud: number): boolean {
    this.#heard = this.#settings.autobaudRates.includes(baud) ? baud : undefined;
    return !this.isKnown && this.#heard !== undefined;
  }

  /** Takes bytes while the rate is not known; returns those behind the end of the training. */
  train(bytes: Uint8Array): Uint8Array {
    if (this.#heard === undefined) return new Uint8Array(0);
    for (const [index, byte] of bytes.entries()) {
      if (byte !== carriageReturn) {
        this.#line.push(byte);
        continue;
      }
      const text = Buffer.from(this.#line).toString("latin1");
      this.#line = [];
      if (!/at\s*$/i.test(text)) continue;
      const isUsedUp = this.#lines < this.#settings.trainingLines;
      this.#lines++;
      if (isUsedUp && this.#lines < this.#settings.trainingLines) continue;
      this.#baud = this.#heard;
      this.#learnt();
      const rest = bytes.subarray(index + 1);
      return isUsedUp ? rest : Buffer.concat([Buffer.from("AT\r"), rest]);
    }
    return new Uint8Array(0);
  }
}
