import { refuse } from "./check.js";

export interface BrokerUrl {
  readonly url: string;
  readonly secure: boolean;
  /** Where it listens. */
  readonly host: string;
  readonly port: number;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3})$/;

export function parseBroker(given: string): BrokerUrl {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const example = "for example mqtts://localhost:8883";
  if (url === undefined || (url.protocol !== "mqtt:" && url.protocol !== "mqtts:") || url.hostname === "") {
    const scheme = !given.includes("://")
      ? " (its scheme is missing)"
      : url === undefined
        ? ""
        : ` (its scheme is ${url.protocol}//)`;
    return refuse(
      "--broker",
      `--broker ${given} is no MQTT address${scheme}`,
      "The device speaks MQTT over TLS (mqtts://) or over plain TCP (mqtt://), nothing else.",
      `Write mqtts://HOST:PORT or mqtt://HOST:PORT, ${example}.`,
    );
  }
  if (url.username !== "" || url.password !== "") {
    return refuse(
      "--broker",
      "--broker holds a user name or password",
      "An address ends up in logs and in the list of processes; a password must not.",
      "Use --username and --password-file.",
    );
  }
  if ((url.pathname !== "" && url.pathname !== "/") || url.search !== "" || url.hash !== "") {
    return refuse(
      "--broker",
      `--broker ${given} has something behind the port`,
      "MQTT has no paths.",
      `Write HOST:PORT only, ${example}.`,
    );
  }
  if (!LOOPBACK.test(url.hostname)) {
    return refuse(
      "--broker",
      `--broker ${given} is not on this machine`,
      "The simulated module reaches this machine's loopback addresses only.",
      "Run the broker here (localhost), and give the name in its certificate with --server-name.",
    );
  }
  if (url.port === "0")
    return refuse(
      "--broker",
      `--broker ${given} has port 0`,
      "Nothing can listen there.",
      `Write the broker's port, ${example}.`,
    );
  const secure = url.protocol === "mqtts:";
  return {
    url: given,
    secure,
    host: url.hostname,
    port: url.port === "" ? (secure ? 8883 : 1883) : Number(url.port),
  };
}
