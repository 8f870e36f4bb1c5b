import type { FirmwareConfig } from "../firmware/config.js";
import type { SdkConfig } from "../moddable/sdk-config.js";

/** The port that the module is on. `mcconfig` replaces members by arguments, as texts: `device=/dev/ttyUSB0 baud=9600`. */
export interface PortConfig extends SdkConfig {
  /** Path of the port. */
  readonly device: string;
  readonly baud: number | string;
  /** The folder that the SDK's files are in: where the kernel tells random numbers. */
  readonly files: "/proc/sys/kernel/random";
}

/** `config` of the manifest for Linux. */
export interface LinuxConfig extends FirmwareConfig, PortConfig {}
