import { readFileSync } from "node:fs";
import { InputError } from "../input-error.js";

/** What commander hands over: texts as they were typed, flags as booleans. */
export interface RawSimulateOptions {
  readonly module: string;
  readonly route: string;
  readonly engine: string;
  readonly broker?: string;
  readonly serverName?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly username?: string;
  readonly passwordFile?: string;
  readonly insecure?: boolean;
  readonly clientId?: string;
  readonly topic?: string;
  readonly message: string;
  readonly count: string;
  readonly qos: string;
  readonly subscribe?: string;
  readonly attempts: string;
  readonly baud: string;
  readonly serial: string;
  readonly link: string;
  readonly heap?: string;
  readonly seed: string;
  readonly trace?: string;
  readonly json?: boolean;
}

export interface BrokerUrl {
  readonly url: string;
  readonly secure: boolean;
  /** Where it listens. */
  readonly host: string;
  readonly port: number;
}

/** Checked options: nothing has been opened, made or sent yet. */
export interface SimulateOptions {
  readonly engine: "auto" | "xs" | "node";
  /** Absent: the embedded broker. */
  readonly broker?: BrokerUrl;
  readonly serverName?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly username?: string;
  /** Never printed. */
  readonly password?: string;
  readonly verify: boolean;
  readonly clientId: string;
  readonly topic: string;
  readonly message: string;
  readonly count: number;
  readonly qos: 0 | 1 | 2;
  readonly subscribe?: string;
  readonly attempts: number;
  readonly baud: number;
  readonly serial: "buffered" | "stock";
  readonly link: "none" | "lte-m" | "nb-iot";
  readonly heapBytes?: number;
  readonly seed: number;
  readonly trace?: string;
  readonly json: boolean;
}

/** Rates of AT+IPR that an ESP32 and the module share. */
const BAUD_RATES = [9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600] as const;
/** Beside the rest this still fits an ESP32's heap, several messages being on their way at a time. */
const MESSAGE_BYTES = 8_192;
/** MQTT 3.1.1, 1.5.3: a text has a length of 16 bits. */
const MQTT_TEXT_BYTES = 65_535;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3})$/;

function refuse(option: string, what: string, why: string, fix: string): never {
  throw new InputError({ what, why, fix, file: option });
}

function choice<T extends string>(option: string, given: string, choices: readonly T[]): T {
  const found = choices.find(one => one === given);
  if (found !== undefined) return found;
  return refuse(
    option,
    `${option} ${given} is not known`,
    "Only what is listed can be simulated.",
    `Use one of: ${choices.join(", ")}.`,
  );
}

function integer(option: string, given: string, least: number, most: number): number {
  const value = /^\d+$/.test(given) ? Number(given) : NaN;
  if (value >= least && value <= most) return value;
  return refuse(
    option,
    `${option} ${given} is not a whole number from ${String(least)} to ${String(most)}`,
    "The run could not do what was asked.",
    `Give ${option} a number in that range.`,
  );
}

/** As a sentence can carry it. */
function shown(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function parseBroker(given: string): BrokerUrl {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const example = "for example mqtts://localhost:8883";
  if (url === undefined || (url.protocol !== "mqtt:" && url.protocol !== "mqtts:") || url.hostname === "") {
    const scheme = url === undefined ? "" : ` (its scheme is ${url.protocol}//)`;
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

function checkMqttText(option: string, text: string): string {
  const bytes = Buffer.byteLength(text);
  if (bytes > MQTT_TEXT_BYTES)
    return refuse(
      option,
      `${option} has ${String(bytes)} bytes`,
      `MQTT allows ${String(MQTT_TEXT_BYTES)} bytes for a text.`,
      "Make it shorter.",
    );
  if (text === "" || text.includes("\0"))
    return refuse(
      option,
      `${option} is empty or holds a NUL character`,
      "MQTT forbids that.",
      "Give it a text.",
    );
  return text;
}

function checkTopic(text: string): string {
  if (/[+#]/.test(text))
    return refuse(
      "--topic",
      `--topic ${shown(text)} holds a wildcard`,
      "A message is published to one topic; + and # are for subscriptions.",
      "Name the topic without + and #.",
    );
  return checkMqttText("--topic", text);
}

function checkFilter(text: string): string {
  const levels = text.split("/");
  const wrong = levels.some(
    (level, index) =>
      (level.includes("#") && (level !== "#" || index !== levels.length - 1)) ||
      (level.includes("+") && level !== "+"),
  );
  if (wrong)
    return refuse(
      "--subscribe",
      `--subscribe ${shown(text)} is no topic filter`,
      "+ stands for one whole level, # for all that is left and only at the end.",
      "For example: devices/+/command or devices/#.",
    );
  return checkMqttText("--subscribe", text);
}

function readPassword(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    return refuse(
      "--password-file",
      `${file} cannot be read (${code})`,
      "The broker's password is expected in it.",
      "Check the path and the permissions.",
    );
  }
  // An editor's last line end is not part of the password.
  return text.replace(/\r?\n$/, "");
}

/** Checks all options against each other. Throws an `InputError` with what is wrong; touches nothing. */
export function checkOptions(raw: RawSimulateOptions): SimulateOptions {
  choice("--module", raw.module, ["bg95"]);
  choice("--route", raw.route, ["module-tls"]);
  const seed = integer("--seed", raw.seed, 0, 0xffffffff);
  const broker = raw.broker === undefined ? undefined : parseBroker(raw.broker);
  const verify = raw.insecure !== true;
  const secure = broker?.secure ?? true;
  if (broker === undefined && (raw.ca ?? raw.cert ?? raw.key ?? raw.serverName) !== undefined)
    return refuse(
      "--broker",
      "certificate files or a server name are given without --broker",
      "The embedded broker makes its own certificates for each run and would not use them.",
      "Add --broker mqtts://HOST:PORT, or leave --ca, --cert, --key and --server-name out.",
    );
  if (broker === undefined && !verify)
    return refuse(
      "--insecure",
      "--insecure is given without --broker",
      "The embedded broker wants the device's certificate, which the module shows only where it verifies the broker.",
      "Leave --insecure out, or add --broker mqtts://HOST:PORT of a broker that asks for no client certificate.",
    );
  const messageBytes = Buffer.byteLength(raw.message);
  if (messageBytes > MESSAGE_BYTES)
    return refuse(
      "--message",
      `--message has ${messageBytes} bytes`,
      `The simulated device holds its message in memory: ${MESSAGE_BYTES} bytes at the most.`,
      "Make it shorter.",
    );
  if (broker === undefined && !verify)
    return refuse(
      "--insecure",
      "--insecure is given without --broker",
      "The embedded broker wants the device's certificate, which the module shows only where it verifies the broker.",
      "Leave --insecure out, or add --broker mqtts://HOST:PORT.",
    );
  if (!secure && (raw.ca ?? raw.cert ?? raw.key ?? raw.serverName) !== undefined)
    return refuse(
      "--broker",
      `--broker ${broker?.url ?? ""} is a connection without TLS`,
      "Certificates and a server name mean nothing there.",
      "Use mqtts:// with the broker's TLS port, or leave --ca, --cert, --key and --server-name out.",
    );
  if (secure && broker !== undefined && verify && raw.ca === undefined)
    return refuse(
      "--ca",
      "--ca is missing",
      "Without the CA certificate that the broker's own was issued by, nobody knows who answers.",
      "Add --ca FILE (PEM or DER); --insecure connects without any check, for a test at the bench.",
    );
  if (!verify && (raw.cert ?? raw.key) !== undefined)
    return refuse(
      "--insecure",
      "--insecure is given together with --cert or --key",
      'The module shows its own certificate only where it verifies the broker\'s too ("seclevel" 2).',
      "Give --ca instead of --insecure, or leave --cert and --key out.",
    );
  if (raw.passwordFile !== undefined && raw.username === undefined)
    return refuse(
      "--username",
      "--password-file is given without --username",
      "MQTT 3.1.1 has no password without a user name.",
      "Add --username NAME.",
    );
  const clientId = checkMqttText(
    "--client-id",
    raw.clientId ?? `xs-cellular-${seed.toString(16).padStart(4, "0")}`,
  );
  const isNamed = raw.topic !== undefined && (broker !== undefined || raw.subscribe !== undefined);
  if (/[+#]/.test(clientId) && !isNamed)
    return refuse(
      "--client-id",
      `--client-id ${shown(clientId)} holds + or #`,
      "The topics that are made from it would hold a wildcard.",
      "Use another identifier, or give --topic and --subscribe.",
    );
  return {
    engine: choice("--engine", raw.engine, ["auto", "xs", "node"]),
    ...(broker === undefined ? undefined : { broker }),
    ...(raw.serverName === undefined ? undefined : { serverName: raw.serverName }),
    ...(raw.ca === undefined ? undefined : { ca: raw.ca }),
    ...(raw.cert === undefined ? undefined : { cert: raw.cert }),
    ...(raw.key === undefined ? undefined : { key: raw.key }),
    ...(raw.username === undefined ? undefined : { username: checkMqttText("--username", raw.username) }),
    ...(raw.passwordFile === undefined ? undefined : { password: readPassword(raw.passwordFile) }),
    verify,
    clientId,
    topic: checkTopic(raw.topic ?? `devices/${clientId}/telemetry`),
    message: raw.message,
    count: integer("--count", raw.count, 1, 1_000_000),
    qos: choiceOfQos(raw.qos),
    ...(raw.subscribe === undefined ? undefined : { subscribe: checkFilter(raw.subscribe) }),
    attempts: integer("--attempts", raw.attempts, 1, 1_000),
    baud: Number(choice("--baud", raw.baud, BAUD_RATES.map(String))),
    serial: choice("--serial", raw.serial, ["buffered", "stock"]),
    link: choice("--link", raw.link, ["none", "lte-m", "nb-iot"]),
    ...(raw.heap === undefined ? undefined : { heapBytes: integer("--heap", raw.heap, 1, 0x7fffffff) }),
    seed,
    ...(raw.trace === undefined ? undefined : { trace: raw.trace }),
    json: raw.json === true,
  };
}

function choiceOfQos(given: string): 0 | 1 | 2 {
  const text = choice("--qos", given, ["0", "1", "2"]);
  return text === "0" ? 0 : text === "1" ? 1 : 2;
}
