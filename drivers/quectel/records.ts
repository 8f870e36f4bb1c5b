import type { Credentials } from "../../modules/io/credentials.js";
import type { Cellular } from "./interface.js";
import { NamePassing } from "./name-passing.js";
import { TCP } from "./tcp.js";
import { TLSSocket, type SecureOptions } from "./tls.js";

/**
 * Records for `device.network`: `{...records.tls, host}` and the like construct clients that run
 * over this interface, with TLS by a BG95. The TLS record takes its credentials from the device's
 * store. A function of its own, so that who has another TLS does not carry the module's.
 */
export function networkRecords(modem: Cellular, credentials: Credentials, secure?: SecureOptions) {
  const dns = { io: NamePassing, modem };
  return {
    tcp: { dns, socket: { io: TCP, modem } },
    tls: { dns, socket: { io: TLSSocket, modem, secure: { credentials, ...secure } } },
  };
}
