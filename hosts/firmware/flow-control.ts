import { command } from "../../modules/at/command.js";
import type { Profile, StartStep } from "../../drivers/quectel/profile.js";

/** RTS and CTS in both directions; lost at each start (BG95 AT manual V2.0). A module without them answers `ERROR`. */
const step: StartStep = Object.freeze<StartStep>({
  command: command({ text: "AT+IFC=2,2", timeoutMs: 2_000 }),
  mayFail: true,
});

/** The profile of a module whose RTS and CTS are wired. */
export function withFlowControl(profile: Profile): Profile {
  return { ...profile, startScript: profile.startScript.concat(step) };
}
