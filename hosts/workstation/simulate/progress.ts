import { asRouteReason, explainRoute } from "../../../drivers/quectel/route-sentences.js";
import type { ModuleName } from "../../firmware/config.js";
import { suiteName } from "../suites.js";
import { explainFailure } from "../diagnosis/explain.js";
import type { ReportedFailure } from "./record.js";

/** Lines that a person reads while the device comes online. */
export interface Step {
  readonly stage: string;
  readonly text: string;
}

type Values = readonly (string | number | boolean | null)[];

const STATES: Readonly<Record<string, string>> = {
  booting: "module boots",
  starting: "module answers",
  sim: "SIM",
  registering: "looking for a network",
  activating: "activating the packet data context",
  clock: "asking the network for the time",
  online: "online",
  off: "off",
};

const ROLES: Readonly<Record<string, string>> = {
  ca: "CA certificate",
  certificate: "own certificate",
  key: "private key",
};

function text(values: Values, index: number): string {
  return String(values[index] ?? "");
}

/** What a report means for a person, as stage and sentence; `undefined` for what a person need not see. `model`: `BG95`. */
export function describe(values: Values, model: string): Step | undefined {
  switch (values[0]) {
    case "power":
      return { stage: "power", text: "PWRKEY pulled" };
    case "state":
      return values[1] === "online"
        ? undefined
        : { stage: "state", text: STATES[text(values, 1)] ?? text(values, 1) };
    case "module":
      return { stage: "module", text: `${text(values, 1)}, ${text(values, 2)}` };
    case "imei":
      return { stage: "module", text: `IMEI ${text(values, 1)}` };
    case "sim":
      return { stage: "SIM", text: `${text(values, 1)}, ICCID ${text(values, 2)}` };
    case "registered":
      return {
        stage: "network",
        text: `registered (${text(values, 1)}) by ${text(values, 2) || "an unnamed technology"}`,
      };
    case "address":
      return { stage: "PDP", text: `address ${text(values, 1)}` };
    case "clock":
      return {
        stage: "clock",
        text: `${new Date(Number(values[1]) * 1000).toISOString().slice(0, 19)}Z, taken from the module`,
      };
    case "send": {
      const least = Number(values[2]);
      return {
        stage: "sending",
        text:
          least > 1_024
            ? `as hexadecimal digits in the command: at ${text(values, 1)} baud that costs less than the pause behind a prompt`
            : `as hexadecimal digits up to ${least - 1} bytes, by prompt from there on: at ${text(values, 1)} baud twice the digits cost more than the pause`,
      };
    }
    case "credential":
      return {
        stage: "files",
        text: `${ROLES[text(values, 1)] ?? text(values, 1)}: ${text(values, 2)}, ${text(values, 4)} bytes, ${
          // A BC66 tells no checksum.
          values[3] === "kept"
            ? "already there"
            : `stored, size ${model === "BC66" ? "" : "and checksum "}confirmed`
        }`,
      };
    case "route":
      return {
        stage: "route",
        text: `${text(values, 1)}: ${explainRoute(model, text(values, 1), asRouteReason(text(values, 2)), text(values, 3))}`,
      };
    case "token":
      return { stage: "token", text: `signed, valid for ${text(values, 1)} s` };
    case "connecting":
      return { stage: "connect", text: `${text(values, 1)}:${text(values, 2)}` };
    case "handshake":
      return {
        stage: "TLS",
        text: `established by the ESP32${typeof values[1] === "number" ? `: ${suiteName(values[1])}` : ""}, ${text(values, 4)} AT commands`,
      };
    case "flight":
      return { stage: "", text: text(values, 1) };
    case "mqtt":
      return { stage: "MQTT", text: `connected${values[1] === true ? ", session continued" : ""}` };
    case "subscribed":
      return { stage: "MQTT", text: `subscribed to ${text(values, 1)}, QoS ${text(values, 2)}` };
    case "acknowledged":
      return { stage: "up", text: `message ${text(values, 1)} delivered` };
    case "received":
      return {
        stage: "down",
        text: `${values[1] === null ? "(continued)" : text(values, 1)}: ${shorten(text(values, 2))}`,
      };
    case "restarted":
      return { stage: "module", text: "restarted by itself" };
    default:
      return undefined;
  }
}

/** The connection under MQTT stands; `tls` is what the handshake agreed on. */
export function describeOpened(tls: { readonly protocol: string; readonly suite: string } | undefined): Step {
  return tls === undefined
    ? { stage: "TCP", text: "connected" }
    : { stage: "TLS", text: `established: ${tls.protocol}, ${tls.suite}` };
}

/** A failure; unless it is the last one the device goes on by itself. */
export function describeFailure(
  reason: ReportedFailure,
  values: Values,
  isLast: boolean,
  module: ModuleName,
): Step {
  const waitMs = values[7];
  let again = "";
  if (values[6] === "route") again = "; another route is tried";
  else if (typeof waitMs === "number" && !isLast) again = `; next attempt in ${(waitMs / 1000).toFixed(1)} s`;
  return { stage: "failed", text: `${explainFailure(reason, module).what}${again}` };
}

function shorten(latin1: string): string {
  const whole = Buffer.from(latin1, "latin1").toString("utf8");
  return whole.length > 60 ? `${whole.slice(0, 57)}...` : whole;
}

/** `  12.345 s  stage    text`. Time is the simulation's. */
export function progressLine(simulatedMs: number, { stage, text: sentence }: Step): string {
  return `${(simulatedMs / 1000).toFixed(3).padStart(9)} s  ${stage.padEnd(8)} ${sentence}`;
}
