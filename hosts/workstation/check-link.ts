import type { ModuleName } from "../firmware/config.js";
import { InputError } from "../../certs/input-error.js";

/** Refuses a radio link that the module does not speak. */
export function checkLink(module: ModuleName, link: string): void {
  if (module === "bc66" && link === "lte-m")
    throw new InputError({
      what: "--link lte-m is given for a BC66",
      why: "That module speaks NB-IoT only.",
      fix: "Use --link nb-iot or none.",
      file: "--link",
    });
}
