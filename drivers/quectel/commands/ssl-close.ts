import { command } from "../../../modules/at/command.js";

/** Frees the id; the timeout in seconds as for `AT+QICLOSE`, 0 closes at once. */
export const closeTls = command<readonly [id: number, timeoutSeconds: number]>({
  text: "AT+QSSLCLOSE=",
  timeoutMs: 75_000,
});
