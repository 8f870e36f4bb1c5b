import type { TlsFacts, TlsLimits } from "../quectel/profile.js";

/** What the BG95's own TLS can do, for who judges it before it is tried (`tlsObstacle`). */
export const bg95TlsLimits: Pick<TlsFacts, "tls"> = Object.freeze({
  tls: Object.freeze<TlsLimits>({
    // Test command of a BG95-M3. RC4, 3DES and static ECDH, which no broker takes any more, are left out.
    suites: Object.freeze([
      0x002f, 0x0035, 0x003d, 0xc009, 0xc00a, 0xc013, 0xc014, 0xc023, 0xc024, 0xc027, 0xc028, 0xc02b, 0xc02f,
    ]),
    clientKeys: Object.freeze<TlsLimits["clientKeys"]>(["rsa", "p256"]),
    keepsFiles: true,
  }),
});
