/** Modules that the host brings, in the shapes and under the names of the Moddable SDK where it has them. */

declare module "mc/config" {
  /** The firmware's configuration, and the board's: the port's rate, 115200 by default. */
  const config: import("../../hosts/firmware/config.js").FirmwareConfig & { readonly baud?: number };
  export default config;
}

declare module "embedded:io/serial" {
  const Serial: import("../../modules/io/serial.js").SerialRecord["io"];
  export default Serial;
}

declare module "embedded:storage/flash" {
  const storage: {
    open(options: { path: string; mode?: "r" | "r+" }): import("../../modules/io/flash.js").FlashPartition;
  };
  export default storage;
}

declare module "flash" {
  /** A partition by its label. */
  class Flash {
    constructor(label: string);
    readonly byteLength: number;
    readonly blockSize: number;
    erase(sector: number): void;
    read(offset: number, byteLength: number): ArrayBuffer;
    write(offset: number, byteLength: number, buffer: ArrayBuffer | Uint8Array): void;
    /** The partition in place, read-only: no copy in the JavaScript heap. */
    map(): ArrayBuffer;
  }
  export default Flash;
}

declare module "Resource" {
  /** Read-only memory of the host: no copy in the JavaScript heap. */
  interface Resource extends ArrayBuffer {
    readonly byteLength: number;
    slice(begin?: number, end?: number, copy?: boolean): ArrayBuffer;
  }
  const Resource: {
    new (name: string): Resource;
    exists(name: string): boolean;
  };
  export default Resource;
}

declare module "timer" {
  const Timer: import("../../modules/io/timer.js").Timer<object>;
  export default Timer;
}

declare module "time" {
  const Time: Omit<import("../../modules/io/timer.js").Clock, "now">;
  export default Time;
}

declare module "power" {
  const power: import("../../modules/io/power.js").Power;
  export default power;
}

declare module "restart" {
  /** What ends the run, or keeps it from ending. */
  const Restart: {
    sleep(ms: number): never;
    now(): never;
    feed(timeoutMs: number): void;
  };
  export default Restart;
}

declare module "report" {
  const report: import("../../hosts/firmware/host.js").Host["report"];
  export default report;
}

declare module "services" {
  const services: import("./service-types.js").Services;
  export default services;
}

declare module "tls" {
  const TlsEngine: import("../../modules/tls/engine.js").TlsEngineRecord["io"];
  export default TlsEngine;
}

declare module "signer" {
  const sign: import("../../hosts/firmware/host.js").Signer["sign"];
  export default sign;
}

declare module "keys" {
  /** Keys go packed, see `packKey`; undefined: it failed. */
  const Keys: {
    generate(): ArrayBuffer | undefined;
    open(bytes: Uint8Array): ArrayBuffer | undefined;
    sign(pkcs8: Uint8Array, bytes: Uint8Array): ArrayBuffer | undefined;
  };
  export default Keys;
}

declare module "messages" {
  const listen: import("./host.js").SimulationHost["listen"];
  export default listen;
}
