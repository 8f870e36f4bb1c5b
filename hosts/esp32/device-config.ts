import type { FirmwareConfig } from "../firmware/config.js";
import type { SdkConfig } from "../moddable/sdk-config.js";
import type { WiringChoice } from "./wiring.js";

/** `config` of the device's manifest. */
export interface DeviceConfig extends FirmwareConfig, SdkConfig, Omit<WiringChoice, "module"> {
  /**
   * The serial class: `buffered` (default), on the platform's UART driver, or the SDK's `stock` one, on
   * the UART's FIFO of 128 bytes.
   */
  readonly serial?: "buffered" | "stock";
  /** What was built, as the factory is told. */
  readonly version?: string;
  /** Seconds until a device that does not get on restarts; 0: never. Default 120. */
  readonly watchdogS?: number;
}
