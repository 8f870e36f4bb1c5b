import type { SerialCallbacks, SerialPort } from "../../../modules/io/serial.js";

/**
 * Options of {@link BufferedSerial}. Those of the stock class (`embedded:io/serial`, SDK 8.2.3) have
 * its names and meaning; an option that is `undefined` is absent.
 */
export interface BufferedSerialOptions extends SerialCallbacks {
  /** Pins. At least one of these two. */
  readonly transmit?: number;
  readonly receive?: number;
  /**
   * The chip's UART, 0 when absent. A build for the debugger, or with instrumentation, has UART 0 for
   * itself, and the port is refused as in use; in a release build it is free, pins and all.
   */
  readonly port?: number;
  /** 1 to 20,000,000; the chip does 5,000,000 at most. 8 bits, no parity, one stop bit. */
  readonly baud: number;
  /** Pin that asks the other side to pause while the receive side is full (its CTS). */
  readonly rts?: number;
  /** Pin by which the other side asks this one to pause (its RTS). Sending stops; `write` takes what it has room for. */
  readonly cts?: number;
  /** With `rts`: bytes in the 128-byte FIFO at which it is taken back; 96 when absent, 1 to 127. */
  readonly threshold?: number;
  readonly format?: "buffer" | "number";
  readonly target?: unknown;
}

/**
 * The buffered serial class of the ESP32 (`buffered-serial.c`): `embedded:io/serial` on the driver of
 * ESP-IDF, with 4,096 bytes behind the FIFO. Not seen by hardware yet.
 *
 * The module is `hosts/esp32/serial/buffered-serial`; its manifest is beside it.
 *
 * - Nothing blocks. The constructor throws before it touches anything when an option is bad: `in use`
 *   (a pin that is taken, or named twice), `invalid` (no pin), `invalid port`, `invalid baud`, `invalid threshold`,
 *   `invalid format`, `port in use`; and with everything given back `no memory` and `uart failed` (what
 *   the driver refuses, such as an output on a pin that has none).
 * - Callbacks come in turns of their own, one message for all that has happened: `onError`, then
 *   `onReadable`, then `onWritable`. None comes after `close`. An exception that leaves one ends the
 *   program, as with the stock class.
 * - `onReadable(count)` comes when 64 bytes have arrived or the line has been idle for 4 characters,
 *   and again after a read while bytes remain.
 * - `onWritable(count)` comes first right after construction, with 1,024, and whenever there is more
 *   room than the program knows of.
 * - `onError` tells that received bytes were lost: ring and FIFO were full. The stream goes on behind the
 *   gap; losses until the next turn are told once. Breaks and frame errors are not told: such bytes
 *   arrive as they were sampled.
 * - `close` drops what was not sent, gives the pins back, and frees about 10 KB outside of the
 *   JavaScript heap, a task of 2 KB among it.
 *
 * Flash and sleep: while flash is erased or written the chip serves no interrupt whose code lies there,
 * and the FIFO overflows after 11 ms at 115,200 baud, while erasing a sector takes 45 ms and more. With
 * `CONFIG_UART_ISR_IN_IRAM=y` in the build's sdkconfig this class receives meanwhile; with `rts` the
 * other side waits. The class keeps the chip from no sleep: what arrives in light sleep is lost (Moddable's
 * builds do not enter it by themselves), and after deep sleep the program begins anew.
 */
export default class BufferedSerial implements SerialPort {
  constructor(options: BufferedSerialOptions);
  /** Bytes of one burst that are kept while the machine is busy: 4,096. */
  readonly receiveHeadroom: number;
  format: "buffer" | "number";
  readonly target?: unknown;
  /**
   * In format `buffer`: fills `view` and returns the number of bytes; or returns at most `count` bytes,
   * or all. In `number`: one byte. `undefined` when there is none; throws `invalid` for a count
   * below 1.
   */
  read(view: Uint8Array | ArrayBuffer | DataView): number | undefined;
  read(count?: number): ArrayBuffer | number | undefined;
  /** A buffer, or in format `number` one byte. Throws `output full`, and takes nothing, when it does not fit. */
  write(bytes: ArrayBuffer | Uint8Array | number): void;
  close(): void;
}
