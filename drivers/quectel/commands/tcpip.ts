/** Quectel BG95 TCP/IP Application Note V1.1, and the commands that the BC66 has in the same form: time. */
import { plainCommand } from "../../../modules/at/command.js";

/** Asks a time server and sets the module's clock: `OK` at once, the time by `+QNTP:` within 125 s. */
export const askTimeServer = plainCommand<readonly [context: number, server: string]>("AT+QNTP=", 125_000);
