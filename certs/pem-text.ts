import { BytesCredential } from "../modules/pki/bytes.js";
import { PemStream, type PemLabel } from "../modules/pki/pem.js";

/** PEM text of DER: 64 columns, LF. */
export function toPem(der: Uint8Array, label: PemLabel): string {
  const stream = new PemStream(new BytesCredential(der), label);
  const text = Buffer.alloc(stream.byteLength);
  stream.read(text);
  return text.toString("latin1");
}
