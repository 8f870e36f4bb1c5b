import { plainCommand } from "../../modules/at/command.js";
import type { Profile, StartStep } from "../quectel/profile.js";

/** AT manual: the module heeds RTS and gives CTS from here on; lost at a restart. 300 ms. */
const flowControl: StartStep = Object.freeze<StartStep>({
  command: plainCommand("AT+IFC=2,2", 2_000),
  // Then RTS is not heeded: what is lost is told by the serial class.
  mayFail: true,
});

/**
 * A BG95 whose RTS and CTS are wired to a serial class that uses them. A BC66 has no flow control on its
 * main port, and so nothing of the kind.
 */
export function withFlowControl(profile: Profile): Profile {
  return Object.freeze({ ...profile, startScript: Object.freeze(profile.startScript.concat(flowControl)) });
}
