import { X509Certificate } from "node:crypto";

/** The common name of a certificate's subject, as a client identifier; `undefined`: it has none of use. */
export function commonNameOf(certificate: Uint8Array): string | undefined {
  const name = /^CN=(.+)$/m.exec(new X509Certificate(certificate).subject)?.[1];
  // MQTT 3.1.1 asks for no more; brokers take any printable text.
  return name !== undefined && name.length <= 64 ? name : undefined;
}
