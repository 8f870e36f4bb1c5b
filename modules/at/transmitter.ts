import type { SerialPort } from "../io/serial.js";
import type { Command, Parameter, Source } from "./command.js";
import type { Trace } from "./trace.js";

/** Longest command line in bytes, and the piece in which a payload is handed to the serial port. */
const TRANSMIT_BYTES = 512;

/**
 * The sending half of the channel: composes a command line in place and hands lines and payloads
 * to the serial port in pieces of the room that it announces.
 */
export class Transmitter {
  readonly bytes = new Uint8Array(TRANSMIT_BYTES);
  serial: SerialPort | undefined;
  /** Bytes of the line, its `\r` not counted. */
  lineLength = 0;
  readonly #trace: Trace | undefined;
  #command: Command<unknown, readonly Parameter[]> | undefined;
  #room = 0;
  #length = 0;
  #offset = 0;
  #source: Source | undefined;
  #sourceOffset = 0;

  constructor(trace: Trace | undefined) {
    this.#trace = trace;
  }

  /** Writes the command line into the buffer. Returns what is wrong with it, or `undefined`; nothing was sent then. */
  compose(
    command: Command<unknown, readonly Parameter[]>,
    parameters: readonly Parameter[],
  ): string | undefined {
    this.stop();
    this.#length = 0;
    this.#command = command;
    this.#put(command.text);
    let last = parameters.length;
    while (last > 0 && parameters[last - 1] === undefined) last--;
    for (let i = 0; i < last; i++) {
      const parameter = parameters[i];
      if (i > 0) this.#put(",");
      if (typeof parameter === "number") {
        if (!Number.isInteger(parameter)) return "a number is no integer";
        this.#put(String(parameter));
      } else if (parameter !== undefined) {
        for (let k = 0; k < parameter.length; k++) {
          const c = parameter.charCodeAt(k);
          if (c < 0x20 || c > 0x7e || c === 0x22)
            return "a text holds a quote, a control character or one outside ASCII";
        }
        if (!command.bare) this.#put('"');
        this.#put(parameter);
        if (!command.bare) this.#put('"');
      }
    }
    this.lineLength = this.#length;
    this.#put("\r");
    if (this.#length > TRANSMIT_BYTES)
      return "the command line is longer than " + String(TRANSMIT_BYTES) + " bytes";
    return undefined;
  }

  /** Sends the composed line. */
  send(): void {
    if (this.#trace !== undefined && this.#command !== undefined)
      this.#trace.sent(this.#command, this.bytes, this.lineLength);
    this.#offset = 0;
    this.#pump();
  }

  /** Sends a payload behind the prompt. The line is gone from the buffer then. */
  sendSource(source: Source): void {
    this.#trace?.payload(source.byteLength);
    this.#length = this.#offset = 0;
    this.#source = source;
    this.#sourceOffset = 0;
    this.#pump();
  }

  /** Gives up what has not been handed to the serial port. */
  stop(): void {
    this.#source = undefined;
    this.#length = this.#offset = 0;
  }

  /** Sends ESC by itself, where there is room. */
  escape(): void {
    if (this.#room < 1) return;
    this.#room--;
    this.serial?.write(Uint8Array.of(0x1b));
  }

  onWritable(room: number): void {
    this.#room = room;
    this.#pump();
  }

  #put(text: string): void {
    const bytes = this.bytes;
    for (let i = 0; i < text.length; i++) {
      if (this.#length < TRANSMIT_BYTES) bytes[this.#length] = text.charCodeAt(i);
      this.#length++;
    }
  }

  #pump(): void {
    const { serial, bytes } = this;
    if (serial === undefined) return;
    while (this.#room > 0) {
      if (this.#offset === this.#length && !this.#refill()) return;
      const count = Math.min(this.#room, this.#length - this.#offset);
      const whole = count === bytes.length;
      serial.write(whole ? bytes : bytes.subarray(this.#offset, this.#offset + count));
      this.#offset += count;
      this.#room -= count;
    }
  }

  /** Takes the next piece of the payload into the buffer, no more than fits the serial port now. */
  #refill(): boolean {
    const source = this.#source;
    if (source === undefined) return false;
    const left = source.byteLength - this.#sourceOffset;
    if (left <= 0) {
      this.#source = undefined;
      return false;
    }
    const count = Math.min(left, this.#room, TRANSMIT_BYTES);
    const read = source.read(
      count === TRANSMIT_BYTES ? this.bytes : this.bytes.subarray(0, count),
      this.#sourceOffset,
    );
    if (read <= 0) {
      this.#source = undefined;
      return false;
    }
    this.#sourceOffset += read;
    this.#offset = 0;
    this.#length = read;
    return true;
  }
}
