import type { ModuleName } from "../../../../firmware/config.js";

/** What people should know and what stops nothing. */
export interface ModemNotice {
  readonly code: "forgets" | "readable";
  readonly text: string;
}

/** Of each module's own store; known before one is at the port. */
export const MODEM_NOTICES: Readonly<Record<ModuleName, ModemNotice>> = {
  bc66: {
    code: "forgets",
    text:
      "A BC66 keeps certificates and key in RAM: it forgets them when it is powered down, restarts or sleeps deeply, " +
      "and confirms them by a count of bytes alone. What was written here is not there any more when the unit is " +
      "packed; its application has to hand them over after every start.",
  },
  bg95: {
    code: "readable",
    text:
      "A BG95 keeps the private key as a file that whoever speaks AT to it can read (AT+QFDWL). Where that matters, " +
      'keep the key in the ESP32 (target "device", route "host-tls").',
  },
};
