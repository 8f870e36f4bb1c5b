import { socketErrors } from "../modem/socket-errors.js";
import type { OpenFailure } from "../modem/socket-table.js";
import type { Bg95Settings } from "./settings.js";

/** Result code of +QIOPEN and +QSSLOPEN: a BG95 tells no causes of a failed handshake apart. */
export function openCode(failure: OpenFailure | undefined, settings: Bg95Settings): number {
  switch (failure?.kind) {
    case undefined:
      return socketErrors.success;
    case "name":
      return socketErrors.dnsFailed;
    case "connection":
      return settings.connectFailureCode;
    case "setup":
    case "limit":
    case "handshake":
      return settings.tlsFailureCode;
  }
}
