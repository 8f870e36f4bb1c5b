import type { QoS } from "mqtt-packet";
import { ArgumentError, type Arguments } from "./at-line.js";
import type { MqttWill } from "./mqtt-packets.js";
import type { MqttDialect, MqttSettings } from "./mqtt-settings.js";

/** TLS below a client: a context of QSSLCFG, on the BC66 also a connection of it. */
export interface MqttTlsChoice {
  readonly enabled: boolean;
  readonly context: number;
  readonly connection: number;
}

/** What QMTCFG sets for one client; RAM, gone with every restart. */
export interface MqttConfiguration {
  version: 3 | 4;
  pdpContext: number;
  tls: MqttTlsChoice;
  keepAliveS: number;
  cleanSession: boolean;
  packetTimeoutS: number;
  retries: number;
  notices: boolean;
  will: MqttWill | undefined;
  /** Messages wait in the module's five buffers; otherwise the URC carries them. */
  receiveStored: boolean;
  receiveLength: boolean;
  sendHex: boolean;
  receiveHex: boolean;
  echo: boolean;
  /** Stored and shown; the cloud that they belong to is not simulated. */
  cloudKeys: readonly string[] | undefined;
}

export function freshMqttConfiguration(dialect: MqttDialect, settings: MqttSettings): MqttConfiguration {
  return {
    version: settings.versionDefault,
    pdpContext: 1,
    tls: { enabled: false, context: dialect.publishArgument === "length" ? 0 : 1, connection: 0 },
    keepAliveS: 120,
    cleanSession: true,
    packetTimeoutS: dialect.packetTimeoutS,
    retries: 3,
    notices: false,
    will: undefined,
    receiveStored: false,
    receiveLength: false,
    sendHex: false,
    receiveHex: false,
    echo: settings.payloadEcho,
    cloudKeys: undefined,
  };
}

/** One item of QMTCFG. Values begin at argument 2. */
export interface MqttItem {
  /** Behind the client in the test answer. */
  readonly range: string;
  /** Fixed by the opening of the client. */
  readonly beforeOpen: boolean;
  readonly show: (configuration: MqttConfiguration) => string;
  /** Throws `ArgumentError`. */
  readonly set: (configuration: MqttConfiguration, args: Arguments, dialect: MqttDialect) => void;
}

export type MqttItems = Readonly<Record<string, MqttItem>>;

/** A quoted text of limited length, bytes. */
export function limitedText(args: Arguments, index: number, most: number, least = 0): string {
  const text = args.string(index);
  if (text.length < least || text.length > most)
    throw new ArgumentError(`${String(least)} to ${String(most)} bytes`);
  return text;
}

export function qualityOfService(args: Arguments, index: number): QoS {
  const value = args.integer(index, 0, 2);
  return value === 0 ? 0 : value === 1 ? 1 : 2;
}

function flag(args: Arguments, index: number): boolean {
  return args.integer(index, 0, 1) === 1;
}

function digit(value: boolean): string {
  return value ? "1" : "0";
}

const version: MqttItem = {
  range: "(3,4)",
  beforeOpen: true,
  show: configuration => String(configuration.version),
  set: (configuration, args) => {
    args.atMost(3);
    configuration.version = args.integer(2, 3, 4) === 3 ? 3 : 4;
  },
};

const keepAlive: MqttItem = {
  range: "(0-3600)",
  beforeOpen: true,
  show: configuration => String(configuration.keepAliveS),
  set: (configuration, args) => {
    args.atMost(3);
    configuration.keepAliveS = args.integer(2, 0, 3600);
  },
};

const session: MqttItem = {
  range: "(0,1)",
  beforeOpen: true,
  show: configuration => digit(configuration.cleanSession),
  set: (configuration, args) => {
    args.atMost(3);
    configuration.cleanSession = flag(args, 2);
  },
};

const timeout: MqttItem = {
  range: "(1-60),(0-10),(0,1)",
  beforeOpen: false,
  show: ({ packetTimeoutS, retries, notices }) => [packetTimeoutS, retries, digit(notices)].join(","),
  set: (configuration, args) => {
    args.atMost(5);
    const values = {
      packetTimeoutS: args.integer(2, 1, 60),
      retries: args.integer(3, 0, 10),
      notices: flag(args, 4),
    };
    Object.assign(configuration, values);
  },
};

const will: MqttItem = {
  range: "(0,1),(0-2),(0,1),<will_topic>,<will_message>",
  beforeOpen: true,
  show: ({ will: set }) =>
    set ? `1,${String(set.qos)},${digit(set.retain)},"${set.topic}","${set.message}"` : "0",
  set: (configuration, args, { limits }) => {
    if (!flag(args, 2)) {
      args.atMost(3);
      configuration.will = undefined;
      return;
    }
    args.atMost(7);
    configuration.will = {
      qos: qualityOfService(args, 3),
      retain: flag(args, 4),
      topic: limitedText(args, 5, limits.topic, 1),
      message: limitedText(args, 6, limits.topic),
    };
  },
};

const cloudKeys: MqttItem = {
  range: "<product_key>,<device_name>,<device_secret>",
  beforeOpen: true,
  show: configuration => (configuration.cloudKeys ?? ["", "", ""]).map(text => `"${text}"`).join(","),
  set: (configuration, args) => {
    args.atMost(5);
    configuration.cloudKeys = [2, 3, 4].map(index => limitedText(args, index, 64));
  },
};

/** BG95 MQTT Application Note V1.1, in the order of a BG95-M3's test answer. */
export const bg95MqttItems: MqttItems = {
  version,
  pdpcid: {
    range: "(1-16)",
    beforeOpen: true,
    show: configuration => String(configuration.pdpContext),
    set: (configuration, args) => {
      args.atMost(3);
      configuration.pdpContext = args.integer(2, 1, 16);
    },
  },
  ssl: {
    range: "(0,1),(0-5)",
    beforeOpen: true,
    show: ({ tls }) => (tls.enabled ? `1,${String(tls.context)}` : "0"),
    set: (configuration, args) => {
      args.atMost(4);
      const enabled = flag(args, 2);
      const context = args.integer(3, 0, 5, configuration.tls.context);
      configuration.tls = { ...configuration.tls, enabled, context };
    },
  },
  keepalive: keepAlive,
  session,
  timeout,
  will,
  "recv/mode": {
    range: "(0,1),(0,1)",
    beforeOpen: false,
    show: ({ receiveStored, receiveLength }) => `${digit(receiveStored)},${digit(receiveLength)}`,
    set: (configuration, args) => {
      args.atMost(4);
      const [receiveStored, receiveLength] = [flag(args, 2), flag(args, 3)];
      Object.assign(configuration, { receiveStored, receiveLength });
    },
  },
  aliauth: cloudKeys,
};

/** BC66 MQTT Application Note V2.0. */
export const bc66MqttItems: MqttItems = {
  dataformat: {
    range: "(0,1),(0,1)",
    beforeOpen: false,
    show: ({ sendHex, receiveHex }) => `${digit(sendHex)},${digit(receiveHex)}`,
    set: (configuration, args) => {
      args.atMost(4);
      const [sendHex, receiveHex] = [flag(args, 2), flag(args, 3)];
      Object.assign(configuration, { sendHex, receiveHex });
    },
  },
  keepalive: keepAlive,
  session,
  timeout,
  will,
  version,
  aliauth: cloudKeys,
  echomode: {
    range: "(0,1)",
    beforeOpen: false,
    show: configuration => digit(configuration.echo),
    set: (configuration, args) => {
      args.atMost(3);
      configuration.echo = flag(args, 2);
    },
  },
  ssl: {
    range: "(0,1),(1-3),(0-5)",
    beforeOpen: true,
    show: ({ tls }) => (tls.enabled ? `1,${String(tls.context)},${String(tls.connection)}` : "0"),
    set: (configuration, args) => {
      const enabled = flag(args, 2);
      args.atMost(enabled ? 5 : 3);
      const context = enabled ? args.integer(3, 1, 3) : configuration.tls.context;
      const connection = enabled ? args.integer(4, 0, 5) : configuration.tls.connection;
      configuration.tls = { enabled, context, connection };
    },
  },
};
