/** What an application imports, whichever module it drives. */
export { Cellular, Connection, type CellularOptions, type ConnectionValue } from "./interface.js";
export { Modem } from "./modem.js";
export type { ModemOptions, ModemState } from "./modem-options.js";
export { NamePassing } from "./name-passing.js";
export type { Profile } from "./profile.js";
export { Resolver } from "./resolver.js";
export { TCP } from "./tcp.js";
