/** What the application is configured with: the `config` of its manifest, or the command line of the simulation. */
export interface FirmwareConfig {
  readonly module: "bg95";
  readonly route: "module-tls";
}
