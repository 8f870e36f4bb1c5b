import type { FullProfile } from "../quectel/profile.js";
import { bc66Core } from "./core.js";
import { bc66Sockets } from "./tcp.js";
import { bc66Tls } from "./tls-limits.js";

/** The BC66 as data, all of it. */
export const bc66: FullProfile = Object.freeze({ ...bc66Core, ...bc66Sockets, ...bc66Tls });
