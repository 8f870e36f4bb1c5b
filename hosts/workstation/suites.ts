/** Cipher suites by number, with OpenSSL's name: what the modules, the SDK's TLS and today's brokers use. */
const NAMES: Readonly<Record<number, string>> = {
  0x002f: "AES128-SHA",
  0x0035: "AES256-SHA",
  0x003c: "AES128-SHA256",
  0x003d: "AES256-SHA256",
  0x0067: "DHE-RSA-AES128-SHA256",
  0x006b: "DHE-RSA-AES256-SHA256",
  0x009c: "AES128-GCM-SHA256",
  0x009d: "AES256-GCM-SHA384",
  0x009e: "DHE-RSA-AES128-GCM-SHA256",
  0x009f: "DHE-RSA-AES256-GCM-SHA384",
  0x1301: "TLS_AES_128_GCM_SHA256",
  0x1302: "TLS_AES_256_GCM_SHA384",
  0x1303: "TLS_CHACHA20_POLY1305_SHA256",
  0xc009: "ECDHE-ECDSA-AES128-SHA",
  0xc00a: "ECDHE-ECDSA-AES256-SHA",
  0xc013: "ECDHE-RSA-AES128-SHA",
  0xc014: "ECDHE-RSA-AES256-SHA",
  0xc023: "ECDHE-ECDSA-AES128-SHA256",
  0xc024: "ECDHE-ECDSA-AES256-SHA384",
  0xc027: "ECDHE-RSA-AES128-SHA256",
  0xc028: "ECDHE-RSA-AES256-SHA384",
  0xc02b: "ECDHE-ECDSA-AES128-GCM-SHA256",
  0xc02c: "ECDHE-ECDSA-AES256-GCM-SHA384",
  0xc02f: "ECDHE-RSA-AES128-GCM-SHA256",
  0xc030: "ECDHE-RSA-AES256-GCM-SHA384",
  0xcca8: "ECDHE-RSA-CHACHA20-POLY1305",
  0xcca9: "ECDHE-ECDSA-CHACHA20-POLY1305",
};

/** OpenSSL's name of a suite, or its number in hexadecimal. */
export function suiteName(number: number): string {
  return NAMES[number] ?? `0x${number.toString(16).padStart(4, "0").toUpperCase()}`;
}

/** The number of a suite that is written as OpenSSL's name or in hexadecimal (`C02F`, `0xC02F`); `undefined` when it is neither. */
export function suiteNumber(text: string): number | undefined {
  const named = Object.entries(NAMES).find(([, name]) => name === text.toUpperCase());
  if (named !== undefined) return Number(named[0]);
  return /^(0x)?[0-9a-f]{4}$/i.test(text) ? Number.parseInt(text.replace(/^0x/i, ""), 16) : undefined;
}

/** Names that OpenSSL here knows, joined as its cipher lists are. */
export function opensslList(numbers: readonly number[]): string {
  return numbers.flatMap(number => NAMES[number] ?? []).join(":");
}
