import type { SerialPort } from "../io/serial.js";
import type { Command, Parameter, Source } from "./command.js";
import type { Trace } from "./trace.js";

/** Longest command line in bytes, its `\r` included, and the piece in which a payload is handed to the serial port. */
const TRANSMIT_BYTES = 512;

/**
 * The sending half of the channel: composes a command line in place and hands lines and payloads
 * to the serial port in pieces of the room that it announces. An exception of the serial port or
 * of a source ends what is being sent.
 */
export class Transmitter {
  readonly bytes = new Uint8Array(TRANSMIT_BYTES);
  serial: SerialPort | undefined;
  /** Bytes of the line, its `\r` not counted. */
  lineLength = 0;
  private readonly trace: Trace | undefined;
  private readonly failed: (error: unknown) => void;
  private room = 0;
  private length = 0;
  private offset = 0;
  private source: Source | undefined;
  private sourceOffset = 0;
  /** Sent behind the source; 0: nothing. */
  private terminator = 0;
  /** The source goes out as hexadecimal digits. */
  private hex = false;

  constructor(trace: Trace | undefined, failed: (error: unknown) => void) {
    this.trace = trace;
    this.failed = failed;
  }

  /**
   * Sends the command, and `source` as its last parameter where it has no prompt. Returns what is
   * wrong with it, or `undefined`; nothing was sent then.
   */
  send(
    command: Command<unknown, readonly Parameter[]>,
    parameters: readonly Parameter[],
    source?: Source,
  ): string | undefined {
    this.stop();
    this.put(command.text);
    let last = parameters.length;
    while (last > 0 && parameters[last - 1] === undefined) last--;
    for (let i = 0; i < last; i++) {
      const parameter = parameters[i];
      if (i > 0) this.put(",");
      if (
        typeof parameter === "string"
          ? !this.putText(parameter, command.bare)
          : parameter !== undefined && !(Number.isSafeInteger(parameter) && this.put(String(parameter)))
      ) {
        this.stop();
        return "parameter " + String(i + 1);
      }
    }
    this.lineLength = this.length;
    if ((command.hex || command.quoted) && source !== undefined) {
      this.put(command.quoted ? ',"' : ",");
      this.hex = command.hex === true;
      this.source = source;
      this.terminator = command.quoted ? 0x22 : 0x0d;
    } else this.put("\r");
    if (this.length > TRANSMIT_BYTES) {
      this.stop();
      return "line too long";
    }
    this.trace?.sent(command, this.bytes, this.lineLength);
    this.pump();
    return undefined;
  }

  /** Sends a payload behind the prompt. The line is gone from the buffer then. */
  sendSource(source: Source, terminator = 0): void {
    this.trace?.payload(source.byteLength);
    this.stop();
    this.source = source;
    this.terminator = terminator;
    this.pump();
  }

  /** Gives up what has not been handed to the serial port. */
  stop(): void {
    this.source = undefined;
    this.hex = false;
    this.length = this.offset = this.sourceOffset = this.terminator = 0;
  }

  onWritable(room: number): void {
    this.room = room;
    this.pump();
  }

  /** Appends a text of the program's own. Behind the buffer's end bytes are counted and not kept. */
  private put(text: string): boolean {
    for (let i = 0; ; i++) {
      const c = String.prototype.charCodeAt.call(text, i);
      if (!(c >= 0)) return true;
      this.bytes[this.length++] = c;
    }
  }

  /** Appends a text from elsewhere; false when it would be read as something else. */
  private putText(text: string, bare: boolean | undefined): boolean {
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (c < 0x20 || c > 0x7e || c === 0x22) return false;
      // Outside of quotes a comma begins another parameter and a semicolon another command.
      if (bare && (c === 0x2c || c === 0x3b)) return false;
    }
    return this.put(bare ? text : '"' + text + '"');
  }

  /** Takes the next piece of the source, no more than fits the serial port now. False: none, or not yet. */
  private refill(source: Source): boolean {
    const bytes = this.bytes;
    const room = this.hex ? Math.min(this.room, TRANSMIT_BYTES) >> 1 : this.room;
    const end = Math.min(source.byteLength - this.sourceOffset, room);
    if (this.sourceOffset >= source.byteLength) {
      const terminator = this.terminator;
      if (terminator === 0) return false;
      // Behind the closing quote comes the line's end.
      this.terminator = terminator === 0x22 ? 0x0d : 0;
      bytes[0] = terminator;
      this.length = 1;
    } else {
      if (end === 0) return false;
      this.length = source.read(bytes.subarray(0, end), this.sourceOffset);
      if (!(this.length > 0)) {
        this.stop();
        return false;
      }
      this.sourceOffset += this.length;
      if (this.hex) this.spread();
    }
    this.offset = 0;
    return true;
  }

  /** Turns each byte into two digits, from behind so that none is overwritten before. */
  private spread(): void {
    const bytes = this.bytes;
    for (let i = this.length - 1; i >= 0; i--) {
      const byte = bytes[i] ?? 0;
      const high = byte >> 4;
      const low = byte & 15;
      bytes[2 * i] = high + (high > 9 ? 55 : 48);
      bytes[2 * i + 1] = low + (low > 9 ? 55 : 48);
    }
    this.length *= 2;
  }

  private pump(): void {
    const serial = this.serial;
    const bytes = this.bytes;
    const source = this.source;
    try {
      while (serial !== undefined && this.room > 0) {
        if (this.offset === this.length) {
          if (source === undefined || !this.refill(source)) return;
        }
        const start = this.offset;
        this.offset = Math.min(this.length, start + this.room);
        this.room -= this.offset - start;
        serial.write(bytes.subarray(start, this.offset));
      }
    } catch (error) {
      this.stop();
      this.failed(error);
    }
  }
}
