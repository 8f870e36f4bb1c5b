import type { TlsFacts, TlsLimits } from "../quectel/profile.js";

/** What the BC66's own TLS has. */
export const bc66Tls: TlsFacts = Object.freeze<TlsFacts>({
  // SSL note: of contexts 1 to 3 only the first works.
  tlsContexts: 1,
  tls: Object.freeze<TlsLimits>({
    // SSL note: static RSA with CBC; PSK and 3DES, which no broker takes, are left out.
    suites: Object.freeze([0x003d, 0x0035, 0x003c, 0x002f]),
    // No EC key is among the formats that its firmware names.
    clientKeys: Object.freeze<TlsLimits["clientKeys"]>(["rsa"]),
    // Buffer of one item in the vendor's own sources for this chip.
    credentialMax: 3_072,
  }),
  // No file system: nothing is uploaded to files.
  uploadTimeoutS: 0,
});
