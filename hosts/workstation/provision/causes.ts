import type { FactoryError } from "../../../certs/factory-error.js";
import * as faults from "../../../certs/factory/faults.js";
import type { Explain } from "../../../certs/report/book.js";
import { ProvisioningError } from "../provisioning/error.js";
import { isPortFault, PORT_FAULTS } from "../serial/port-error.js";
import { full, unusable } from "./targets/modem/faults.js";

/** Where the fault of one unit names its serial. */
const ANY = "SERIAL";

/** The same fault at any unit: what stands behind a code is known here, and in one place. */
const ANYBODYS: readonly FactoryError[] = [
  faults.otherUnit(ANY, ANY),
  faults.otherHardware(ANY, "imei", ANY, ANY),
  faults.wrongModule(ANY, ANY),
  faults.foreign(ANY),
  faults.lost(ANY, "written"),
  faults.unproved(ANY),
  faults.unrecognized(ANY),
  faults.wrongRequest(ANY),
  faults.imageMade(ANY),
  faults.otherBrokerCa(ANY),
  faults.wasRevoked(ANY),
  faults.otherProfile(ANY, "PROFILE", ANY),
  faults.claimed(ANY),
  faults.locked(ANY),
  faults.interrupted(),
  full(0, 0),
  unusable(ANY, ANY),
];

interface Sentences {
  readonly why: string;
  readonly fix: string;
}

const OTHERS: Readonly<Record<string, Sentences>> = {
  handshake: {
    why: "What the unit told of its connection stands in the sentence; the ledger keeps no more of it.",
    fix: "Look at the broker's log of that time for the serial; then run again, what was written stays.",
  },
  different: {
    why: "What was made and what the unit tells do not agree: a bad line, bad flash, or a module that forgot.",
    fix: faults.different(ANY).fix,
  },
};

/** Reason and remedy of a failure of which a ledger keeps its code and first sentence alone. */
export const causeOf: Explain = code => {
  const known = OTHERS[code] ?? ANYBODYS.find(one => one.code === code);
  if (known !== undefined) return known;
  if (isPortFault(code)) return PORT_FAULTS[code];
  const device = new ProvisioningError(code, "");
  return device.code === "unknown" ? undefined : device;
};
