import Serial from "embedded:io/serial";
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

/**
 * A serial port of Linux with the surface that the AT channel wants. The SDK's class takes an
 * ArrayBuffer only, refuses a write while an earlier one is on its way, and does not read into a view;
 * after its device has gone, any call but `close` would end the process.
 */
export class LinuxSerial implements SerialPort {
  readonly receiveHeadroom = HEADROOM;
  private readonly options: LinuxSerialOptions;
  private port: NativeSerial | undefined;
  /** A write is on its way: what comes now waits in `queue`. */
  private busy = true;
  private readonly queue = new Uint8Array(ROOM);
  private queued = 0;

  constructor(options: LinuxSerialOptions) {
    this.options = options;
    this.port = new Native({
      device: options.device,
      baud: options.baud ?? 115_200,
      onReadable: count => options.onReadable?.call(this, count),
      onWritable: () => this.onWritable(),
      onError: () => {
        this.port = undefined;
        report("serial", options.device, "gone");
      },
    });
  }

  read(view: Uint8Array): number | undefined {
    const bytes = this.port?.read(view.length);
    if (bytes === undefined) return undefined;
    view.set(new Uint8Array(bytes));
    return bytes.byteLength;
  }

  write(bytes: ArrayBuffer | Uint8Array): void {
    if (this.queued + bytes.byteLength > ROOM) throw new Error("output full");
    this.queue.set(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes), this.queued);
    this.queued += bytes.byteLength;
    if (!this.busy) this.flush();
  }

  close(): void {
    const port = this.port;
    this.port = undefined;
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
    this.port?.write(bytes.buffer);
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
