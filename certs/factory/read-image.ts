import type { CredentialRole } from "../../modules/io/credentials.js";
import { SecureCert } from "../../modules/pki/secure-cert.js";

/** Objects of an image of `esp_secure_cert`, DER, keys in PKCS#8: what the device will find in it. */
export function readImage(image: Uint8Array): { readonly [Role in CredentialRole]?: Uint8Array } {
  const cert = new SecureCert(image);
  const found: { [Role in CredentialRole]?: Uint8Array } = {};
  for (const role of ["ca", "certificate", "key"] as const) {
    const stored = cert.open(role);
    if (stored === undefined) continue;
    const bytes = new Uint8Array(stored.byteLength);
    for (let at = 0; at < bytes.length;) {
      const count = stored.read(bytes.subarray(at), at);
      if (count === 0) break;
      at += count;
    }
    found[role] = bytes;
  }
  return found;
}
