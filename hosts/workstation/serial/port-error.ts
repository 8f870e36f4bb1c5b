import { FactoryError } from "../../../certs/factory-error.js";

export type PortFault = "port-missing" | "port-busy" | "port-denied" | "port-refused";

/** `{port}` stands for the port. */
export const PORT_FAULTS: Readonly<Record<PortFault, { what: string; why: string; fix: string }>> = {
  "port-missing": {
    what: "{port} is not there",
    why: "No adapter is plugged in under that name, or nothing listens at that address.",
    fix: "Plug the adapter in and look the name up (Linux: ls /dev/serial/by-id); for tcp:HOST:PORT start what serves it.",
  },
  "port-busy": {
    what: "{port} is in use by another program",
    why: "Two programs on one serial port take each other's answers.",
    fix: "Close the other program (terminal, ModemManager, another line) and run again.",
  },
  "port-denied": {
    what: "{port} may not be opened by this user",
    why: "Serial ports belong to a group.",
    fix: "On Linux add the user to the group dialout and log in again.",
  },
  "port-refused": {
    what: "{port} cannot be used",
    why: "It is no serial port, or its driver refused the baud rate.",
    fix: "Check the path and the baud rate.",
  },
};

export function isPortFault(code: string): code is PortFault {
  return Object.hasOwn(PORT_FAULTS, code);
}

/** What the operating system said, as far as it is one of its short codes. */
function codeOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  if ("code" in cause && typeof cause.code === "string") return cause.code;
  // serialport tells the code in words only: `Error: Permission denied, cannot open /dev/ttyUSB0`.
  if (/no such (file|device)|file not found/i.test(cause.message)) return "ENOENT";
  if (/input\/output error/i.test(cause.message)) return "EIO";
  if (/permission denied|access denied/i.test(cause.message)) return "EACCES";
  if (/cannot lock|busy|temporarily unavailable|is in use/i.test(cause.message)) return "EBUSY";
  return undefined;
}

const FAULTS: Readonly<Record<string, PortFault>> = {
  ENOENT: "port-missing",
  ENXIO: "port-missing",
  ENODEV: "port-missing",
  // An adapter that went away, or a pty whose other end did, between the look at its name and its opening.
  EIO: "port-missing",
  ECONNREFUSED: "port-missing",
  ENOTFOUND: "port-missing",
  EHOSTUNREACH: "port-missing",
  ETIMEDOUT: "port-missing",
  EBUSY: "port-busy",
  EAGAIN: "port-busy",
  EACCES: "port-denied",
  EPERM: "port-denied",
};

/** A port that could not be opened, for people: whose fault it is, is told by the code. */
export function portError(port: string, cause: unknown): FactoryError {
  const code = FAULTS[codeOf(cause) ?? ""] ?? "port-refused";
  const { what, why, fix } = PORT_FAULTS[code];
  const named = what.replace("{port}", port);
  // Where the cause is not known here, the system's own words are all there is.
  const told =
    code === "port-refused" && cause instanceof Error ? `${named} (${cause.message.slice(0, 120)})` : named;
  return new FactoryError({ code, side: "environment", what: told, why, fix }, { cause });
}
