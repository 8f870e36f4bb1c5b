import type { Profile } from "../../../certs/profile/profile.js";
import { modelOf } from "../device.js";
import { MODEM_NOTICES } from "./targets/modem/notices.js";

/** What a profile says of where keys go. */
type Way = Pick<Profile, "module" | "route" | "target" | "key">;

/** What people should know before a run, and what stops nothing. */
export interface Notice {
  readonly code: string;
  readonly text: string;
}

/**
 * Whether the firmware hands the ESP32's key to the module, and where it stays there: in a BG95's files until somebody deletes
 * them, in a BC66's RAM until it restarts. With `auto` the device chooses its route where it stands.
 */
export function moduleCopyOf({ module, route, target, key }: Way): "none" | "file" | "ram" {
  if (target === "modem" || route === "host-tls") return "none";
  if (module === "bg95") return "file";
  // Its own TLS does not sign with P-256, so that no such key is handed over.
  return key.kind === "P-256" ? "none" : "ram";
}

/** `hands`, or `may hand` where the device chooses. */
function hands({ route }: Way): string {
  return route === "auto" ? "may hand" : "hands";
}

/** Who makes keys, and where they get to. */
export function keyWords(way: Way): string {
  const { key, module } = way;
  const copy = moduleCopyOf(way);
  const made =
    key.made === "device"
      ? `${key.kind}, made by each unit itself${copy === "none" ? "; the private half never leaves the ESP32" : ", on the ESP32"}`
      : `${key.kind}, made on this machine, in memory, and handed over; nothing of it stays here`;
  if (copy === "none") return made;
  const place =
    copy === "file"
      ? "as a file that whoever speaks AT to the module can read (AT+QFDWL)"
      : "which keeps it in RAM until it restarts or loses power";
  return `${made}; the firmware ${hands(way)} a copy to the ${modelOf(module)} (route ${way.route}), ${place}`;
}

const DELETE =
  'at the module\'s AT port AT+QFLST="*" lists it as xs-key-....pem, and AT+QFDEL="xs-key-....pem" deletes it; or, with all files, revoke --port there, with a profile whose target is "modem"';

/** What is known before any unit is at a port. A module that is the target itself says its own when it is seen. */
export function copyNotice(way: Way): Notice | undefined {
  if (way.target !== "device" || moduleCopyOf(way) !== "file") return undefined;
  return {
    code: "module-copy",
    text:
      `On the route ${way.route} the firmware ${hands(way)} a copy of the private key to the BG95, which keeps it as a file that ` +
      "whoever speaks AT to it can read (AT+QFDWL), also after the ESP32 was erased. Where that matters, use the route host-tls.",
  };
}

/** What `plan` tells: of a module that is the target what a run says when it sees it. */
export function planNotices(profile: Profile): readonly Notice[] {
  const copy = copyNotice(profile);
  return [...(profile.target === "modem" ? [MODEM_NOTICES[profile.module]] : []), ...(copy ? [copy] : [])];
}

/** What was erased and looked at, and nothing beyond it. */
export function erasedWords({ target, module }: Way, port: string): string {
  if (target === "device")
    return `The ESP32's credential store at ${port} was erased, and looked at: nothing is left in it.`;
  return module === "bg95"
    ? `The files of the BG95 at ${port} were deleted, and looked for: none is listed any more.`
    : `The BC66 at ${port} was restarted, and counts no bytes of credentials any more.`;
}

/** What erasing the ESP32 does not reach. */
export function copyLeft(way: Way): Notice | undefined {
  if (way.target !== "device") return undefined;
  const copy = moduleCopyOf(way);
  if (copy === "none") return undefined;
  const model = modelOf(way.module);
  return {
    code: "module-copy",
    text:
      copy === "file"
        ? `On the route ${way.route} the firmware ${way.route === "auto" ? "may have handed" : "has handed"} a copy of the key to the ${model}, ` +
          `where it stays until it is deleted: ${DELETE}.`
        : `The ${model} forgets the copy that the firmware may have handed to it when it restarts or loses power.`,
  };
}
