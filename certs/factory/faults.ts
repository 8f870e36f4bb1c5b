import type { UnitState } from "../ledger/ledger.js";
import { FactoryError, type FaultSentences } from "../factory-error.js";

const RUN_AGAIN = "Run again; a unit that fails more than once is defective.";

export function otherUnit(wanted: string, found: string): FactoryError {
  return new FactoryError({
    code: "other-unit",
    side: "unit",
    what: `the unit at this port is ${found}, not ${wanted}`,
    why: "Its key, its certificate or its hardware's address is the one that the ledger knows as another serial's.",
    fix: `Put in the unit ${wanted}, or ask for ${found}.`,
  });
}

export function otherHardware(serial: string, member: string, wanted: string, found: string): FactoryError {
  return new FactoryError({
    code: "other-hardware",
    side: "unit",
    what: `${serial} is to have the ${member} ${wanted}, but the unit at this port has ${found}`,
    why: "The list ties the serial to a piece of hardware, and this is another one.",
    fix: "Put in the right unit, or correct the list.",
  });
}

export function wrongModule(wanted: string, found: string): FactoryError {
  return new FactoryError({
    code: "wrong-module",
    side: "unit",
    what: `the unit has a ${found}, the profile is for a ${wanted.toUpperCase()}`,
    why: "Modules differ in the keys, sizes and suites that their TLS takes; all checks were made for the other one.",
    fix: "Put in the right unit, or use the profile for this module.",
  });
}

export function foreign(subject: string): FactoryError {
  return new FactoryError({
    code: "foreign",
    side: "unit",
    what: `the unit holds a certificate that the ledger does not know (${subject})`,
    why: "Another factory, another ledger or a customer has put it there; replacing it unasked could cut off a unit that is in use.",
    fix: "Use the ledger that knows it, or add --overwrite when it may be replaced.",
  });
}

export function lost(serial: string, state: UnitState): FactoryError {
  return new FactoryError({
    code: "lost",
    side: "unit",
    what: `${serial} is "${state}" in the ledger, but what is at this port does not hold its key and certificate`,
    why: "Its flash was erased or replaced, it went back to other credentials, or this is another unit with its address.",
    fix: `If it is the unit, revoke and replace what it had: xs-cellular provision revoke --serial ${serial} --reason keyCompromise --replace; then run again.`,
  });
}

export function unproved(serial: string): FactoryError {
  return new FactoryError({
    code: "unproved",
    side: "unit",
    what: `${serial} is not locked: nothing has proved that it can use its key`,
    why: "A lock is for ever, and a unit that was locked with credentials that do not work could not be mended.",
    fix: "Ask for a handshake in the profile (proof.handshake), or leave lock out.",
  });
}

export function unrecognized(serial: string): FactoryError {
  return new FactoryError({
    code: "unrecognized",
    side: "unit",
    what: `what is at this port cannot be told to be ${serial}`,
    why: "It holds no key that the ledger has for this unit, and tells none of its addresses; erasing another unit could not be undone.",
    fix: "Put in the right unit; without --port the certificate is revoked and no unit is touched.",
  });
}

export function wrongRequest(serial: string): FactoryError {
  return new FactoryError({
    code: "request",
    side: "unit",
    what: `the request of ${serial} is for another key than the one that it told`,
    why: "Who cannot sign with a key must not get a certificate for it.",
    fix: "Do not ship this unit; run again, and look at its firmware when it happens again.",
  });
}

/** `flaw`: what is wrong with the image that is there. */
export function imageMade(serial: string, flaw?: string): FactoryError {
  return new FactoryError({
    code: "image-made",
    side: "unit",
    what: `the image of ${serial} was made before, and ${flaw === undefined ? "is not at this place" : `what is at this place is damaged: ${flaw}`}`,
    why: "Its private key exists in that image and in the unit that it was flashed to, and nowhere else.",
    fix: `Use that image; if it is lost: xs-cellular provision revoke --serial ${serial} --replace, then make another.`,
  });
}

/** A unit under way holds another broker's CA than the profile has now. */
export function otherBrokerCa(serial: string): FactoryError {
  return new FactoryError({
    code: "broker-ca",
    side: "unit",
    what: `${serial} holds another CA for the broker than the profile names`,
    why: "The profile was changed since the unit was begun, and flash takes an object once.",
    fix: `Begin it anew: xs-cellular provision revoke --serial ${serial} --reason superseded --replace; then run again.`,
  });
}

export function wasRevoked(serial: string): FactoryError {
  return new FactoryError({
    code: "revoked",
    side: "unit",
    what: `the certificate of ${serial} was revoked, and nothing was asked for in its place`,
    why: "A unit that was taken out of service is not put back by accident.",
    fix: `To bring it back: xs-cellular provision revoke --serial ${serial} --replace`,
  });
}

export function unknownSerial(serial: string): FactoryError {
  return new FactoryError({
    code: "unknown-serial",
    side: "input",
    what: `the ledger knows no unit ${serial}`,
    why: "Units come into the ledger with a list.",
    fix: "Give the list that names it with --units, or correct the serial.",
  });
}

export function otherProfile(serial: string, profile: string, wanted: string): FactoryError {
  return new FactoryError({
    code: "other-profile",
    side: "unit",
    what: `${serial} belongs to the profile ${profile}, this run is for ${wanted}`,
    why: "Another profile may mean other keys, another authority and another broker.",
    fix: `Run with the profile ${profile} for this unit.`,
  });
}

export function claimed(serial: string): FactoryError {
  return new FactoryError({
    code: "claimed",
    side: "unit",
    what: `another station works on ${serial}`,
    why: "Two stations must not make credentials for one unit.",
    fix: "Wait until it is done there, or a minute when that station has died.",
  });
}

export function locked(serial: string | undefined): FactoryError {
  return new FactoryError({
    code: "locked",
    side: "unit",
    what: `the unit ${serial === undefined ? "at this port" : serial} is locked and does not hold what the ledger says`,
    why: "A lock is for ever: nothing in its credential store can be changed through the console.",
    fix: "Take it out of the line; its credentials are replaced with the whole unit.",
  });
}

/** `why`: what has asked for it; by default the profile. */
export function unable(what: string, fix: string, why = "The profile asks for it."): FactoryError {
  return new FactoryError({
    code: "unable",
    side: "unit",
    what,
    why,
    fix,
  });
}

export function different(what: string): FactoryError {
  return new FactoryError({
    code: "different",
    side: "unit",
    what,
    why: "What was made and what the unit tells do not agree.",
    fix: RUN_AGAIN,
  });
}

export function interrupted(): FactoryError {
  return new FactoryError({
    code: "interrupted",
    side: "unit",
    what: "the run was stopped",
    why: "A signal, or output that cannot be written, asked for it; the unit stays as the last state in the ledger says.",
    fix: "Run again: it goes on from there.",
  });
}

/** Three sentences of an error of another class, such as an InputError. */
function sentencesOf(error: unknown): Omit<FaultSentences, "code" | "side"> | undefined {
  if (!(error instanceof Error && "what" in error && "why" in error && "fix" in error)) return undefined;
  return { what: String(error.what), why: String(error.why), fix: String(error.fix) };
}

/** Anything that was thrown, as one that people can read. */
export function asFactoryError(error: unknown): FactoryError {
  if (error instanceof FactoryError) return error;
  const sentences = sentencesOf(error);
  if (sentences !== undefined)
    return new FactoryError({ code: "input", side: "input", ...sentences }, { cause: error });
  return new FactoryError(
    {
      code: "internal",
      side: "environment",
      // Messages of libraries hold paths and codes; keys go through none that could fail with them in its text.
      what: `something unexpected happened (${error instanceof Error ? `${error.name}: ${error.message}` : "no error"})`,
      why: "This is a fault of the program or of the machine it runs on.",
      fix: "Run again; report it with this line when it stays.",
    },
    { cause: error },
  );
}
