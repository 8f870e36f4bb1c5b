/** What an application imports: the network interface, its socket classes, and the modules as data. */
export { bc66 } from "./bc66/profile.js";
export { bg95 } from "./bg95/profile.js";
export { Cellular, Connection, type CellularOptions, type ConnectionValue } from "./quectel/interface.js";
export { Modem } from "./quectel/modem.js";
export type { ModemOptions, ModemState } from "./quectel/modem-options.js";
export type { Profile } from "./quectel/profile.js";
export { NamePassing } from "./quectel/name-passing.js";
export { networkRecords } from "./quectel/records.js";
export { Resolver } from "./quectel/resolver.js";
export { TCP } from "./quectel/tcp.js";
export { TLSSocket, type SecureOptions } from "./quectel/tls.js";
