import type { FirmwareConfig } from "../firmware/config.js";
import type { SdkConfig } from "../moddable/sdk-config.js";

/** Wiring of the modem board. A line that is left out is not wired. */
export interface Wiring {
  readonly uart: {
    readonly port: number;
    readonly receive: number;
    readonly transmit: number;
    readonly baud: number;
  };
  readonly powerKey?: number;
  readonly reset?: number;
  readonly status?: number;
  /** PSM_EINT of a BC66. */
  readonly wake?: number;
}

/** `config` of the device's manifest. */
export interface DeviceConfig extends FirmwareConfig, SdkConfig {
  readonly wiring: Wiring;
}
