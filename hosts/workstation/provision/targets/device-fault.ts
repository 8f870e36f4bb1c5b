import { FactoryError } from "../../../../certs/factory-error.js";
import type { CredentialRole } from "../../../../modules/io/credentials.js";
import { ProvisioningError } from "../../provisioning/error.js";

/** A device's refusal, or the line's end, as the factory tells it: same code, same sentences. Anything else stays. */
export function asFactoryError(error: unknown): unknown {
  if (!(error instanceof ProvisioningError)) return error;
  const { code, what, why, fix } = error;
  return new FactoryError(
    { code, side: code === "gone" ? "environment" : "unit", what, why, fix },
    { cause: error },
  );
}

export function otherDevice(known: string, found: string | undefined): FactoryError {
  return new FactoryError({
    code: "other-unit",
    side: "unit",
    what: `another device answers at this port than before: ${found ?? "one without an address"}, not ${known}`,
    why: "The cable was moved in the middle of the work.",
    fix: "Put back the device that was begun, or run again for this one.",
  });
}

export function taken(role: CredentialRole): FactoryError {
  return new FactoryError({
    code: "closed",
    side: "unit",
    what: `the place that is being filled holds another ${role} already`,
    why: "Flash takes an object once, and nobody knows who put this one there.",
    fix: "Begin the place anew; what it holds is erased then.",
  });
}

export function unequal(what: string): FactoryError {
  return new FactoryError({
    code: "different",
    side: "unit",
    what,
    why: "What was read back differs from what should be there.",
    fix: "Run again; a device that fails more than once has a bad flash.",
  });
}
