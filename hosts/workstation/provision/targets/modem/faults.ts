import { FactoryError, type FaultSentences } from "../../../../../certs/factory-error.js";
import type { Failure } from "../../../../../modules/diagnosis/failure.js";
import type { ModuleName } from "../../../../firmware/config.js";
import { explainFailure } from "../../../diagnosis/explain.js";

function unit(
  code: string,
  what: string,
  why: string,
  fix: string,
  side: FaultSentences["side"] = "unit",
): FactoryError {
  return new FactoryError({ code, side, what, why, fix });
}

/** `came`: what was heard instead of an answer. */
export function silent(port: string, came: string): FactoryError {
  return unit(
    "silent",
    `no modem answers at ${port}: ${came}`,
    "The module is off, not connected to this port (TX and RX swapped), or speaks at another baud rate.",
    "Check supply, PWRKEY, cable and baud rate (115200 as delivered), then run again.",
  );
}

export function gone(port: string): FactoryError {
  return unit(
    "gone",
    `the port ${port} disappeared in the middle of the work`,
    "A cable was pulled, or an adapter restarted.",
    "Plug it in and run again: what is whole in the module stays, the rest is written anew.",
    "environment",
  );
}

/** `found`: what came in answer to `ATI`; shown only when it looks like the name of a model. */
export function wrongModule(wanted: ModuleName, found: string): FactoryError {
  const name = /^(?:Quectel_)?[A-Z]{1,3}\d{2,4}[\w-]{0,12}$/i.test(found) ? found : "no name of a model";
  return unit(
    "wrong-module",
    `the module says ${name}, the profile says ${wanted.toUpperCase()}`,
    "A board with another module is at this port, or the profile is for another product.",
    "Put in the right board, or run with the right profile.",
  );
}

export function full(needed: number, free: number): FactoryError {
  return unit(
    "module-full",
    `the module's file system has ${free} bytes left, ${needed} are needed`,
    "Other files fill it: firmware updates, logs, files of an earlier application.",
    'List them with AT+QFLST="*" and delete what nobody needs with AT+QFDEL, then run again.',
  );
}

export function different(role: string, how: string): FactoryError {
  return unit(
    "different",
    `${role}: ${how}`,
    "What the module holds is not what was written.",
    "Run again; a module that fails more than once has a bad serial line or a bad flash.",
  );
}

/** A BC66 restarted, or this is another run than the one that wrote: nothing can be said of what it holds. */
export function forgotten(role: string): FactoryError {
  return unit(
    "different",
    `${role}: the module does not hold it, or nobody knows any more what it holds`,
    "A BC66 keeps credentials in RAM alone: a power-down, a restart or deep sleep empties it, and nothing can be read back.",
    "Write it anew, and leave the module powered until it is used.",
  );
}

export function unusable(role: string, why: string): FactoryError {
  return unit(
    "unusable",
    `${role}: ${why}`,
    "The module's own TLS could not use it.",
    "Use what the module takes (xs-cellular certs check --module tells), or another route.",
    "input",
  );
}

export function wrongRoute(route: string): FactoryError {
  return unit(
    "wrong-route",
    `on the route ${route} the module's own store is not used`,
    "With TLS on the ESP32 the credentials belong into the ESP32's partition.",
    'Set target to "device", or route to "module-tls" or "module-mqtt".',
    "input",
  );
}

export function badBroker(broker: string): FactoryError {
  return unit("usage", `${broker} is not HOST:PORT`, "The module is told both.", "Give HOST:PORT.", "input");
}

/** The handshake could not be done, with the cause in words. `facts`: what is known beside it. */
export function handshakeFailed(what: string, why: string, fix: string): FactoryError {
  return unit("handshake", what, why, fix);
}

export function noCredentials(role: string): FactoryError {
  return unit(
    "handshake",
    `the module holds no usable ${role}`,
    "A handshake with client authentication needs CA, certificate and key.",
    "Provision the unit first.",
  );
}

/** A command failed. Neither its parameters nor its payload are in there. */
export function commandFailed(port: string, reason: Failure, module: ModuleName): FactoryError {
  const { what, why, fix } = explainFailure(reason, module);
  if (reason.kind === "no-answer" || reason.kind === "timeout")
    return unit("silent", `the modem at ${port} stopped answering: ${what}`, why, fix);
  if (reason.kind === "module-reset") return unit("restarted", what, why, fix);
  if (reason.kind === "cme" && (reason.code === 403 || reason.code === 420))
    return unit("module-full", what, why, fix);
  return unit("module", what, why, fix);
}
