/**
 * The serial port that the AT channel is given: the surface of Moddable's `embedded:io/serial`
 * (ESP32), narrowed to what the channel uses.
 */

/** Options that the channel adds when it constructs the port; `baud`, pins and so on stand in the record. */
export interface SerialCallbacks {
  /** `count` bytes lie in the receive buffer. Comes again after a read while bytes remain. */
  onReadable?: (this: SerialPort, count: number) => void;
  /** `count` bytes fit into the transmit buffer now. Comes first right after construction. */
  onWritable?: (this: SerialPort, count: number) => void;
  /** Received bytes were lost (buffered serial class only; the stock ESP32 class never tells). */
  onError?: (this: SerialPort) => void;
}

/** An open serial port. Nothing blocks. */
export interface SerialPort {
  /** Fills `view` with what has arrived, at most its length; returns the number of bytes, `undefined` when none. */
  read(view: Uint8Array): number | undefined;
  /** Throws when the bytes do not fit into the room that the last `onWritable` announced, less what was written since. */
  write(bytes: ArrayBuffer | Uint8Array): void;
  close(): void;
  /**
   * Bytes of one burst that the receive side takes while the engine is busy. Absent on the stock
   * ESP32 class, which works on the 128-byte FIFO without flow control.
   */
  readonly receiveHeadroom?: number;
}

/** A record that constructs a serial port, as `device.Serial.default` is on a device: `new record.io({...record, ...callbacks})`. */
export interface SerialRecord {
  readonly io: new (options: SerialCallbacks & { readonly baud?: number }) => SerialPort;
  readonly baud?: number;
}
