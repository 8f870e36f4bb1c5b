/**
 * `embedded:io/serial` as the ESP32's code is (SDK 8.2): @moddable/typings 5.6 requires pins for
 * flow control, `flush` and `set`, which no ESP32 code has.
 */
declare module "embedded:io/serial" {
  export interface SerialOptions {
    /** UART number; 0 usually carries the debugger. */
    readonly port?: number;
    readonly receive?: number;
    readonly transmit?: number;
    readonly baud?: number;
    readonly format?: "buffer" | "number";
    onReadable?: (this: Serial, count: number) => void;
    onWritable?: (this: Serial, count: number) => void;
    onError?: (this: Serial) => void;
  }

  class Serial {
    constructor(options: SerialOptions);
    read(view: Uint8Array): number | undefined;
    write(bytes: ArrayBuffer | Uint8Array): void;
    close(): void;
  }

  export default Serial;
}
