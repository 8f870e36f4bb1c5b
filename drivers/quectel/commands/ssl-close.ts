import { plainCommand } from "../../../modules/at/command.js";

/** Frees the id; the timeout in seconds as for `AT+QICLOSE`, 0 closes at once. */
export const closeTls = plainCommand<readonly [id: number, timeoutSeconds: number]>("AT+QSSLCLOSE=", 75_000);
