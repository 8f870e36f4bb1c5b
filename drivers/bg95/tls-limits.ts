import type { TlsFacts, TlsLimits } from "../quectel/profile.js";

/** What the BG95's own TLS has, and its files. */
export const bg95Tls: TlsFacts = Object.freeze<TlsFacts>({
  // SSL manual: contexts 0 to 5.
  tlsContexts: 6,
  tls: Object.freeze<TlsLimits>({
    // Test command of a BG95-M3. RC4, 3DES and static ECDH, which no broker takes any more, are left out.
    suites: Object.freeze([
      0x002f, 0x0035, 0x003d, 0xc009, 0xc00a, 0xc013, 0xc014, 0xc023, 0xc024, 0xc027, 0xc028, 0xc02b, 0xc02f,
    ]),
    clientKeys: Object.freeze<TlsLimits["clientKeys"]>(["rsa", "p256"]),
  }),
  // FILE manual: the default.
  uploadTimeoutS: 5,
});
