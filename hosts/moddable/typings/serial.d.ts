/**
 * `embedded:io/serial` as the SDK's code is (8.2.3), on the ESP32 and on Linux: @moddable/typings 5.6
 * requires pins for flow control, `flush` and `set`, which no ESP32 code has, and knows no `device`.
 */
declare module "embedded:io/serial" {
  export interface SerialOptions {
    /** ESP32: UART number; 0 usually carries the debugger. */
    readonly port?: number;
    readonly receive?: number;
    readonly transmit?: number;
    /** Linux: path of the port, in place of pins. */
    readonly device?: string;
    readonly baud?: number;
    onReadable?: (this: Serial, count: number) => void;
    onWritable?: (this: Serial, count: number) => void;
    /** Linux: the device is gone. The class closes itself after the call. */
    onError?: (this: Serial) => void;
  }

  class Serial {
    constructor(options: SerialOptions);
    /** ESP32 only. */
    read(view: Uint8Array): number | undefined;
    read(count?: number): ArrayBuffer | undefined;
    /** Linux takes nothing but an ArrayBuffer. */
    write(bytes: ArrayBuffer | Uint8Array): void;
    close(): void;
  }

  export default Serial;
}
