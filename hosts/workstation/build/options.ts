/** What a build runs on. */
export type BuildTarget = "esp32" | "lin";

export const TARGETS: readonly BuildTarget[] = ["esp32", "lin"];

/** What a firmware can contain: manifests of `hosts/firmware/products`. */
export const PRODUCTS = [
  "everything",
  "bg95-module-tls",
  "bg95-host-tls",
  "bg95-module-mqtt",
  "bc66-module-tls",
  "bc66-host-tls",
  "bc66-module-mqtt",
] as const;
export type ProductName = (typeof PRODUCTS)[number];

/** `release` is what a device is shipped with; the others have Moddable's debugger or its instruments. */
export type BuildKind = "release" | "debug" | "instrumented";

export interface BuildOptions {
  readonly target: BuildTarget;
  /** Absent: as the manifest says. */
  readonly product: ProductName | undefined;
  /** A board of `hosts/esp32/boards` by name, instead of the manifest's board and wiring. */
  readonly board: string | undefined;
  /** Path of the application's manifest. */
  readonly manifest: string;
  /** Folder of the build: one for each target and kind, below what was given. */
  readonly folder: string;
  readonly kind: BuildKind;
  /** Write the last build to the device, and build nothing. */
  readonly deploy: boolean;
  /** Serial port of the device. */
  readonly port: string | undefined;
  readonly dryRun: boolean;
  /** `key=value`: members of the configuration, replaced. */
  readonly settings: readonly string[];
}
