/** What an application with a BC66 imports. */
export * from "../quectel/index.js";
export { bc66 } from "./profile.js";
export { Bc66TLSSocket } from "./tls.js";
