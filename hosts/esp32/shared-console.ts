import type { SerialCallbacks, SerialPort, SerialRecord } from "../../modules/io/serial.js";
import type { Timer } from "../../modules/io/timer.js";

/** Bytes that wait for the port: some ten lines of the log and a factory answer. */
const QUEUE = 2_048;
/** Of them the log leaves so many to who else writes there: more than the longest answer to a factory. */
const RESERVE = 1_024;
/** Bytes that a UART takes by itself. */
const FIFO = 128;
const LINE_FEED = 10;

/**
 * One console for two: the log, and the factory that talks to the device there. Whole lines of the log go
 * between whole lines of the other, never into them. A line that finds no room is dropped; how many were is
 * told before the next one that does. Nothing waits, nothing throws. Verified on no hardware yet.
 */
export class SharedConsole {
  private readonly port: SerialPort;
  private readonly queue = new Uint8Array(QUEUE);
  private queued = 0;
  /** Bytes that the port takes now. */
  private room = 0;
  /** The guest has written part of a line. */
  private isInLine = false;
  private dropped = 0;
  /** Who shares the port; it is told of room when all that it wrote has left. */
  private guest: SerialPort | undefined;
  private callbacks: SerialCallbacks | undefined;
  private isGuestFull = false;
  /** Takes what nobody listens to. */
  private readonly waste = new Uint8Array(64);
  private readonly timer: Timer;

  /** @throws what the port's class throws: a build for Moddable's debugger has the port for itself. */
  constructor(record: SerialRecord, timer: Timer) {
    this.timer = timer;
    this.port = new record.io({
      ...record,
      onReadable: count => {
        this.onReadable(count);
      },
      onWritable: count => {
        this.room = count;
        this.send();
        this.tellGuest();
      },
    });
  }

  /** Bytes of one burst that the port takes while the engine is busy. */
  get headroom(): number {
    return this.port.receiveHeadroom ?? FIFO;
  }

  /** `guest` shares the port from now on; these are its callbacks. */
  join(guest: SerialPort, callbacks: SerialCallbacks): void {
    this.guest = guest;
    this.callbacks = callbacks;
    this.isGuestFull = true;
    // The port may have told of its room long ago; no callback comes inside the guest's construction.
    this.timer.set(() => this.tellGuest());
  }

  /** A line of the log, without its end. Bytes beyond Latin-1 become question marks. */
  log(text: string): void {
    let line = text + "\r\n";
    if (this.dropped > 0) line = "dropped " + String(this.dropped) + "\r\n" + line;
    if (this.isInLine || line.length > QUEUE - RESERVE - this.queued) {
      this.dropped++;
      return;
    }
    this.dropped = 0;
    const queue = this.queue;
    for (let i = 0; i < line.length; i++) {
      const code = line.charCodeAt(i);
      queue[this.queued++] = code < 256 ? code : 63;
    }
    this.send();
  }

  read(view: Uint8Array): number | undefined {
    return this.port.read(view);
  }

  /** Of the guest. More than it was told of room for is not taken. */
  write(bytes: ArrayBuffer | Uint8Array): void {
    const view = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
    if (view.length === 0) return;
    if (view.length > QUEUE - this.queued) throw new Error("output full");
    this.queue.set(view, this.queued);
    this.queued += view.length;
    this.isInLine = view[view.length - 1] !== LINE_FEED;
    this.isGuestFull = true;
    this.send();
  }

  leave(): void {
    this.guest = undefined;
    this.isInLine = false;
  }

  private onReadable(count: number): void {
    const guest = this.guest;
    if (guest !== undefined && this.callbacks?.onReadable !== undefined)
      this.callbacks.onReadable.call(guest, count);
    // Otherwise the port would tell of the same bytes for ever.
    else while (this.port.read(this.waste) !== undefined);
  }

  private send(): void {
    const count = Math.min(this.room, this.queued);
    if (count === 0) return;
    const queue = this.queue;
    this.room -= count;
    try {
      this.port.write(queue.slice(0, count));
    } catch {
      // A console that takes nothing must not restart the device.
    }
    queue.copyWithin(0, count, this.queued);
    this.queued -= count;
  }

  private tellGuest(): void {
    const guest = this.guest;
    const onWritable = this.callbacks?.onWritable;
    if (!this.isGuestFull || guest === undefined || this.queued > QUEUE - RESERVE) return;
    this.isGuestFull = false;
    onWritable?.call(guest, RESERVE);
  }
}

/** A port for who shares a console with the log. */
class GuestPort implements SerialPort {
  readonly receiveHeadroom: number;
  private readonly shared: SharedConsole;

  constructor(shared: SharedConsole, callbacks: SerialCallbacks) {
    this.shared = shared;
    this.receiveHeadroom = shared.headroom;
    shared.join(this, callbacks);
  }

  read(view: Uint8Array): number | undefined {
    return this.shared.read(view);
  }

  write(bytes: ArrayBuffer | Uint8Array): void {
    this.shared.write(bytes);
  }

  close(): void {
    this.shared.leave();
  }
}

/** A record that constructs a port on a console that is open already. */
export function guestOf(shared: SharedConsole): SerialRecord {
  return {
    io: class extends GuestPort {
      constructor(callbacks: SerialCallbacks) {
        super(shared, callbacks);
      }
    },
  };
}
