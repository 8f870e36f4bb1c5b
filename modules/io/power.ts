/** The module's control lines as a board wires them. A line that is not wired is left out. */
export interface Power {
  /** Pulls PWRKEY low (`true`) or lets it go (`false`). */
  powerKey?(asserted: boolean): void;
  /** Pulls RESET_N low (`true`) or lets it go (`false`). */
  reset?(asserted: boolean): void;
  /** STATUS: the module is powered and running. */
  status?(): boolean;
}
