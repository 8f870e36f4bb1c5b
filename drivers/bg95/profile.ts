import { closeTls } from "../quectel/commands/ssl-close.js";
import type { Profile } from "../quectel/profile.js";
import { bg95Core } from "./core.js";
import { bg95Tcp, closeTcp } from "./tcp.js";

/** The BG95 as data, with its sockets. */
export const bg95: Profile = Object.freeze<Profile>({
  ...bg95Core,
  tcp: bg95Tcp,
  closes: Object.freeze([closeTcp, closeTls]),
});
