import type { Profile } from "../quectel/profile.js";
import { closeTcp } from "./commands-tcp.js";
import { bc66Core } from "./core.js";
import { bc66Tcp, sendReport } from "./tcp.js";

/** The BC66 as data, with its TCP sockets. */
export const bc66: Profile = Object.freeze<Profile>({
  ...bc66Core,
  tcp: bc66Tcp,
  closes: Object.freeze([closeTcp]),
  sendReport,
});
