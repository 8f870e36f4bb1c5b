import type { FullProfile } from "../quectel/profile.js";
import { ModuleFile } from "../quectel/module-store.js";
import { bg95Core } from "./core.js";
import { bg95Sockets } from "./tcp.js";
import { bg95Tls } from "./tls.js";
import { bg95TlsLimits } from "./tls-limits.js";

/** The BG95 as data, all of it. */
export const bg95: FullProfile = Object.freeze({
  ...bg95Core,
  ...bg95Sockets,
  ...bg95Tls,
  ...bg95TlsLimits,
  CredentialFile: ModuleFile,
});
