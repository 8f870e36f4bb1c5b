import type { TlsFacts } from "../quectel/profile.js";

/** What the driver has to know of the BG95's own TLS. */
export const bg95Tls: Omit<TlsFacts, "tls"> = Object.freeze({
  // SSL manual: contexts 0 to 5.
  tlsContexts: 6,
  // FILE manual: the default.
  uploadTimeoutS: 5,
});
