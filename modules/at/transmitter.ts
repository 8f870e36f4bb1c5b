import type { SerialPort } from "../io/serial.js";
import type { Command, Parameter, Source } from "./command.js";
import type { Trace } from "./trace.js";

/** Longest command line in bytes, its `\r` included, and the piece in which a payload is handed to the serial port. */
const TRANSMIT_BYTES = 512;
const ESC = 0x1b;
const CR = 0x0d;

/** Carriage returns that complete a payload whose rest is not known: behind it they are blank lines. */
export class Filler implements Source {
  readonly byteLength: number;

  constructor(byteLength: number) {
    this.byteLength = byteLength;
  }

  read(view: Uint8Array): number {
    view.fill(CR);
    return view.length;
  }
}

/**
 * The sending half of the channel: composes a command line in place and hands lines and payloads
 * to the serial port in pieces of the room that it announces. Exceptions of the serial port and of
 * a source end what is being sent.
 */
export class Transmitter {
  readonly bytes = new Uint8Array(TRANSMIT_BYTES);
  serial: SerialPort | undefined;
  /** Bytes of the line, its `\r` not counted. */
  lineLength = 0;
  readonly #trace: Trace | undefined;
  readonly #failed: (error: unknown) => void;
  #command: Command<unknown, readonly Parameter[]> | undefined;
  #room = 0;
  #length = 0;
  #offset = 0;
  #source: Source | undefined;
  #sourceOffset = 0;

  constructor(trace: Trace | undefined, failed: (error: unknown) => void) {
    this.#trace = trace;
    this.#failed = failed;
  }

  /** Writes the command line into the buffer. Returns what is wrong with it, or `undefined`; nothing was sent then. */
  compose(
    command: Command<unknown, readonly Parameter[]>,
    parameters: readonly Parameter[],
  ): string | undefined {
    this.stop();
    this.#command = command;
    this.#put(command.text);
    let last = parameters.length;
    while (last > 0 && parameters[last - 1] === undefined) last--;
    let problem: string | undefined;
    for (let i = 0; i < last && problem === undefined; i++) {
      if (i > 0) this.#put(",");
      const parameter = parameters[i];
      if (typeof parameter === "string") problem = this.#putText(parameter, command.bare === true);
      else if (Number.isSafeInteger(parameter)) this.#put(String(parameter));
      else if (parameter !== undefined) problem = "a number is no integer";
    }
    this.lineLength = this.#length;
    this.#put("\r");
    if (problem === undefined && this.#length > TRANSMIT_BYTES)
      problem = "the command line is longer than " + String(TRANSMIT_BYTES) + " bytes";
    if (problem !== undefined) this.stop();
    return problem;
  }

  /** Sends the composed line. */
  send(): void {
    if (this.#command !== undefined) this.#trace?.sent(this.#command, this.bytes, this.lineLength);
    this.#pump();
  }

  /** Sends a payload behind the prompt. The line is gone from the buffer then. */
  sendSource(source: Source): void {
    this.#trace?.payload(source.byteLength);
    this.stop();
    this.#source = source;
    this.#sourceOffset = 0;
    this.#pump();
  }

  /** Gives up what has not been handed to the serial port. */
  stop(): void {
    this.#source = undefined;
    this.#length = this.#offset = 0;
  }

  /** Sends ESC, if there is room for it at once. */
  escape(): void {
    this.stop();
    this.bytes[0] = ESC;
    this.#length = 1;
    this.#pump();
  }

  onWritable(room: number): void {
    this.#room = room;
    this.#pump();
  }

  /** Returns what is wrong with the text. */
  #putText(text: string, bare: boolean): string | undefined {
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (c < 0x20 || c > 0x7e || c === 0x22)
        return "a text holds a quote, a control character or one outside ASCII";
      // Outside of quotes a comma begins another parameter and a semicolon another command.
      if (bare && (c === 0x2c || c === 0x3b)) return "a text without quotes holds a comma or a semicolon";
    }
    this.#put(bare ? text : '"' + text + '"');
    return undefined;
  }

  #put(text: string): void {
    const bytes = this.bytes;
    for (let i = 0; i < text.length; i++) {
      if (this.#length < TRANSMIT_BYTES) bytes[this.#length] = text.charCodeAt(i);
      this.#length++;
    }
  }

  #pump(): void {
    try {
      while (this.#room > 0 && this.#piece());
    } catch (error) {
      this.stop();
      this.#failed(error);
    }
  }

  /** Hands one piece to the serial port; false when nothing is left. */
  #piece(): boolean {
    const { serial, bytes } = this;
    if (serial === undefined) return false;
    const begin = this.#offset;
    const left = this.#length - begin;
    if (left > 0) {
      const count = Math.min(left, this.#room);
      this.#offset += count;
      this.#room -= count;
      serial.write(bytes.subarray(begin, begin + count));
      return true;
    }
    const source = this.#source;
    if (source === undefined) return false;
    const rest = source.byteLength - this.#sourceOffset;
    const view = bytes.subarray(0, Math.max(0, Math.min(rest, this.#room, TRANSMIT_BYTES)));
    const count = view.length === 0 ? 0 : source.read(view, this.#sourceOffset);
    if (count <= 0) {
      this.#source = undefined;
      return false;
    }
    this.#sourceOffset += count;
    this.#room -= count;
    serial.write(count === view.length ? view : view.subarray(0, count));
    return true;
  }
}
