import type { ModuleName } from "../../firmware/config.js";
import type { RouteName } from "../../../drivers/quectel/route.js";
import { checkLink } from "../check-link.js";
import { suiteNumber } from "../suites.js";
import { parseBroker, type BrokerUrl } from "./broker-url.js";
import { choice as chosen, CHOICE_OF } from "../choice.js";
import { checkFilter, checkMqttText, checkTopic, integer, refuse, shown } from "./check.js";
import { readPassword, readTokenKey, type TokenKey } from "./secrets.js";

/** What commander hands over: texts as they were typed, flags as booleans. */
export interface RawSimulateOptions {
  readonly module: string;
  readonly route: string;
  readonly engine: string;
  readonly tlsEngine?: string;
  readonly broker?: string;
  readonly brokerSuites?: string;
  readonly serverName?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly username?: string;
  readonly passwordFile?: string;
  readonly jwtAudience?: string;
  readonly jwtKey?: string;
  readonly jwtLifetime?: string;
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

/** `device`: this project's adapter of Moddable's TLS; `sdk`: that TLS bare; `full`: what OpenSSL can. */
export type TlsEngineName = "device" | "sdk" | "full";

/** The password is a token, signed again before it expires. */
export interface JwtOptions extends TokenKey {
  readonly audience: string;
  readonly lifetimeS: number;
}

/** Checked options: nothing has been opened, made or sent yet. */
export interface SimulateOptions {
  readonly module: ModuleName;
  readonly route: RouteName | "auto";
  /** What TLS on the ESP32 can do. */
  readonly tlsEngine: TlsEngineName;
  /** Suites that the broker is known to take, by number. */
  readonly brokerSuites?: readonly number[];
  readonly jwt?: JwtOptions;
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
/** An hour, as brokers that take tokens recommend; they allow a day. */
const JWT_LIFETIME = { least: 60, most: 86_400 } as const;

function choice<T extends string>(option: string, given: string, choices: readonly T[]): T {
  return chosen(option, given, choices, CHOICE_OF.simulated);
}

/** Checks all options against each other. Throws an `InputError` with what is wrong; touches nothing. */
export function checkOptions(raw: RawSimulateOptions): SimulateOptions {
  const module = choice("--module", raw.module, ["bg95", "bc66"]);
  const route = choice("--route", raw.route, ["auto", "module-tls", "host-tls", "module-mqtt"]);
  const link = choice("--link", raw.link, ["none", "lte-m", "nb-iot"]);
  checkLink(module, link);
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
      "The embedded broker's certificate is made for the run and always verified: there is nothing to gain.",
      "Leave --insecure out, or add --broker mqtts://HOST:PORT.",
    );
  const messageBytes = Buffer.byteLength(raw.message);
  if (messageBytes > MESSAGE_BYTES)
    return refuse(
      "--message",
      `--message has ${messageBytes} bytes`,
      `The simulated device holds its message in memory: ${MESSAGE_BYTES} bytes at the most.`,
      "Make it shorter.",
    );
  if (!secure && route === "host-tls")
    return refuse(
      "--route",
      `--route host-tls is given for ${broker?.url ?? ""}, a connection without TLS`,
      "There is no TLS to be done on the ESP32.",
      "Use mqtts://, or leave --route out.",
    );
  if (!secure && (raw.tlsEngine ?? raw.brokerSuites) !== undefined)
    return refuse(
      "--broker",
      `--broker ${broker?.url ?? ""} is a connection without TLS`,
      "A TLS engine and cipher suites mean nothing there.",
      "Use mqtts:// with the broker's TLS port, or leave --tls-engine and --broker-suites out.",
    );
  if (raw.tlsEngine !== undefined && route !== "host-tls" && route !== "auto")
    return refuse(
      "--tls-engine",
      `--tls-engine is given together with --route ${route}`,
      "That route's TLS is the module's; the engine on the ESP32 has no part in it.",
      "Use --route host-tls, or leave --tls-engine out.",
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
  if (!verify && route !== "host-tls" && (raw.cert ?? raw.key) !== undefined)
    return refuse(
      "--insecure",
      "--insecure is given together with --cert or --key",
      'The module shows its own certificate only where it verifies the broker\'s too ("seclevel" 2).',
      "Give --ca instead of --insecure, leave --cert and --key out, or use --route host-tls.",
    );
  if (raw.passwordFile !== undefined && raw.username === undefined)
    return refuse(
      "--username",
      "--password-file is given without --username",
      "MQTT 3.1.1 has no password without a user name.",
      "Add --username NAME.",
    );
  const jwt = checkJwt(raw);
  const brokerSuites = raw.brokerSuites === undefined ? undefined : checkSuites(raw.brokerSuites);
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
    module,
    route,
    tlsEngine: choice("--tls-engine", raw.tlsEngine ?? "device", ["device", "sdk", "full"]),
    ...(brokerSuites === undefined ? undefined : { brokerSuites }),
    ...(jwt === undefined ? undefined : { jwt }),
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
    link,
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

function checkJwt(raw: RawSimulateOptions): JwtOptions | undefined {
  const { jwtAudience, jwtKey, jwtLifetime } = raw;
  if (jwtAudience === undefined && jwtKey === undefined && jwtLifetime === undefined) return undefined;
  if (jwtAudience === undefined || jwtKey === undefined)
    return refuse(
      jwtKey === undefined ? "--jwt-key" : "--jwt-audience",
      `${jwtKey === undefined ? "--jwt-key" : "--jwt-audience"} is missing`,
      "A token needs both: whom it is for (the project), and the key that it is signed with.",
      "Give --jwt-audience PROJECT and --jwt-key FILE.",
    );
  if (raw.passwordFile !== undefined)
    return refuse(
      "--password-file",
      "--password-file is given together with --jwt-key",
      "The token is the password.",
      "Leave one of them out.",
    );
  if (!/^[\x20\x21\x23-\x5b\x5d-\x7e]{1,200}$/.test(jwtAudience))
    return refuse(
      "--jwt-audience",
      `--jwt-audience ${shown(jwtAudience)} cannot be put into a token`,
      "It is the project's identifier: up to 200 printable ASCII characters without quotes and backslashes.",
      "Copy it from the broker's settings.",
    );
  const lifetimeS = integer("--jwt-lifetime", jwtLifetime ?? "3600", JWT_LIFETIME.least, JWT_LIFETIME.most);
  return { ...readTokenKey(jwtKey), audience: jwtAudience, lifetimeS };
}

function checkSuites(list: string): readonly number[] {
  return list.split(/[,:]/).map(text => {
    const number = suiteNumber(text);
    if (number !== undefined) return number;
    return refuse(
      "--broker-suites",
      `--broker-suites: ${shown(text)} is no cipher suite that is known here`,
      "The route is chosen by comparing numbers of suites.",
      "Write OpenSSL's names or numbers, for example ECDHE-RSA-AES128-GCM-SHA256,C030.",
    );
  });
}
