import type { Credentials } from "../../modules/io/credentials.js";
import type { SocketOptions, StreamSocket } from "../../modules/io/socket.js";
import type { Cellular } from "./interface.js";
import { NamePassing } from "./name-passing.js";
import { TCP } from "./tcp.js";
import type { SecureOptions } from "./tls.js";

/** A TLS socket of a module: beside ECMA-419's options it takes the modem and what to trust. */
export type ModuleTlsSocket = new (
  options: SocketOptions & { readonly modem?: Cellular; readonly secure?: SecureOptions },
) => StreamSocket;

/**
 * A record for `device.network`: `{...record, host}` and the like construct clients whose connections
 * are the module's TCP.
 */
export function tcpRecord(modem: Cellular) {
  return { dns: { io: NamePassing, modem }, socket: { io: TCP, modem } };
}

/** The same over the module's own TLS. `io`: its class for this module. */
export function moduleTlsRecord(
  modem: Cellular,
  io: ModuleTlsSocket,
  credentials: Credentials,
  secure?: SecureOptions,
) {
  return {
    dns: { io: NamePassing, modem },
    socket: { io, modem, secure: { credentials, ...secure } },
  };
}
