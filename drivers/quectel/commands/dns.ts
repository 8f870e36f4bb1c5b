/** Quectel BG95 TCP/IP Application Note V1.1; the BC66 has the same form. */
import { plainCommand } from "../../../modules/at/command.js";

/** Resolves a name: `OK` at once, the addresses by `+QIURC: "dnsgip"` within 60 s. */
export const resolveName = plainCommand<readonly [context: number, host: string]>("AT+QIDNSGIP=", 60_000);
