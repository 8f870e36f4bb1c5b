/** A suite of the module's TLS: its code and OpenSSL's name; none where it cannot be simulated. */
export interface ModuleSuite {
  readonly code: string;
  readonly name: string;
  readonly openssl?: string;
}

/**
 * SSL Application Note V1.0, in its order. Neither elliptic curves nor GCM nor TLS 1.3. 3DES is not in
 * Node's OpenSSL; a PSK suite needs a key that no command of this module sets.
 */
export const bc66Suites: readonly ModuleSuite[] = [
  { code: "0x003D", name: "RSA-AES256-CBC-SHA256", openssl: "AES256-SHA256" },
  { code: "0x0035", name: "RSA-AES256-CBC-SHA", openssl: "AES256-SHA" },
  { code: "0x003C", name: "RSA-AES128-CBC-SHA256", openssl: "AES128-SHA256" },
  { code: "0x002F", name: "RSA-AES128-CBC-SHA", openssl: "AES128-SHA" },
  { code: "0x000A", name: "RSA-3DES-CBC-SHA" },
  { code: "0x00AF", name: "PSK-AES256-CBC-SHA384" },
  { code: "0x008D", name: "PSK-AES256-CBC-SHA" },
  { code: "0x00AE", name: "PSK-AES128-CBC-SHA256" },
  { code: "0x008C", name: "PSK-AES128-CBC-SHA" },
  { code: "0x008B", name: "PSK-3DES-CBC-SHA" },
];

/** OpenSSL's names in the order of the ClientHello. */
export const offeredSuites: readonly string[] = bc66Suites.flatMap(({ openssl }) =>
  openssl === undefined ? [] : [openssl],
);

/** A server that takes nothing but these is refused here and not by the real module. */
export const suitesNotSimulated: readonly ModuleSuite[] = bc66Suites.filter(
  suite => suite.openssl === undefined,
);
