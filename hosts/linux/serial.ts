import Serial from "embedded:io/serial";
import Timer from "timer";
import type { SerialCallbacks, SerialPort, SerialRecord } from "../../modules/io/serial.js";
import { report } from "../moddable/log.js";

/** What the SDK's class takes at a time, and calls `onWritable` with. */
const ROOM = 1024;

/** The SDK's class on Linux. Its typings describe another one: with pins, and without `device`. */
interface NativeSerial {
  read(count: number): ArrayBuffer | undefined;
  write(bytes: ArrayBuffer): void;
  close(): void;
}

interface NativeOptions {
  readonly device: string;
  readonly baud: number;
  onReadable(count: number): void;
  /** Everything that was written is on its way. */
  onWritable(): void;
  /** The device is gone; the class closes itself after the call. */
  onError(): void;
}

const Native = Serial as unknown as new (options: NativeOptions) => NativeSerial;

/** A terminal's receive buffer in Linux. */
const HEADROOM = 4095;

export interface LinuxSerialOptions extends SerialCallbacks {
  /** `/dev/ttyUSB0`, or the path of a pseudo terminal. */
  readonly device: string;
  readonly baud?: number;
}

/** A port that has gone, as a USB module's does when it restarts, is looked for so often. */
const RETRY_MS = 500;

/**
 * A serial port of Linux with the surface that the AT channel wants. The SDK's class takes an
 * ArrayBuffer only, refuses a write while an earlier one is on its way, and does not read into a view;
 * after its device has gone, any call but `close` would end the process. Here what is written then is
 * lost, as on a cable that is out, and the port is opened again when it is there again.
 */
export class LinuxSerial implements SerialPort {
  readonly receiveHeadroom = HEADROOM;
  private readonly options: LinuxSerialOptions;
  private port: NativeSerial | undefined;
  /** A write is on its way: what comes now waits in `queue`. */
  private busy = true;
  private readonly queue = new Uint8Array(ROOM);
  private queued = 0;
  private closed = false;
  private retry: ReturnType<typeof Timer.set> | undefined;

  /** Throws when there is no such port. */
  constructor(options: LinuxSerialOptions) {
    this.options = options;
    this.open();
  }

  private open(): void {
    const { device, baud = 115_200, onReadable } = this.options;
    this.busy = true;
    this.port = new Native({
      device,
      baud,
      onReadable: count => onReadable?.call(this, count),
      onWritable: () => this.onWritable(),
      onError: () => {
        this.port = undefined;
        this.queued = 0;
        report("serial", device, "gone");
        if (!this.closed) this.wait();
      },
    });
  }

  private wait(): void {
    this.retry = Timer.set(() => {
      try {
        this.open();
        report("serial", this.options.device, "back");
      } catch {
        this.wait();
      }
    }, RETRY_MS);
  }

  read(view: Uint8Array): number | undefined {
    let bytes: ArrayBuffer | undefined;
    try {
      bytes = this.port?.read(view.length);
    } catch {
      // The device is going; `onError` tells.
    }
    if (bytes === undefined) return undefined;
    view.set(new Uint8Array(bytes));
    return bytes.byteLength;
  }

  write(bytes: ArrayBuffer | Uint8Array): void {
    if (this.port === undefined) return;
    if (this.queued + bytes.byteLength > ROOM) throw new Error("output full");
    this.queue.set(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes), this.queued);
    this.queued += bytes.byteLength;
    if (!this.busy) this.flush();
  }

  close(): void {
    const port = this.port;
    this.closed = true;
    this.port = undefined;
    Timer.clear(this.retry);
    port?.close();
  }

  private onWritable(): void {
    this.busy = false;
    if (this.queued > 0) this.flush();
    this.options.onWritable?.call(this, ROOM - this.queued);
  }

  private flush(): void {
    const bytes = this.queue.slice(0, this.queued);
    this.queued = 0;
    this.busy = true;
    try {
      this.port?.write(bytes.buffer);
    } catch {
      // The same.
    }
  }
}

/** A record for the port at `device`: the channel constructs it with the record's members and its callbacks. */
export function serialRecord(device: string, baud: number | string): SerialRecord {
  class ConfiguredSerial extends LinuxSerial {
    constructor(options: Omit<LinuxSerialOptions, "device">) {
      super({ ...options, device });
    }
  }
  return { io: ConfiguredSerial, baud: Number(baud) };
}
