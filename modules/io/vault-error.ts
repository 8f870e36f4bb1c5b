import type { Failure } from "../diagnosis/failure.js";

/**
 * The vault was asked for what it cannot do; `report` is a failure of the kind `storage`, `limit` or
 * `argument`, its `detail` one word for the reason.
 */
export class VaultError extends Error {
  readonly report: Failure;

  constructor(report: Failure) {
    super("vault: " + (report.detail ?? ""));
    this.report = report;
  }
}
