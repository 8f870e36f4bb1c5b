import type { SerialPort, SerialRecord } from "../io/serial.js";
import { answerLine, RequestReader } from "./frame.js";
import { Verbs, type VerbOptions } from "./verbs.js";

/** Bytes of the longest request, line end not counted, where the port has the 128-byte FIFO and nothing else. */
const SHORT_LINE = 120;
/** The same where the port has a buffer. */
const LONG_LINE = 512;

/** What the session is given by the firmware. */
export interface ProvisioningOptions extends VerbOptions {
  /** The port that the factory talks to. */
  readonly console: SerialRecord;
  /** A request has come, of whatever kind: somebody is at the console. */
  readonly heard?: (() => void) | undefined;
}

/**
 * The device's side of docs/provisioning.md: answers the requests of a factory tool on the console,
 * each once, and an answer that was lost again. It does nothing by itself and polls nothing.
 * Verified on no hardware yet.
 */
export class ProvisioningSession {
  private readonly verbs: Verbs;
  private readonly reader: RequestReader;
  private readonly received = new Uint8Array(64);
  private readonly port: SerialPort | undefined;
  private readonly heard: (() => void) | undefined;
  /** Bytes that the port takes now. */
  private room = 0;
  /** What is being sent, and how much of it has left. */
  private line: Uint8Array | undefined;
  private sent = 0;
  /** The answer to the last request, for who asks again. */
  private kept: Uint8Array | undefined;
  /** Number of the last request that was carried out. */
  private last = NaN;
  /** Counts requests, so that work that outlives its session answers nobody. */
  private turn = 0;

  constructor(options: ProvisioningOptions) {
    const record = options.console;
    this.heard = options.heard;
    const port = (this.port = new record.io({
      ...record,
      onReadable: () => this.onReadable(),
      onWritable: count => {
        this.room = count;
        this.transmit();
      },
    }));
    const headroom = port.receiveHeadroom;
    // The line's end takes a byte of the buffer too.
    const frame = headroom === undefined ? SHORT_LINE : Math.min(LONG_LINE, headroom - 1);
    this.reader = new RequestReader(frame);
    this.verbs = new Verbs(options, frame);
  }

  private onReadable(): void {
    const { received, reader, port } = this;
    let count: number | undefined;
    while ((count = port?.read(received)))
      for (let at = 0; (at = reader.take(received, at, count)) > 0;) this.request(reader);
  }

  private request(reader: RequestReader): void {
    const number = reader.number;
    this.heard?.();
    const isNext = number === this.last + 1;
    // `hello` begins anew whatever went before.
    if (reader.fields[1] === "hello" || (isNext && !this.verbs.busy)) {
      this.last = number;
      this.kept = undefined;
      const turn = ++this.turn;
      this.verbs.perform(reader, (text, bytes) => {
        // Once, whatever the platform does.
        if (turn !== this.turn || this.kept !== undefined) return;
        this.kept = answerLine(number, text, bytes);
        this.send(this.kept);
      });
    } else if (number === this.last)
      // Asked again: the answer was lost, or is not there yet.
      this.send(this.kept);
    else this.send(answerLine(number, isNext ? "no busy" : "no order"));
  }

  private send(line: Uint8Array | undefined): void {
    this.line = line;
    this.sent = 0;
    this.transmit();
  }

  /** Sends what fits; the rest follows when the port tells of room. */
  private transmit(): void {
    const room = this.room;
    const piece = this.line?.subarray(this.sent, this.sent + room);
    if (piece === undefined || piece.length === 0) return;
    this.sent += piece.length;
    this.room = room - piece.length;
    try {
      this.port?.write(piece);
    } catch {
      // A console that takes nothing must not restart the device; who asks again gets the answer again.
    }
  }
}
