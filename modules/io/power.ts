/** The module's control lines as a board wires them. A line that is not wired is left out. */
export interface Power {
  /** Pulls PWRKEY low (`true`) or lets it go (`false`). */
  powerKey?(asserted: boolean): void;
  /** Pulls RESET_N low (`true`) or lets it go (`false`). */
  reset?(asserted: boolean): void;
  /**
   * Wakes a module that sleeps deeply (`true`, let go with `false`): PSM_EINT of a BC66 low, which
   * acts on its falling edge; PON_TRIG of a BG95 high.
   */
  wake?(asserted: boolean): void;
  /** STATUS: the module is powered and running. VDD_EXT where there is no such line. */
  status?(): boolean;
}
