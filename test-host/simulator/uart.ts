import type { Random } from "./random.js";
import type { Scheduler, Task } from "./scheduler.js";

/** The serial class that the firmware runs on. Sizes in bytes. */
export interface SerialClass {
  readonly name: string;
  readonly receiveCapacity: number;
  /** Bytes in the receive buffer that raise the callback. */
  readonly receiveThreshold: number;
  /** Idle character times after which fewer bytes raise it. */
  readonly idleCharacters: number;
  readonly transmitCapacity: number;
  /** The writable callback comes when at most so many bytes are left to send. */
  readonly transmitLowWater: number;
  readonly reportsOverrun: boolean;
  readonly flowControl: boolean;
}

/** The stock ESP32 class: the hardware FIFO and nothing else. */
export const stockSerial: SerialClass = {
  name: "stock",
  receiveCapacity: 128,
  receiveThreshold: 96,
  idleCharacters: 4,
  transmitCapacity: 128,
  transmitLowWater: 10,
  reportsOverrun: false,
  flowControl: false,
};

/** A class on the platform's UART driver: a ring behind the FIFO, RTS/CTS, overruns reported. */
export const bufferedSerial: SerialClass = {
  name: "buffered",
  receiveCapacity: 4096 + 128,
  receiveThreshold: 96,
  idleCharacters: 4,
  transmitCapacity: 2048,
  transmitLowWater: 512,
  reportsOverrun: true,
  flowControl: true,
};

/** The module's side of the line. */
export interface UartModule {
  readonly baud: number;
  /** Whether the module heeds RTS (AT+IFC). */
  readonly heedsRts: boolean;
  /**
   * A module that is still to learn the host's rate: told of the rate that bytes come with; true when it
   * can read them.
   */
  adapts?(baud: number): boolean;
  receive(bytes: Uint8Array): void;
  /** Set by the UART: called with what the module sends, at the rate it sends with. */
  onOutput: ((bytes: Uint8Array, baud: number) => void) | undefined;
  /** Set by the UART: what was not sent yet is gone (power lost). */
  onDiscard: (() => void) | undefined;
}

export interface UartEvents {
  /** The receive interrupt; it stays off until `callbackDone`. */
  readable(): void;
  writable(): void;
  overrun(): void;
}

export interface UartCounters {
  toModuleBytes: number;
  toHostBytes: number;
  /** Bytes that found the receive buffer full. */
  lostBytes: number;
  receiveHighWater: number;
  transmitHighWater: number;
  /** Bytes turned into garbage because the two rates differ. */
  garbledBytes: number;
  /** Times that the host took RTS back. */
  pauses: number;
}

export interface UartOptions {
  readonly scheduler: Scheduler;
  readonly module: UartModule;
  readonly serial: SerialClass;
  readonly random: Random;
  readonly events: UartEvents;
}

interface Burst {
  readonly bytes: Uint8Array;
  readonly baud: number;
  offset: number;
}

/** Of the hardware, in each direction. */
const fifoBytes = 128;
/** Bytes of one delivery to the module; its parser sees them when the last has arrived. */
const pieceBytes = 16;
/** The receiver takes RTS back when so little room is left, as the hardware does before its FIFO is full. */
const rtsReserve = 6;
/** Rates closer than this understand each other. */
const rateTolerance = 0.03;

/**
 * The line between the ESP32 and the module: 10 bits a byte, receive and transmit buffers of the
 * firmware's side, their interrupts, and what is lost. Arrival times are computed, not stepped byte
 * by byte: `#advance` brings the receive buffer up to the present.
 */
export class Uart {
  readonly counters: UartCounters = {
    toModuleBytes: 0,
    toHostBytes: 0,
    lostBytes: 0,
    receiveHighWater: 0,
    transmitHighWater: 0,
    garbledBytes: 0,
    pauses: 0,
  };
  readonly #scheduler: Scheduler;
  readonly #module: UartModule;
  readonly #serial: SerialClass;
  readonly #events: UartEvents;
  readonly #random: Random;
  #baud = 0;
  #incoming: Burst[] = [];
  /** Bytes of `#incoming` that have not arrived yet. */
  #incomingBytes = 0;
  /** When the byte at the head of `#incoming` will be complete. */
  #nextByteMs = 0;
  #stalled = false;
  #lastByteMs = 0;
  /** Arrived and not handed over yet. */
  #fresh: number[] = [];
  /** Handed over with an event and not read yet. */
  #announced = 0;
  #armed = true;
  #readInCallback = false;
  #notify: Task | undefined;
  #unreportedLoss = 0;
  #outgoing: Uint8Array = new Uint8Array(0);
  #pieceStartMs = 0;
  #transmit: Task | undefined;
  #writable: Task | undefined;

  constructor(options: UartOptions) {
    this.#scheduler = options.scheduler;
    this.#module = options.module;
    this.#serial = options.serial;
    this.#events = options.events;
    this.#random = options.random;
    options.module.onOutput = (bytes, baud) => this.#fromModule(bytes, baud);
    options.module.onDiscard = () => this.#discardIncoming();
  }

  get isOpen(): boolean {
    return this.#baud > 0;
  }

  /** Opens the port; whatever an earlier opening held is gone. */
  open(baud: number): void {
    this.close();
    this.#baud = baud;
    this.#armed = true;
    this.#events.writable();
  }

  close(): void {
    this.#baud = 0;
    this.#discardIncoming();
    this.#fresh = [];
    this.#announced = 0;
    this.#unreportedLoss = 0;
    this.#outgoing = new Uint8Array(0);
    for (const task of [this.#notify, this.#transmit, this.#writable]) task?.cancel();
    this.#transmit = undefined;
  }

  /** Free bytes of the transmit buffer now. */
  get transmitRoom(): number {
    return this.#serial.transmitCapacity - this.#unsent();
  }

  /** Milliseconds until what the hardware's FIFO holds is sent. */
  get drainMs(): number {
    const unsent = this.#unsent();
    // One character more, so that the last byte has arrived.
    return unsent > 0 ? (Math.min(unsent, fifoBytes) + 1) * characterMs(this.#baud) : 0;
  }

  /** Throws when the bytes do not fit. */
  write(bytes: Uint8Array): void {
    if (!this.isOpen || bytes.length === 0) return;
    if (bytes.length > this.transmitRoom)
      throw new RangeError("write beyond the room of the transmit buffer");
    const joined = new Uint8Array(this.#outgoing.length + bytes.length);
    joined.set(this.#outgoing);
    joined.set(bytes, this.#outgoing.length);
    this.#outgoing = joined;
    this.counters.transmitHighWater = Math.max(this.counters.transmitHighWater, this.#unsent());
    if (!this.#transmit) this.#startPiece();
    this.#scheduleWritable();
  }

  /** For a readable event: the bytes that arrived since the last one, and the sum with those not read yet. */
  takeReadable(): { bytes: Uint8Array; count: number } {
    this.#advance();
    const bytes = Uint8Array.from(this.#fresh);
    this.#fresh = [];
    this.#announced += bytes.length;
    this.#readInCallback = false;
    return { bytes, count: this.#announced };
  }

  /** The firmware has taken `count` bytes out. */
  consume(count: number): void {
    this.#advance();
    this.#announced = Math.max(0, this.#announced - count);
    this.#readInCallback = true;
    if (this.#stalled) {
      this.#stalled = false;
      this.#nextByteMs = this.#scheduler.nowMs + this.#headCharacterMs();
      this.#schedule();
    }
  }

  /** Lost bytes not told yet. */
  takeOverrun(): number {
    this.#advance();
    const lost = this.#unreportedLoss;
    this.#unreportedLoss = 0;
    if (!this.#armed) this.#scheduleOverrun();
    return lost;
  }

  /** The readable callback has run: the interrupt is on again. */
  callbackDone(): void {
    if (!this.isOpen) return;
    this.#armed = true;
    this.#advance();
    // The class calls again after a read that left bytes behind.
    if (this.#readInCallback && this.#fresh.length === 0 && this.#announced > 0) this.#raise();
    else this.#schedule();
  }

  #fromModule(bytes: Uint8Array, baud: number): void {
    if (!this.isOpen || bytes.length === 0) return;
    this.#advance();
    if (this.#incoming.length === 0 && !this.#stalled)
      this.#nextByteMs = this.#scheduler.nowMs + characterMs(baud);
    const arriving = this.#garble(bytes, baud, this.#baud);
    this.#incoming.push({ bytes: arriving, baud, offset: 0 });
    this.#incomingBytes += arriving.length;
    this.#schedule();
  }

  #advance(): void {
    const nowMs = this.#scheduler.nowMs;
    while (!this.#stalled && this.#nextByteMs <= nowMs) {
      const burst = this.#incoming[0];
      if (!burst) return;
      const byte = burst.bytes[burst.offset] ?? 0;
      const held = this.#fresh.length + this.#announced;
      const { receiveCapacity, flowControl } = this.#serial;
      if (flowControl && this.#module.heedsRts && held >= receiveCapacity - rtsReserve) {
        this.#stalled = true;
        this.counters.pauses++;
        return;
      }
      this.#lastByteMs = this.#nextByteMs;
      this.counters.toHostBytes++;
      if (held >= receiveCapacity) this.#lose();
      else {
        this.#fresh.push(byte);
        this.counters.receiveHighWater = Math.max(this.counters.receiveHighWater, held + 1);
      }
      this.#incomingBytes--;
      if (++burst.offset === burst.bytes.length) this.#incoming.shift();
      this.#nextByteMs += this.#headCharacterMs();
    }
  }

  #lose(): void {
    this.counters.lostBytes++;
    if (!this.#serial.reportsOverrun) return;
    if (this.#unreportedLoss++ === 0) this.#scheduler.at(this.#scheduler.nowMs, () => this.#events.overrun());
  }

  #headCharacterMs(): number {
    return characterMs(this.#incoming[0]?.baud ?? this.#baud);
  }

  /** Decides when the receive interrupt comes next. */
  #schedule(): void {
    this.#notify?.cancel();
    if (!this.isOpen) return;
    if (!this.#armed) {
      this.#scheduleOverrun();
      return;
    }
    const held = this.#fresh.length + this.#announced;
    const { receiveThreshold, idleCharacters } = this.#serial;
    if (this.#fresh.length > 0 && held >= receiveThreshold) {
      this.#raise();
      return;
    }
    const pending = this.#pending();
    const character = this.#headCharacterMs();
    const needed = Math.max(1, receiveThreshold - held);
    if (pending >= needed) {
      this.#wakeAt(this.#nextByteMs + (needed - 1) * character);
    } else if (pending > 0) {
      this.#wakeAt(this.#nextByteMs + (pending - 1 + idleCharacters) * character);
    } else if (this.#fresh.length > 0) {
      const idleMs = this.#lastByteMs + idleCharacters * character;
      if (idleMs <= this.#scheduler.nowMs) this.#raise();
      else this.#wakeAt(idleMs);
    }
  }

  #pending(): number {
    return this.#stalled ? 0 : this.#incomingBytes;
  }

  /** While the callback is awaited, the class still tells when its buffer overflows. */
  #scheduleOverrun(): void {
    if (!this.#serial.reportsOverrun || this.#unreportedLoss > 0) return;
    const room = this.#serial.receiveCapacity - this.#fresh.length - this.#announced;
    if (this.#pending() > room) this.#wakeAt(this.#nextByteMs + room * this.#headCharacterMs());
  }

  #wakeAt(atMs: number): void {
    this.#notify = this.#scheduler.at(atMs, () => {
      this.#advance();
      this.#schedule();
    });
  }

  #raise(): void {
    this.#armed = false;
    this.#scheduleOverrun();
    this.#events.readable();
  }

  #discardIncoming(): void {
    this.#advance();
    this.#incoming = [];
    this.#incomingBytes = 0;
    this.#stalled = false;
    this.#schedule();
  }

  #unsent(): number {
    if (!this.#transmit) return this.#outgoing.length;
    const sent = Math.floor((this.#scheduler.nowMs - this.#pieceStartMs) / characterMs(this.#baud) + 1e-9);
    return this.#outgoing.length - Math.min(sent, this.#outgoing.length);
  }

  #startPiece(): void {
    this.#pieceStartMs = this.#scheduler.nowMs;
    const count = Math.min(pieceBytes, this.#outgoing.length);
    this.#transmit = this.#scheduler.after(count * characterMs(this.#baud), () => {
      const piece = this.#outgoing.slice(0, count);
      this.#outgoing = this.#outgoing.slice(count);
      this.#transmit = undefined;
      this.counters.toModuleBytes += count;
      if (this.#outgoing.length > 0) this.#startPiece();
      const adapts = this.#module.adapts?.(this.#baud) ?? false;
      this.#module.receive(adapts ? piece : this.#garble(piece, this.#baud, this.#module.baud));
    });
  }

  #scheduleWritable(): void {
    this.#writable?.cancel();
    const excess = Math.max(0, this.#unsent() - this.#serial.transmitLowWater);
    // One character at least: the interrupt follows the write, it does not happen inside it.
    const delayMs = Math.max(1, excess) * characterMs(this.#baud);
    this.#writable = this.#scheduler.after(delayMs, () => {
      if (this.#unsent() > this.#serial.transmitLowWater) this.#scheduleWritable();
      else this.#events.writable();
    });
  }

  #garble(bytes: Uint8Array, sentBaud: number, readBaud: number): Uint8Array {
    if (Math.abs(sentBaud - readBaud) <= rateTolerance * readBaud) return bytes;
    this.counters.garbledBytes += bytes.length;
    // A slower sender's bits are sampled several times, a faster one's are skipped over.
    const count = Math.max(1, Math.min(bytes.length * 4, Math.round((bytes.length * readBaud) / sentBaud)));
    return Uint8Array.from({ length: count }, () => this.#random.integer(256));
  }
}

function characterMs(baud: number): number {
  return 10_000 / baud;
}
