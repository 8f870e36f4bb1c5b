import type { Credential, CredentialRole } from "../../modules/io/credentials.js";
import type { Envelope } from "../../modules/pki/envelope.js";
import { PemStream } from "../../modules/pki/pem.js";

/** Tells contents apart, four bytes a step (FNV-1a over words); it is no protection. Empty: bytes are missing. */
export function fingerprint(credential: Credential): string {
  const bytes = new Uint8Array(256);
  const words = new Uint32Array(bytes.buffer);
  const size = credential.byteLength;
  let hash = size;
  for (let offset = 0; offset < size; offset += bytes.length) {
    const count = credential.read(bytes, offset);
    if (count < Math.min(bytes.length, size - offset)) return "";
    bytes.fill(0, count);
    for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ (words[i] ?? 0), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/** The credential as the text that modules take; with CR LF at the end of each line where that is asked for. */
export function pemOf(
  credential: Credential,
  role: CredentialRole,
  { rsaOffset, rsaLength }: Envelope,
  lineEnd: "\n" | "\r\n" = "\n",
): PemStream {
  // Every working log of these modules shows the older form for RSA keys.
  return rsaOffset > 0
    ? new PemStream(credential, "RSA PRIVATE KEY", rsaOffset, rsaOffset + rsaLength, lineEnd)
    : new PemStream(
        credential,
        role === "key" ? "PRIVATE KEY" : "CERTIFICATE",
        0,
        credential.byteLength,
        lineEnd,
      );
}
