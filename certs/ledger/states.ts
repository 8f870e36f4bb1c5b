import { order } from "./faults.js";
import { UNIT_STATES, type UnitState } from "./ledger.js";

/**
 * What may follow what. An image is done when it is written: nobody sees it being used. A module that cannot sign
 * goes from `written` to `used`. Who issues outside skips `issuing`: nothing of the certificate is fixed here.
 */
const FOLLOWING: Readonly<Record<UnitState, readonly UnitState[]>> = {
  listed: ["begun"],
  begun: ["keyed"],
  keyed: ["requested", "issuing"],
  requested: ["issued"],
  issuing: ["issued"],
  issued: ["written"],
  written: ["proved", "used", "done"],
  proved: ["used", "done"],
  used: ["connected", "done"],
  connected: ["done"],
  done: [],
  revoked: [],
};

/** States that a run can be given up in, and begun again. */
export const RESTARTABLE: readonly UnitState[] = UNIT_STATES.slice(
  UNIT_STATES.indexOf("begun"),
  UNIT_STATES.indexOf("used") + 1,
);

export function isUnitState(text: string): text is UnitState {
  return UNIT_STATES.some(state => state === text);
}

/** Rejects with `order`. */
export function checkFollows(serial: string, from: UnitState, to: UnitState): void {
  if (!FOLLOWING[from].includes(to)) throw order(`unit ${serial} cannot go from ${from} to ${to}`);
}

/** What may follow a state, for documents and tests. */
export function following(state: UnitState): readonly UnitState[] {
  return FOLLOWING[state];
}
