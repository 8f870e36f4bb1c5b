import type { Bg95Settings } from "./settings.js";

/** A suite of AT+QSSLCFG="ciphersuite": its code and OpenSSL's name; none where Node's OpenSSL lacks it. */
export interface ModuleSuite {
  readonly code: string;
  readonly name: string;
  readonly openssl?: string;
}

/** In the order of the test command's answer of a BG95-M3. */
export const moduleSuites: readonly ModuleSuite[] = [
  { code: "0X0035", name: "RSA-AES256-CBC-SHA", openssl: "AES256-SHA" },
  { code: "0X002F", name: "RSA-AES128-CBC-SHA", openssl: "AES128-SHA" },
  { code: "0X0005", name: "RSA-RC4-SHA" },
  { code: "0X0004", name: "RSA-RC4-MD5" },
  { code: "0X000A", name: "RSA-3DES-SHA" },
  { code: "0X003D", name: "RSA-AES256-CBC-SHA256", openssl: "AES256-SHA256" },
  { code: "0XC002", name: "ECDH-ECDSA-RC4-SHA" },
  { code: "0XC003", name: "ECDH-ECDSA-3DES-SHA" },
  { code: "0XC004", name: "ECDH-ECDSA-AES128-CBC-SHA" },
  { code: "0XC005", name: "ECDH-ECDSA-AES256-CBC-SHA" },
  { code: "0XC007", name: "ECDHE-ECDSA-RC4-SHA" },
  { code: "0XC008", name: "ECDHE-ECDSA-3DES-SHA" },
  { code: "0XC009", name: "ECDHE-ECDSA-AES128-CBC-SHA", openssl: "ECDHE-ECDSA-AES128-SHA" },
  { code: "0XC00A", name: "ECDHE-ECDSA-AES256-CBC-SHA", openssl: "ECDHE-ECDSA-AES256-SHA" },
  { code: "0XC011", name: "ECDHE-RSA-RC4-SHA" },
  { code: "0XC012", name: "ECDHE-RSA-3DES-SHA" },
  { code: "0XC013", name: "ECDHE-RSA-AES128-CBC-SHA", openssl: "ECDHE-RSA-AES128-SHA" },
  { code: "0XC014", name: "ECDHE-RSA-AES256-CBC-SHA", openssl: "ECDHE-RSA-AES256-SHA" },
  { code: "0XC00C", name: "ECDH-RSA-RC4-SHA" },
  { code: "0XC00D", name: "ECDH-RSA-3DES-SHA" },
  { code: "0XC00E", name: "ECDH-RSA-AES128-CBC-SHA" },
  { code: "0XC00F", name: "ECDH-RSA-AES256-CBC-SHA" },
  { code: "0XC023", name: "ECDHE-ECDSA-AES128-CBC-SHA256", openssl: "ECDHE-ECDSA-AES128-SHA256" },
  { code: "0XC024", name: "ECDHE-ECDSA-AES256-CBC-SHA384", openssl: "ECDHE-ECDSA-AES256-SHA384" },
  { code: "0XC025", name: "ECDH-ECDSA-AES128-CBC-SHA256" },
  { code: "0XC026", name: "ECDH-ECDSA-AES256-CBC-SHA384" },
  { code: "0XC027", name: "ECDHE-RSA-AES128-CBC-SHA256", openssl: "ECDHE-RSA-AES128-SHA256" },
  { code: "0XC028", name: "ECDHE-RSA-AES256-CBC-SHA384", openssl: "ECDHE-RSA-AES256-SHA384" },
  { code: "0XC029", name: "ECDH-RSA-AES128-CBC-SHA256" },
  { code: "0XC02A", name: "ECDH-RSA-AES256-CBC-SHA384" },
  { code: "0XC02B", name: "ECDHE-ECDSA-AES128-GCM-SHA256", openssl: "ECDHE-ECDSA-AES128-GCM-SHA256" },
  { code: "0XC02F", name: "ECDHE-RSA-AES128-GCM-SHA256", openssl: "ECDHE-RSA-AES128-GCM-SHA256" },
];

export const allSuites = "0XFFFF";

/** Suites that the module knows and Node's OpenSSL does not: a handshake that needs one fails here. */
export const suitesNotSimulated: readonly ModuleSuite[] = moduleSuites.filter(
  suite => suite.openssl === undefined,
);

export function isSuiteCode(code: string): boolean {
  return code === allSuites || moduleSuites.some(suite => suite.code === code);
}

/** OpenSSL names for the setting, in the order of the ClientHello; empty when none can be simulated. */
export function opensslSuites(code: string, order: Bg95Settings["suiteOrder"]): readonly string[] {
  const known = moduleSuites.filter(suite => code === allSuites || suite.code === code);
  const names = known.flatMap(suite => (suite.openssl === undefined ? [] : [suite.openssl]));
  if (order === "manual") return names;
  return names.sort((left, right) => strength(right) - strength(left));
}

function strength(name: string): number {
  return (
    (name.includes("GCM") ? 8 : 0) + (name.startsWith("ECDHE") ? 4 : 0) + (/SHA(256|384)$/.test(name) ? 2 : 0)
  );
}
