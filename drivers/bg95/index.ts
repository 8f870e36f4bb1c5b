/** What an application with a BG95 imports. */
export * from "../quectel/index.js";
export { moduleStore } from "../quectel/module-store.js";
export { networkRecords } from "../quectel/records.js";
export { TLSSocket, type SecureOptions } from "../quectel/tls.js";
export { bg95 } from "./profile.js";
