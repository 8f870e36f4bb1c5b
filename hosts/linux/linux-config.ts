import type { FirmwareConfig } from "../firmware/config.js";
import type { SdkConfig } from "../moddable/sdk-config.js";

/** `config` of the manifest for Linux. `mcconfig` replaces members by arguments, as texts: `device=/dev/ttyUSB0 baud=9600`. */
export interface LinuxConfig extends FirmwareConfig, SdkConfig {
  /** Path of the port that the module is on. */
  readonly device: string;
  readonly baud: number | string;
  /** The folder that the SDK's files are in: where the kernel tells random numbers. */
  readonly files: "/proc/sys/kernel/random";
}
